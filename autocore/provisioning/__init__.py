"""How a board gets in: credentials of its own, join mode, and the words to flash."""
