"""The gateway's core: it knows entities, services, MQTT and storage, and names no plugin."""
