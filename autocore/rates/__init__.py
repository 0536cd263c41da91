"""How much each device may send: what is above is left out and counted, its sender is named, and slowed."""
