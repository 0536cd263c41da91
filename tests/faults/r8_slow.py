"""R8: who does not read costs at most 1 MB, disturbs nobody, and gets the newest when it reads again.

A real gateway with its own Mosquitto, a relay board, 600 values a second and some hundred events a second; somebody whose page is
open, and somebody who turns relays over REST, one call after the other. On every way out some stop to read:

- `live`: pages, for values and events. They are cut after a minute, and come back to the newest;
- `export`: downloads of the events, in their midst;
- `mqtt`: subscribers of all that the gateway publishes, in QoS 0 and QoS 1, whose libraries go on saying that they live;
- `broker`: Mosquitto itself, which is stopped (SIGSTOP) and goes on;
- `telegram`: Telegram, which takes a message and does not answer, for ten chats, while more is told than is kept;
- `plugin`: ten handlers of a plugin, for events and for messages of 20 kB.

Memory is that of the gateway's process (and Mosquitto's, and what the kernel keeps): the highest of the scene less what it was
before, for each of those that do not read. Of `broker` there is one only: what the gateway grew by in as long a time before is
taken off, after twice as long in which it has warmed up.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.busy import PROBE, RELAYS, Busy, Limits, memory_mb, unsent_mb
from tests.faults.gateway import HOST, metrics, scratch, until
from tests.faults.own_broker import OwnBroker
from tests.faults.readers import SMALL, Download, LiveReader, Sampler, Subscriber, values_in
from tests.faults.record import Findings, run_as_command
from tests.faults.slow_bots import SlowBots
from tests.plugins.telegram.bot_api import TOKEN

CLIENTS = 20
EVENTS_PER_S, EVENT_BYTES = 300, 1_000
READ_S = 1.0
PING_S = 0.5
FRAME_S = 0.3  # the gateway tells the newest of a tenth of a second
LAG = 12  # turns, a second
BACK_S = 8.0
CHATS, LETTERS_PER_S, LETTER = 10, 40, 200
DELIVERED_S = 60.0  # all that waited, in order; the newest is the last
HANDLERS, SHORT_EVENT, LONG, LONG_PER_S = 10, 300, 20_000, 30
DAWDLER = f"""
import asyncio
import voluptuous as vol
from autocore.api import Sensor, hookimpl

@hookimpl
def setup(host, config):
    events, messages = (host.entities.add(Sensor(f"dawdler_{{name}}")) for name in ("events", "messages"))
    events.set(0)
    messages.set(0)
    awake = asyncio.Event()

    def handlers():
        async def on_event(event):
            await awake.wait()
            events.set(event.data["number"])

        async def on_message(message):
            await awake.wait()
            messages.set(message.json()["number"])

        host.events.on("chatter.said", on_event)
        host.mqtt.subscribe("{{root}}/dawdler/+", on_message)

    async def wake(call):
        awake.set()
        return {{}}

    for _ in range({HANDLERS}):
        handlers()
    host.services.add("wake", wake)
"""


def live(busy: Busy, seconds: float) -> None:
    """Clients of the live socket stop to read."""
    busy.talk(EVENTS_PER_S, EVENT_BYTES)
    busy.begin()
    before = memory_mb(busy.gateway.pid)
    memory = Sampler(lambda: memory_mb(busy.gateway.pid))
    kernel = Sampler(lambda: unsent_mb(busy.gateway.http_port))
    slow = [busy.live(SMALL) for _ in range(CLIENTS)]
    for one in slow:
        one.say(subscribe={"patterns": ["*"], "events": ["*"]})
    time.sleep(seconds)
    busy.judge_memory(memory.close() - before, CLIENTS)
    busy.judge_memory(kernel.close(), CLIENTS, "kernel")
    busy.talk(0, 0)
    newest = busy.banks.pause()
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as reading:
        has_it = list(reading.map(lambda one: _sees(one, newest) or _sees_anew(busy, newest), slow))
    busy.judge_newest(f"{has_it.count(False)} of {CLIENTS} have not the newest", began, all(has_it))
    busy.banks.resume()
    busy.found.add("live_closed", sum(one.closed is not None for one in slow))
    for one in slow:
        one.close()


def _sees(reader: LiveReader, number: int) -> bool:
    return any(values_in(word).get(PROBE) == number for word in reader.words(READ_S))


def _sees_anew(busy: Busy, number: int) -> bool:
    reader = busy.live()
    reader.say(subscribe={"entities": [PROBE]})
    seen = _sees(reader, number)
    reader.close()
    return seen


def export(busy: Busy, seconds: float) -> None:
    """Downloads of the events stop in their midst."""
    busy.talk(2 * EVENTS_PER_S, 2 * EVENT_BYTES)
    time.sleep(4)
    busy.talk(0, 0)
    said = busy.value("sensor.chatter_said")
    busy.client.get("/events?limit=1").raise_for_status()  # all are on disk then
    busy.begin()
    before = memory_mb(busy.gateway.pid)
    memory = Sampler(lambda: memory_mb(busy.gateway.pid))
    slow = [Download(busy.gateway.http_port, busy.token, "/events/export?type=chatter.") for _ in range(CLIENTS)]
    time.sleep(seconds)
    busy.judge_memory(memory.close() - before, CLIENTS)
    began = time.monotonic()
    file = slow[0].take(READ_S)
    head = file.split(b'{"seq"', 1)[1].split(b"\r\n")[0].split(b"\n")[0]
    newest = json.loads(b'{"seq"' + head)["data"]["number"]
    busy.judge_newest(
        f"the file is {'whole' if slow[0].is_whole else 'broken'}, its first is {newest} of {said}", began, slow[0].is_whole
    )
    for one in slow:
        one.close()


def mqtt(busy: Busy, seconds: float) -> None:
    """Subscribers stop to read."""
    port, broker = busy.gateway.mqtt_port, OwnBroker(busy.gateway.data / "broker", busy.gateway.mqtt_port, Path()).pid
    busy.talk(EVENTS_PER_S, EVENT_BYTES)
    busy.begin()
    before, before_broker = memory_mb(busy.gateway.pid), memory_mb(broker)
    memory, memory_broker = Sampler(lambda: memory_mb(busy.gateway.pid)), Sampler(lambda: memory_mb(broker))
    slow = [Subscriber(port, f"slow_{one}", "autocore/#", qos=one % 2, buffer_bytes=SMALL) for one in range(CLIENTS)]
    other = Subscriber(port, "other", "autocore/#")
    newest = -1
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for one in slow:
            one.ping()
        for topic, body in other.messages(PING_S):
            if topic == f"autocore/entities/{PROBE}/state":
                newest = json.loads(body)["value"]
            if time.monotonic() > ends:
                break
    busy.judge_memory(memory.close() - before, CLIENTS)
    busy.judge_memory(memory_broker.close() - before_broker, CLIENTS, "broker")
    busy.talk(0, 0)
    last = busy.banks.pause()
    time.sleep(FRAME_S)
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as reading:
        has_it = list(reading.map(lambda one: _hears(busy, one, last), slow))
    busy.judge_newest(f"{has_it.count(False)} of {CLIENTS} have not the newest", began, all(has_it))
    if other.is_gone or last - newest > LAG or (newest != last and not _hears(busy, other, last)):
        busy.found.fail(f"mqtt: who reads has {newest} of {last}, and is {'gone' if other.is_gone else 'there'}")
    busy.found.add("mqtt_thrown_off", metrics(busy.client)["autocore_broker_thrown_off"])
    busy.banks.resume()
    for one in (*slow, other):
        one.close()


def _hears(busy: Busy, reader: Subscriber, number: int) -> bool:
    """Say whether who reads again has the newest; one that was thrown off comes back first."""
    wanted = f"autocore/entities/{PROBE}/state"
    ends = time.monotonic() + BACK_S
    for topic, body in reader.messages(BACK_S / 2):
        if topic == wanted and json.loads(body)["value"] == number:
            return True
        if time.monotonic() > ends:
            break
    if not reader.is_gone:
        return False
    back = Subscriber(busy.gateway.mqtt_port, reader.name, wanted)
    found = any(json.loads(body)["value"] == number for _, body in back.messages(READ_S))
    back.close()
    return found


def broker(busy: Busy, seconds: float) -> None:
    """Mosquitto itself does not read."""
    port, pid = busy.gateway.mqtt_port, OwnBroker(busy.gateway.data / "broker", busy.gateway.mqtt_port, Path()).pid
    busy.talk(EVENTS_PER_S, EVENT_BYTES)
    busy.begin()
    time.sleep(2 * seconds)
    usual = memory_mb(busy.gateway.pid)
    time.sleep(seconds)
    before = memory_mb(busy.gateway.pid)
    busy.found.figures["broker_gateway_mb_as_long_before"] = round(before - usual, 3)
    memory = Sampler(lambda: memory_mb(busy.gateway.pid))
    os.kill(pid, signal.SIGSTOP)
    busy.is_without_broker = True
    ends = time.monotonic() + seconds
    while (asked := time.monotonic()) < ends:
        busy.value(PROBE)
        busy.answers_s.append(time.monotonic() - asked)
        time.sleep(PING_S / 10)
    busy.judge_memory(memory.close() - before - max(0.0, before - usual), 1)
    busy.banks.pause()
    said = busy.value("sensor.chatter_said")
    os.kill(pid, signal.SIGCONT)
    busy.talk(0, 0)
    began = time.monotonic()
    newest = until(lambda: busy.value(RELAYS[0]) is not None and busy.value("sensor.chatter_said"), 10, "nothing is said")
    busy.found.worst("worst_broker_board_back_s", time.monotonic() - began)
    reader = Subscriber(port, "reader", "autocore/entities/sensor.chatter_said/state")
    numbers = [json.loads(body)["value"] for _, body in _until_value(reader, newest)]
    reader.close()
    busy.judge_newest(f"the newest is {numbers[-1:]} of {newest} ({said} while it stood)", began, numbers[-1:] == [newest])
    busy.found.add("broker_unsent", metrics(busy.client)["autocore_mqtt_unsent"])
    busy.banks.resume()


def _until_value(reader: Subscriber, value: object) -> Iterator[tuple[str, bytes]]:
    for topic, body in reader.messages(BACK_S):
        yield topic, body
        if json.loads(body)["value"] == value:
            return


def telegram(busy: Busy, seconds: float) -> None:
    """Telegram takes messages and does not answer."""
    busy.begin()
    chatter = paho.Client(CallbackAPIVersion.VERSION2, client_id="teller")
    chatter.connect(HOST, busy.gateway.mqtt_port)
    chatter.loop_start()
    before = memory_mb(busy.gateway.pid)
    memory = Sampler(lambda: memory_mb(busy.gateway.pid))
    told, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:
        told += 1
        chatter.publish("autocore/telegram/send", json.dumps({"text": f"number {told} {'x' * LETTER}"}), qos=1)
        time.sleep(1 / LETTERS_PER_S)
    busy.judge_memory(memory.close() - before, CHATS)
    waiting = until(lambda: busy.value("sensor.telegram_waiting"), 5, "nothing waits for Telegram")
    busy.found.add("telegram_told", told)
    busy.found.add("telegram_waiting", float(str(waiting)))
    assert busy.bots is not None
    began = time.monotonic()
    busy.bots.open()
    wanted = f"number {told} "
    _becomes(busy, "sensor.telegram_waiting", 0, DELIVERED_S)
    seen = [any(wanted in text for text in busy.bots.texts(chat)) for chat in range(1, CHATS + 1)]
    busy.judge_newest(f"{seen.count(False)} of {CHATS} chats have not the newest", began, all(seen), DELIVERED_S)
    _count_letters(busy, busy.bots, told)
    chatter.disconnect()
    chatter.loop_stop()


def _count_letters(busy: Busy, bots: SlowBots, told: int) -> None:
    """Look whether each chat got what was told, or was told how much is lost."""
    for chat in range(1, CHATS + 1):
        text = "\n".join(bots.texts(chat))
        there = {int(one) for one in re.findall(r"number (\d+) ", text)}
        lost = sum(int(one) for one in re.findall(r"(\d+) less important message", text))
        busy.found.add("telegram_lost_and_told", lost)
        told_too = int("has started" not in text)  # the gateway said so first, and that may be among what is lost
        if len(there) + lost != told + told_too * bool(lost):
            busy.found.fail(f"telegram: chat {chat} got {len(there)} of {told}, and was told of {lost} that are lost")


def plugin(busy: Busy, seconds: float) -> None:
    """Handlers of a plugin do not come back."""
    busy.talk(EVENTS_PER_S, SHORT_EVENT)
    busy.begin()
    sender = paho.Client(CallbackAPIVersion.VERSION2, client_id="teller")
    sender.connect(HOST, busy.gateway.mqtt_port)
    sender.loop_start()
    before = memory_mb(busy.gateway.pid)
    memory = Sampler(lambda: memory_mb(busy.gateway.pid))
    told, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:
        told += 1
        sender.publish("autocore/dawdler/long", json.dumps({"number": told, "text": "x" * LONG}))
        time.sleep(1 / LONG_PER_S)
    busy.judge_memory(memory.close() - before, 2 * HANDLERS)
    busy.talk(0, 0)
    until(lambda: busy.value("sensor.dawdler_events") == 0, 5, "the handlers came back by themselves")
    said = until(lambda: busy.value("sensor.chatter_said"), 5, "nothing happened")
    began = time.monotonic()
    busy.act("dawdler.wake")
    has_it = _becomes(busy, "sensor.dawdler_events", said) and _becomes(busy, "sensor.dawdler_messages", told)
    busy.judge_newest(f"the newest is not seen ({said} events, {told} messages)", began, has_it)
    dropped = re.findall(r'autocore_plugin_dropped_total{plugin="dawdler"} ([0-9.e+]+)', _metrics_text(busy))
    busy.found.add("plugin_dropped", float(dropped[0]))
    if not float(dropped[0]):
        busy.found.fail("plugin: nothing was dropped, or it is not counted")
    sender.disconnect()
    sender.loop_stop()


def _metrics_text(busy: Busy) -> str:
    return busy.client.get(f"{busy.gateway.base}/metrics").text


def _becomes(busy: Busy, entity: str, value: object, limit_s: float | None = None) -> bool:
    try:
        until(lambda: busy.value(entity) == value, limit_s or busy.limits.newest_s, "")
    except AssertionError:
        return False
    return True


Play = Callable[[Busy, float], None]
SCENES: dict[str, tuple[Play, float]] = {
    "live": (live, 66.0),
    "export": (export, 20.0),
    "mqtt": (mqtt, 30.0),
    "broker": (broker, 10.0),
    "telegram": (telegram, 30.0),
    "plugin": (plugin, 20.0),
}
"""How each is played, and for how many seconds nobody reads in the full run."""


def run(scene: str, seconds: float, limits: Limits) -> Findings:
    """Play one scene."""
    found = Findings()
    found.runs += 1
    with scratch() as folder, ExitStack() as stack:
        try:
            busy = _vehicle(folder, stack, found, scene, limits)
            SCENES[scene][0](busy, seconds)
            busy.judge_others()
            busy.judge_words()
        except AssertionError as error:
            found.fail(f"{scene}: {error}")
    return found


def _vehicle(folder: Path, stack: ExitStack, found: Findings, scene: str, limits: Limits) -> Busy:
    if scene == "plugin":
        return Busy(folder, stack, found, scene, limits, config="dawdler:\n", plugins={"dawdler": DAWDLER})
    if scene != "telegram":
        return Busy(folder, stack, found, scene, limits)
    bots = SlowBots()
    stack.callback(bots.close)
    chats = ", ".join(str(one) for one in range(1, CHATS + 1))
    section = f"telegram: {{token: '{TOKEN}', base_url: '{bots.url}', chats: [{chats}]}}\n"
    busy = Busy(folder, stack, found, scene, limits, config=section)
    busy.bots = bots
    return busy


def full(options: argparse.Namespace) -> Findings:
    """Play the scenes by turns, as often as is asked."""
    found = Findings()
    for number in range(options.runs):
        scene = list(SCENES)[number % len(SCENES)]
        found.take(run(scene, SCENES[scene][1], Limits()))
    return found


if __name__ == "__main__":
    run_as_command("R8", __doc__, full, runs=len(SCENES))
