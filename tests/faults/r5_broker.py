"""R5: the broker is killed 200 times under load, is away for ten minutes, and comes back empty.

A real gateway with its own Mosquitto, which lets nobody in without an account; two relay boards, four sensor nodes with 20
numbered readings a second each in QoS 1, and people who turn relays over REST, one call after the other. Mosquitto gets SIGKILL
at a random moment; every fifth time what it kept and its accounts are deleted before it is started again, every third time it had
just saved what it knew. Now and then it cannot be started for a while, because its port is taken or its program gone. Then:

- the gateway is connected again within 5 s after the broker answers, for commands and for readings;
- every topic that the gateway keeps retained stands there again, as it was, and what it took away does not come back;
- who has an account gets in, who was shut out does not;
- no command that was asked before the broker answered again reaches a relay; what was asked meanwhile failed, with a sentence;
- every reading that a node measured stands in the history; twice only where the node sent it twice.

At the end the gateway is killed while its broker hangs: the next gateway ends what is left of that broker, and takes its place.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from autocore.broker.accounts import GATEWAY
from tests.faults.boards import Boards
from tests.faults.fleet import Caller, Key, Nodes, enters, now_ms, retained, said_by
from tests.faults.gateway import HOST, GatewayProcess, metrics, scratch, until
from tests.faults.own_broker import OwnBroker, is_running, link_program
from tests.faults.record import Findings, run_as_command

CONFIG = """
mqtt: {anonymous: none, publish: ["sensor.still_*", "switch.*"]}
devices: {approve: automatic}
history: {flush_s: 1}
logging: {level: warning}
telemetry:
themes:
relays:
"""
BOARDS = ("left", "right")
LEAVER = "leaver"
NODES = 4
PER_S = 20
LONGEST_LIFE_S = 2.0
BACK_S = 12.0  # the longest pause of the supervisor is 5 s, and Mosquitto may take 5 s to listen
CONNECTED_S = 5.0
OBEYS_S = 20.0  # a board tries again every 5 s at most
DELIVERED_S = 120.0
LOOKED_AT_EVERY = 20
GROWTH_MB = 10.0
DESCRIPTORS = 8
SLACK_MS = 2_000  # what the broker had acknowledged and not passed on when it was killed
NOBODY_MS = 500  # one that came back empty knows nobody until the gateway is there, some milliseconds later
PROBE = "sensor.probe_n"
SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a broker."""

    killed_ms: int
    back_ms: int
    is_emptied: bool = False


class Lane:
    """One gateway whose broker dies again and again.

    Args:
        folder: for everything.
        seed: of the dice.
        found: takes what is found.
        connected_s: how long the gateway may take to be connected again.
    """

    def __init__(self, folder: Path, seed: int, found: Findings, stack: ExitStack, connected_s: float = CONNECTED_S) -> None:
        self.found = found
        self.dice = random.Random(seed)
        self._connected_s = connected_s
        self._outages: list[Outage] = []
        program = link_program(folder / "bin")
        environ = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        self.gateway = GatewayProcess(folder / "gateway", CONFIG, environ=environ)
        self.gateway.start()
        stack.callback(self.gateway.end)
        self.client = self.gateway.admit()
        stack.callback(self.client.close)
        self.broker = OwnBroker(self.gateway.data / "broker", self.gateway.mqtt_port, program)
        self._key = Key(self.gateway.mqtt_port, GATEWAY, self.broker.password)
        self._began_wall = time.time()
        self._probes = 0
        self._passwords = {name: self._admit(name) for name in (*BOARDS, LEAVER, "probe", "still")}
        self._nodes = Nodes(self._key.port, {f"node_{one}": self._admit(f"node_{one}") for one in range(NODES)}, PER_S)
        stack.callback(self._nodes.close)
        self._boards = Boards(self._key.port, {name: self._passwords[name] for name in (*BOARDS, LEAVER)})
        stack.callback(self._boards.close)
        self._say("still", {"level": 7})
        for name in (*BOARDS, LEAVER):
            until(lambda name=name: self._has(f"switch.{name}_1"), 30, f"the board {name} does not come")
        until(lambda: self._has("sensor.still_level"), 10, "the quiet sensor is not heard")
        self._calls = Caller(self.client, [f"switch.{name}_{channel}" for name in BOARDS for channel in (1, 2)])
        stack.callback(self._calls.close)
        self._kept = until(self._all_that_is_kept, 10, f"not everything is retained: {sorted(retained(self._key))}")

    def kill(self, *, is_saved: bool = False, is_emptied: bool = False, away_s: float = 0.0, hides: bool = False) -> None:
        """Kill the broker, and look at everything once it answers again.

        Args:
            is_saved: it writes down what it knows first, as it does every minute.
            is_emptied: what it wrote down and its accounts are deleted meanwhile.
            away_s: for so long it cannot be started.
            hides: by taking its program away; else its port is taken.
        """
        self.found.runs += 1
        if is_saved:
            self.broker.save()
        with ExitStack() as stack:
            killed = now_ms()
            self.broker.kill()
            if is_emptied:
                self.found.add("emptied")
                self.broker.forget()
            if away_s:
                stack.enter_context(self.broker.hidden() if hides else self.broker.shut_out())
                self._be_away(away_s)
        outage = self._come_back(killed, is_emptied=is_emptied)
        self.found.worst("worst_absence_s" if away_s else "worst_broker_away_s", (outage.back_ms - killed) / 1000)

    def shut_out(self) -> None:
        """Shut a board out while the broker is away: it stays out, and its configuration does not come back."""
        self.broker.save()
        killed = now_ms()
        self.broker.kill()
        with self.broker.shut_out():
            until(lambda: not self._is_connected(), 10, "the gateway does not notice that its broker is gone")
            self._expect_sentence(self.client.post(f"/devices/{LEAVER}/retire"))
            del self._kept[f"autocore/devices/{LEAVER}/config"]
        self._come_back(killed)

    def look_at_commands(self) -> None:
        """No command crossed an outage, and each was somebody's."""
        calls = list(self._calls.calls)
        orders = [one for one in list(self._boards.told) if one.order is not None]
        failed = [one for one in calls if one.status != 200]
        self.found.figures["calls"] = len(calls)
        self.found.figures["calls_that_failed"] = len(failed)
        self.found.figures["commands_at_boards"] = len(orders)
        for one in orders:
            assert one.order is not None
            for outage in self._outages:
                if one.order.t_ms < outage.back_ms - 50 and one.at_ms >= outage.back_ms and one.status == "applied":
                    late = (one.at_ms - one.order.t_ms) / 1000
                    self.found.fail(f"{one.board}: a command was carried out {late:.1f} s after it was asked, past an outage")
        last = calls[-1].answered_ms if calls else 0
        spans = [(one.asked_ms, one.answered_ms) for one in calls]
        for one in orders:
            assert one.order is not None
            stamp = one.order.t_ms
            if stamp <= last and not any(asked <= stamp <= answered for asked, answered in spans):
                self.found.fail(f"{one.board}: a command came that nobody asked for: {one.order}")
        for call in failed:
            self._expect_words(call.status, call.body)
        if not any(one.status == "applied" for one in orders) or len(failed) == len(calls):
            self.found.fail("no command was carried out at all")

    def look_at_history(self) -> None:
        """Let everything arrive, and count every reading."""
        try:
            self._nodes.pause(DELIVERED_S)
        except AssertionError as error:
            self.found.fail(str(error))
            return
        for node in self._nodes.nodes:
            wanted = set(range(len(node.sent_ms)))
            with contextlib.suppress(AssertionError):  # it is told below
                until(lambda node=node, wanted=wanted: not wanted - self._values(node.name).keys(), 10, "")
            there = self._values(node.name)
            lost = sorted(wanted - there.keys())
            held = [one for one in lost if self._died_with_the_broker(node.sent_ms[one], node.taken_ms[one])]
            self.found.worst("worst_lost_by_broker_of_a_node", len(held))
            if len(held) != len(lost):
                gone = sorted(set(lost) - set(held))
                self.found.fail(f"{node.name}: {len(gone)} of {len(wanted)} readings are gone, first {gone[:3]}")
            twice = [number for number, amount in there.items() if amount > 1]
            resent = [one for one in twice if self._was_sent_twice(node.sent_ms[one], node.taken_ms[one])]
            self.found.worst("worst_readings_twice_of_a_node", len(resent))
            if len(resent) != len(twice):
                odd = sorted(set(twice) - set(resent))
                self.found.fail(f"{node.name}: {len(odd)} readings stand there twice, and were sent once, first {odd[:3]}")
        self.found.figures["readings"] = sum(len(node.sent_ms) for node in self._nodes.nodes)
        counters = metrics(self.client)
        for name in ("autocore_history_dropped_rows", "autocore_mqtt_flooded", "autocore_mqtt_failed"):
            if counters[name]:
                self.found.fail(f"{name} is {counters[name]:.0f}")
        if "Traceback" in self.gateway.said():
            self.found.fail(f"an exception was not caught: {self.gateway.said().split('Traceback', 1)[1][:3000]}")
        set_aside = [file.name for file in self.broker.folder.iterdir() if "damaged" in file.name]
        if set_aside:
            self.found.fail(f"files without a fault were set aside as damaged: {set_aside}")
        self._nodes.resume()

    def orphan(self) -> None:
        """Kill the gateway while its broker hangs: the next one ends that broker and has one of its own."""
        self._calls.close()
        old = self.broker.pid
        os.kill(old, signal.SIGSTOP)
        self.gateway.kill()
        if not is_running(old):
            self.found.fail("the broker that hangs is gone: nothing was shown")
        try:
            self.gateway.start()
            until(lambda: not is_running(old), 5, "the broker of an earlier gateway is still there")
            until(self._is_connected, 10, "the gateway is not connected to its broker")
        except AssertionError as error:
            self.found.fail(str(error))
            os.kill(old, signal.SIGKILL)
            return
        if self.broker.pid == old:
            self.found.fail("the broker that hangs is still the gateway's")
        self._look_at_accounts()

    def absence(self, seconds: float) -> None:
        """Be without a broker for long: memory and descriptors stay, and nothing of it comes later."""
        before, open_before = _memory_mb(self.gateway.pid), _descriptors(self.gateway.pid)
        self.kill(is_saved=True, away_s=seconds)
        self.found.add("absence_s", seconds)
        grown = max(self._highest_mb - before, 0.0)
        self.found.worst("worst_growth_mb", grown)
        if grown > GROWTH_MB:
            self.found.fail(f"the gateway grew by {grown:.1f} MB while the broker was away")
        if self._most_open - open_before > DESCRIPTORS:
            self.found.fail(f"the gateway had {open_before} open files before, and up to {self._most_open} without a broker")

    def live(self) -> None:
        """Let some time pass with everything at work."""
        begun = len(self._calls.calls)
        for name in BOARDS:
            until(lambda name=name: self._has_obeyed(name, begun), OBEYS_S, f"the board {name} does not obey any more")
        time.sleep(self.dice.uniform(0.0, LONGEST_LIFE_S))

    def _be_away(self, seconds: float) -> None:
        self._highest_mb, self._most_open = 0.0, 0
        ends = time.monotonic() + seconds
        until(lambda: not self._is_connected(), 10, "the gateway does not notice that its broker is gone")
        self._expect_sentence(self.client.post(f"/devices/{BOARDS[0]}/replace"))
        self._expect_sentence(self.client.post("/joining"))
        while time.monotonic() < ends:
            self._highest_mb = max(self._highest_mb, _memory_mb(self.gateway.pid))
            self._most_open = max(self._most_open, _descriptors(self.gateway.pid))
            time.sleep(min(0.5, max(0.0, ends - time.monotonic())))

    def _come_back(self, killed_ms: int, *, is_emptied: bool = False) -> Outage:
        """Wait for the broker, and look at everything."""
        until(self.broker.listens, BACK_S, f"the broker is not started again: {self.gateway.said()[-1500:]}")
        outage = Outage(killed_ms, now_ms(), is_emptied)
        self._outages.append(outage)
        self._await_connection(outage.back_ms)
        self._look_at_retained()
        self._look_at_accounts()
        return outage

    def _await_connection(self, back_ms: int) -> None:
        try:
            until(self._is_connected, self._connected_s, "")
            until(self._hears_readings, self._connected_s, "")
        except AssertionError:
            self.found.fail(f"the gateway is not connected {self._connected_s:g} s after its broker is back")
            until(self._hears_readings, 30, "the gateway does not come back to its broker")
        took_s = (now_ms() - back_ms) / 1000
        self.found.worst("worst_reconnect_s", took_s)
        if took_s > self._connected_s:
            self.found.fail(f"the gateway needed {took_s:.1f} s to be connected again")

    def _look_at_retained(self) -> None:
        try:
            until(lambda: not self._missing(), self._connected_s, "")
        except AssertionError:
            self.found.fail(f"what is retained is not as it was: {self._missing()}")

    def _look_at_accounts(self) -> None:
        if not enters(Key(self._key.port, "probe", self._passwords["probe"]), "probe"):
            self.found.fail("a device with an account is not let in")
        if enters(Key(self._key.port, "probe", "another password than that"), "probe"):
            self.found.fail("a wrong password opens the broker")
        if f"autocore/devices/{LEAVER}/config" not in self._kept and enters(
            Key(self._key.port, LEAVER, self._passwords[LEAVER]), LEAVER
        ):
            self.found.fail("a device that was shut out is let in")

    def _missing(self) -> dict[str, Any]:
        """Give the topics that do not stand in the broker as they should: wanted and found."""
        found = retained(self._key)
        wrong = {name: (body, found.get(name)) for name, body in self._kept.items() if not _is_same(name, body, found.get(name))}
        for name in (one for one in found if re.fullmatch("autocore/devices/[^/]+/config", one)):
            if name not in self._kept:
                wrong[name] = (None, found[name])
        status = found.get("autocore/gateway/status", {})
        if status.get("status") != "online":
            wrong["autocore/gateway/status"] = ("online", status)
        for name in (f"autocore/entities/switch.{one}_{channel}/state" for one in BOARDS for channel in (1, 2)):
            if name not in found:
                wrong[name] = ("a state", None)
        return wrong

    def _all_that_is_kept(self) -> dict[str, Any] | None:
        wanted = [f"autocore/devices/{name}/config" for name in (*BOARDS, LEAVER)]
        wanted += ["autocore/config/theme", "autocore/entities/sensor.still_level/state"]
        found = retained(self._key)
        return {name: found[name] for name in wanted} if found.keys() >= {*wanted, "autocore/gateway/status"} else None

    def _died_with_the_broker(self, sent_ms: int, taken_ms: int) -> bool:
        """Say whether the broker took a reading and could not pass it on: it was killed, or knew nobody who wants it."""
        return any(
            one.killed_ms - SLACK_MS < sent_ms <= one.killed_ms
            or (one.is_emptied and one.back_ms - NOBODY_MS < taken_ms < one.back_ms + NOBODY_MS)
            for one in self._outages
        )

    def _was_sent_twice(self, sent_ms: int, taken_ms: int) -> bool:
        """Say whether the broker died before its acknowledgement reached the node, which then sends the reading again."""
        return any(sent_ms <= one.killed_ms + 50 and taken_ms >= one.killed_ms for one in self._outages)

    def _expect_sentence(self, answer: httpx.Response) -> None:
        self._expect_words(answer.status_code, answer.json())

    def _expect_words(self, status: int, body: dict[str, Any]) -> None:
        said = str(body.get("detail", ""))
        if status not in (409, 503, 504) or not said or len(said) > SENTENCE or "\n" in said:
            self.found.fail(f"without a broker it answers {status} {said or body}")

    def _hears_readings(self) -> bool:
        self._probes += 1
        number = self._probes
        with contextlib.suppress(OSError):
            self._say("probe", {"n": number})
        with contextlib.suppress(AssertionError):
            until(lambda: self._has(PROBE, number), 0.5, "")
            return True
        return False

    def _say(self, name: str, readings: dict[str, Any]) -> None:
        import paho.mqtt.publish as once  # noqa: PLC0415

        auth = {"username": name, "password": self._passwords[name]}
        once.single(
            f"autocore/telemetry/{name}/data",
            str(readings).replace("'", '"'),
            qos=1,
            hostname=HOST,
            port=self._key.port,
            client_id=name,
            auth=auth,  # type: ignore[arg-type]
        )

    def _admit(self, name: str) -> str:
        answer = self.client.post("/devices", json={"id": name})
        answer.raise_for_status()
        return str(answer.json()["credentials"]["password"])

    def _has_obeyed(self, board: str, begun: int) -> bool:
        """Say whether a call for a board was carried out since call number `begun`."""
        return any(one.status == 200 and one.entity.startswith(f"switch.{board}_") for one in self._calls.calls[begun:])

    def _is_connected(self) -> bool:
        return metrics(self.client)["autocore_mqtt_connected"] == 1

    def _has(self, entity: str, value: Any = None) -> bool:
        return said_by(
            self.client, f"/entities/{entity}", lambda one: one["available"] and (value is None or one["value"] == value)
        )

    def _values(self, name: str) -> dict[int, int]:
        """Give how often each number of a node stands in the history."""
        params: dict[str, Any] = {"format": "csv", "from": self._began_wall - 5}
        answer = self.client.get(f"/entities/sensor.{name}_n/history", params=params, timeout=60)
        counts: dict[int, int] = {}
        for line in answer.text.splitlines()[1:] if answer.status_code == 200 else []:
            if text := line.split(",")[1]:
                counts[round(float(text))] = counts.get(round(float(text)), 0) + 1
        return counts


def _is_same(topic: str, kept: Any, found: Any) -> bool:
    """Say whether a topic is as it was; an entity whose device has long been silent becomes unavailable, and its value stays."""
    if topic.endswith("/state"):
        return bool(found) and found["value"] == kept["value"]
    return bool(found == kept)


def _memory_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) / 1000


def _descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def run(seed: int, kills: int, absence_s: float = 0.0, connected_s: float = CONNECTED_S) -> Findings:
    """Kill one gateway's broker so many times; then be without one for a while, if that is asked."""
    found = Findings()
    with scratch() as folder, ExitStack() as stack:
        try:
            lane = Lane(folder, seed, found, stack, connected_s)
            lane.live()
            lane.shut_out()
            for number in range(kills):
                lane.live()
                away_s = lane.dice.uniform(1.0, 8.0) if number % 10 == 9 else 0.0
                lane.kill(is_saved=number % 3 == 2, is_emptied=number % 5 == 4, away_s=away_s, hides=number % 20 == 19)
                if number % LOOKED_AT_EVERY == LOOKED_AT_EVERY - 1:
                    lane.look_at_history()
            if absence_s:
                lane.live()
                lane.absence(absence_s)
            lane.live()
            lane.look_at_history()
            lane.look_at_commands()
            lane.orphan()
        except AssertionError as error:
            found.fail(str(error))
    return found


def full(options: argparse.Namespace) -> Findings:
    """Share the kills among the lanes; the first has the long absence, and the others begin meanwhile."""
    found = Findings()
    shares = [options.runs // options.lanes + (lane < options.runs % options.lanes) for lane in range(options.lanes)]
    absences = [600.0] + [0.0] * (options.lanes - 1)
    with ThreadPoolExecutor(options.lanes) as pool:
        for one in pool.map(run, range(options.seed, options.seed + options.lanes), shares, absences):
            found.take(one)
    return found


if __name__ == "__main__":
    run_as_command("R5", __doc__, full, runs=200)
