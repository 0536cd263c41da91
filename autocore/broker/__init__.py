"""The broker that the gateway brings: Mosquitto as a child. The core knows only where a broker is, never whose it is."""
