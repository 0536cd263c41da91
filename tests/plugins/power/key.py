"""A plugin of the tests: the key of the vehicle as a binary sensor, turned on its topic."""

from autocore.api import BinarySensor, hookimpl


@hookimpl
def setup(host, config):
    def turned(message):
        word = message.text()
        if word == "gone":
            key.lose()
        else:
            key.set(word == "on")

    key = host.entities.add(BinarySensor("ignition", name="Ignition"))
    host.mqtt.subscribe("key", turned)
