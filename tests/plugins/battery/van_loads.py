"""A plugin of the tests: switches that say a priority, obey, and can be taken away, pressed at their board, or made to refuse."""

import voluptuous as vol

from autocore.api import Cause, Refused, Switch, hookimpl


@hookimpl
def config_schema():
    return vol.Schema({str: {vol.Optional("priority"): vol.Any(int, str), vol.Optional("type"): str}})


@hookimpl
def setup(host, config):
    for key, attributes in config.items():
        add(host, key, attributes)


def add(host, key, attributes):
    refuses = []

    async def obey(command):
        if not switch.state.available:
            raise Refused(f"the board of {key} is offline", code="offline")
        if refuses:
            raise Refused(f"{key} is stuck")
        is_on = {"turn_on": True, "turn_off": False}.get(command.verb, not switch.state.value)
        switch.set(is_on, command.caller.cause)
        return {}

    def board(message):
        word = message.text()
        if word == "away":
            switch.lose()
        elif word == "stuck":
            refuses.append(word)
        else:
            switch.set(word == "on", Cause("device", "board"))

    switch = host.entities.add(Switch(key, name=key.title(), attributes=attributes), obey)
    host.mqtt.subscribe(f"board/{key}", board)
