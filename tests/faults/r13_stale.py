"""R13: a stale command moves nothing, whether it was queued, retained, doubled or repeated by somebody who recorded it.

Two forms. In virtual time the gateway's own hub and link stand on one side, a board's rules on the other, and between them a
network that delays by seconds, bunches, doubles, drops, and says again whatever was said before, statuses and welcomes among
it, in the order and with the pauses in which it was recorded; the board sleeps, wakes and loses its power, the gateway dies
and starts, with another clock after a reboot. Afterwards, in calm, a fresh command must be carried out: a board that obeys
nobody is useless.

Then with real parts: a gateway, its own Mosquitto, and a board as a program of its own. A board is frozen while people turn
its relays, and thawed when that is no longer meant; what the gateway said is said again by somebody with the gateway's own
password, at once and after a restart of the board and of the gateway; a command is left retained on the board's topic.
"""

from __future__ import annotations

import argparse
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from autocore.broker.accounts import GATEWAY
from tests.faults.boards import Boards
from tests.faults.gateway import HOST, GatewayProcess, scratch, until
from tests.faults.own_broker import password_of
from tests.faults.record import Findings, run_as_command
from tests.faults.stale import play
from tests.faults.stale_board import BOARD, COMMAND, STATUS, WELCOME

CONFIG = """
mqtt: {anonymous: none}
devices: {approve: automatic}
logging: {level: warning}
relays:
"""
ROUNDS = 20
OBEYS_S = 30.0  # a board tries again every 5 s at most, and a gateway that was killed has to start
DELETED_S = 10.0
SPOKEN = ((COMMAND, 2), (WELCOME, 1), (STATUS, 1))


class Vehicle:
    """One gateway, one board, and somebody who hears everything and says it again.

    Args:
        folder: for everything.
        seed: of the dice.
        found: takes what is found.
    """

    def __init__(self, folder: Path, seed: int, found: Findings, stack: ExitStack) -> None:
        self.found = found
        self.dice = random.Random(seed)
        self._number = 0
        self._tape: list[tuple[str, bytes, int]] = []
        self.gateway = GatewayProcess(folder / "gateway", CONFIG)
        self.gateway.start()
        stack.callback(self.gateway.end)
        self.client = self.gateway.admit()
        stack.callback(self.client.close)
        answer = self.client.post("/devices", json={"id": BOARD})
        answer.raise_for_status()
        self._password = str(answer.json()["credentials"]["password"])
        self._told: list[Any] = []
        self._repeater = self._connect()
        stack.callback(self._repeater.loop_stop)
        stack.callback(self._repeater.disconnect)
        self._boards = Boards(self.gateway.mqtt_port, {BOARD: self._password})
        stack.callback(self._switch_off)

    def act(self, name: str) -> None:
        """Do one of `ACTS`; then a fresh command must be carried out, and what came before it has been judged by then."""
        self.found.runs += 1
        self.found.add(name)
        getattr(self, name)()
        self.turn()

    def turn(self) -> None:
        """Turn a relay until that is done."""
        until(lambda: self._call() == 200, OBEYS_S, f"the board does not obey any more: {self.gateway.said()[-1500:]}")

    def double(self) -> None:
        """Say the last command three times more, at once."""
        self.turn()
        last = next(one for one in reversed(self._tape) if one[0] == COMMAND)
        for _ in range(3):
            self._say(*last)

    def repeat(self) -> None:
        """Say again all that was ever said, in its order."""
        for one in list(self._tape):
            self._say(*one)

    def queue(self) -> None:
        """Turn relays of a board that is frozen; it is thawed once nobody means that any more."""
        self._boards.freeze()
        for _ in range(self.dice.randint(1, 3)):
            if (status := self._call()) == 200:
                self.found.fail(f"a board that is frozen is said to have obeyed: {status}")
        self._boards.thaw()

    def retain(self) -> None:
        """Leave a command retained on the board's topic, and switch the board off and on."""
        topic, payload, qos = self.dice.choice([one for one in self._tape if one[0] == COMMAND])
        before = self._alarms()
        self._say(topic, payload, qos, retain=True)
        until(lambda: self._alarms() > before, DELETED_S, "nobody was told of a retained command")
        self._switch_off_and_on()

    def power_cycle(self) -> None:
        """Switch the board off and on, and say again all that was said to its earlier connections."""
        self._switch_off_and_on()
        self.repeat()

    def restart(self) -> None:
        """Kill the gateway and start it, and say again all that the earlier one said."""
        self.gateway.kill()
        self.gateway.start()
        until(self._repeater.is_connected, 20, "the repeater does not get in again")
        self.repeat()

    def judge(self) -> None:
        """Every command that was obeyed was obeyed once, within its time to live, and every change had such a command."""
        told = [*self._told, *self._boards.told]
        obeyed = [one for one in told if one.order is not None and one.status == "applied"]
        self.found.add("real_commands_carried_out", len(obeyed))
        self.found.add("real_stale_deliveries", sum(1 for one in told if one.order is not None and one.status != "applied"))
        seen: set[str] = set()
        for one in obeyed:
            assert one.order is not None
            if one.order.id in seen:
                self.found.fail(f"{one.order} was carried out twice")
            seen.add(one.order.id)
            age_ms = one.at_ms - one.order.t_ms
            self.found.worst("worst_age_ms", age_ms)
            if age_ms > one.order.ttl_ms:
                self.found.fail(f"{one.order} was carried out {age_ms} ms after it was given")
        changes = [one for one in told if one.order is None and one.cause == "command"]
        if len(changes) > len(obeyed):
            self.found.fail(f"{len(changes)} changes were caused by {len(obeyed)} commands")
        if "Traceback" in self.gateway.said():
            self.found.fail(f"an exception was not caught: {self.gateway.said().split('Traceback', 1)[1][:3000]}")

    def _call(self) -> int:
        self._number += 1
        verb = "turn_off" if self._number % 2 else "turn_on"
        body = {"entity": f"switch.{BOARD}_{self.dice.randint(1, 4)}"}
        return self.client.post(f"/services/switch/{verb}", json=body).status_code

    def _alarms(self) -> int:
        answer = self.client.get("/events", params={"type": "mqtt.retained_command", "limit": 500})
        answer.raise_for_status()
        return len(answer.json()["items"])

    def _switch_off(self) -> None:
        self._boards.close()
        self._told += self._boards.told

    def _switch_off_and_on(self) -> None:
        self._switch_off()
        self._boards = Boards(self.gateway.mqtt_port, {BOARD: self._password})

    def _say(self, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> None:
        self.found.add("real_repeated")
        self._repeater.publish(topic, payload, qos, retain).wait_for_publish(10)

    def _connect(self) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(GATEWAY, password_of(self.gateway.data / "broker"))
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda *_words: client.subscribe(list(SPOKEN))

        def on_message(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            said = message.topic, bytes(message.payload), message.qos
            if message.payload and not message.retain and said not in self._tape:
                self._tape.append(said)

        client.on_message = on_message
        client.connect(HOST, self.gateway.mqtt_port)
        client.loop_start()
        until(client.is_connected, 10, "the repeater does not get in")
        return client


ACTS = ("double", "repeat", "queue", "retain", "power_cycle", "restart")


def drive(folder: Path, seed: int, rounds: int, found: Findings) -> None:
    """Do everything with real parts, so many times."""
    with ExitStack() as stack:
        try:
            vehicle = Vehicle(folder, seed, found, stack)
            vehicle.turn()
            for number in range(rounds):
                vehicle.act(ACTS[number % len(ACTS)])
            vehicle.judge()
        except AssertionError as error:
            found.fail(str(error))


def play_many(seeds: range, found: Findings) -> None:
    """Play situations in virtual time."""
    for seed in seeds:
        world = play(seed)
        found.runs += 1
        for fault in world.faults:
            found.fail(f"situation {seed}: {fault}")
        for name in ("issued", "delivered", "carried_out", "refused", "replayed"):
            found.add(name, getattr(world.figures, name))


def full(options: argparse.Namespace) -> Findings:
    """Play in virtual time; then drive with real parts, a tenth of a percent as often."""
    found = Findings()
    play_many(range(options.seed, options.seed + options.runs), found)
    with scratch() as folder:
        drive(folder, options.seed, max(len(ACTS), options.runs // 200), found)
    return found


if __name__ == "__main__":
    run_as_command("R13", __doc__, full, runs=20_000)
