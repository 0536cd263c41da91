"""The audit's chain: how its rows are signed, what is kept beside them, and how everybody can see that none was touched."""
