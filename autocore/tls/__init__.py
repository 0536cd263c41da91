"""Encryption for the vehicle's own network: a small certificate authority, its server certificate, and who looks after them."""
