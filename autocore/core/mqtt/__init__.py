"""MQTT: topic rules, messages, three connections to one broker, and that broker as a child of the gateway."""
