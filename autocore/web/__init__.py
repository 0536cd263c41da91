"""The web: REST, the live socket and the admin's pages. It asks the core and decides nothing."""
