"""A small certificate authority of the gateway's own: what listens on a network shows a certificate that it signed."""
