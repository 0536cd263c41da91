"""Plugins: found, checked, started, and when one fails it is a status and the rest goes on."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from autocore.core.bus import Bus
from autocore.core.cache import Cache
from autocore.core.clock import Sequence
from autocore.core.config import config_of
from autocore.core.devices import DeviceRegistry
from autocore.core.discovery import find_plugins
from autocore.core.entities import EntityRegistry
from autocore.core.errors import ConfigFaults, PluginError, UnknownName
from autocore.core.holds import Holds
from autocore.core.host import Core, Folders, PluginHost
from autocore.core.link import DeviceLink
from autocore.core.model import INTERNAL
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message
from autocore.core.panels import PanelRegistry
from autocore.core.plugins import Condition, Plugin, Plugins
from autocore.core.safeguards import Safeguards
from autocore.core.services import Record, ServiceRegistry
from autocore.core.storage.database import Database
from autocore.core.storage.state import KeyValue, StateStore
from autocore.plugindatabase import open_plugin_database
from autocore.testing import FakeClock

THERMOMETER = '''
"""Cabin thermometer: one MQTT topic becomes one sensor."""
import voluptuous as vol

from autocore.api import Message, PluginHost, Sensor, hookimpl


@hookimpl
def config_schema():
    return vol.Schema({vol.Required("topic"): str})


@hookimpl
def setup(host: PluginHost, config: dict) -> None:
    cabin = host.entities.add(Sensor("cabin_temperature", name="Cabin", unit="°C"))

    @host.mqtt.subscribe(config["topic"])
    def reading(message: Message) -> None:
        cabin.set(message.json()["value"])
'''


class Bench:
    """The core without a broker: messages are handed to the hub as its connection would."""

    def __init__(self, clock: FakeClock, folder: Path, store: StateStore) -> None:
        self.clock = clock
        self.folder = folder
        self.records: list[Record] = []
        sequence = Sequence(1, lambda limit: None)
        self.bus = Bus(clock, sequence)
        self.entities = EntityRegistry(clock, sequence, self.bus, boot=1)
        devices = DeviceRegistry(clock, self.bus, approves_itself=True)
        self.services = ServiceRegistry(clock, self.records.append)
        self.hub = MqttHub(clock, Endpoint("127.0.0.1", 1), "autocore")
        link = DeviceLink(self.hub, devices, self.bus, clock, epoch=1, version="test")
        self.panels = PanelRegistry()
        self.core = Core(
            clock,
            self.bus,
            self.entities,
            devices,
            self.services,
            Holds(clock, self.entities, self.records.append),
            Safeguards(),
            self.hub,
            link,
            self.panels,
            lambda name: KeyValue(store, name),
            Cache(folder / "cache"),
            self.tell,
            Folders(folder, folder / "data"),
        )
        self.told: list[str] = []
        self.plugins = Plugins(self.bus, self.make_host)

    async def make_host(self, plugin: Plugin, definer: Callable[[Any], object] | None) -> PluginHost:
        database: Database | None = None
        if definer is not None:
            database = await open_plugin_database(self.folder, plugin.name, plugin.folder, definer)
        return PluginHost(plugin.name, plugin.folder, self.core, database, plugin.section)

    def tell(self, text: str, **about: Any) -> None:
        self.told.append(text)

    def arrive(self, topic: str, payload: str) -> None:
        self.hub._on_data(Message(topic, payload.encode()), 0)

    async def run(self, text: str) -> None:
        self.plugins.load(config_of(text))
        await self.plugins.start()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = StateStore(tmp_path)
    await store.open()
    made = Bench(FakeClock(), tmp_path, store)
    yield made
    await made.plugins.stop()
    await store.close()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a plugin where it is found, under the entry point `name`."""
    code = tmp_path / "code"
    code.mkdir()
    monkeypatch.syspath_prepend(str(code))
    points: dict[str, EntryPoint] = {}
    monkeypatch.setattr("autocore.core.plugins.find_plugins", lambda folders: points)

    def put(name: str, source: str, **templates: str) -> None:
        folder = code / f"sample_{name}"
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text(textwrap.dedent(source))
        for template, text in templates.items():
            (folder / "templates" / f"{template}.html").write_text(text)
        sys.modules.pop(f"sample_{name}", None)
        points[name] = EntryPoint(name, f"sample_{name}", "autocore.plugins")

    return put


def test_the_repositorys_own_plugins_are_found_without_importing_them() -> None:
    found = find_plugins()
    assert {"relays", "system", "telemetry"} <= set(found)


async def test_the_thermometer_of_the_documentation_works_as_it_stands(bench: Bench, write: Callable[..., None]) -> None:
    assert len(THERMOMETER.strip().splitlines()) <= 20
    write("thermometer", THERMOMETER)
    await bench.run("thermometer: {topic: home/cabin}\n")
    bench.arrive("home/cabin", '{"value": 21.5}')
    assert bench.entities.get("sensor.cabin_temperature").state.value == 21.5
    bench.arrive("home/cabin", '{"value": "NaN"')
    bench.arrive("home/cabin", "{}")
    status = bench.plugins.get("thermometer")
    assert (status.condition, status.topics, status.entities) == (Condition.RUNNING, ("home/cabin",), 1)
    assert (status.calls, status.errors) == (3, 1)  # a broken payload is the sender's fault, a missing key the plugin's
    assert bench.hub.rejections.total == 1
    assert bench.entities.get("sensor.cabin_temperature").state.value == 21.5


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name\n", "cannot be imported: ModuleNotFoundError"),
        ("this is no python\n", "cannot be imported: SyntaxError"),
        ("from autocore.api import hookimpl\n@hookimpl\ndef setpu(host): ...\n", "has a hook that does not exist"),
        ("from autocore.api import hookimpl\n@hookimpl\ndef config_schema(): 1/0\n", "config_schema raised ZeroDivisionError"),
        (
            "from autocore.api import hookimpl\n@hookimpl\ndef setup(host, config):\n    raise RuntimeError('no')\n",
            "RuntimeError: no (__init__.py:4)",
        ),
    ],
    ids=["an import", "a syntax error", "a misspelt hook", "a schema", "the setup"],
)
async def test_a_plugin_that_cannot_start_is_a_status_and_the_next_runs(
    bench: Bench, write: Callable[..., None], source: str, reason: str
) -> None:
    write("broken", source)
    write("thermometer", THERMOMETER)
    await bench.run("broken:\nthermometer: {topic: t}\n")
    broken, thermometer = bench.plugins
    assert (broken.condition, thermometer.condition) == (Condition.FAILED, Condition.RUNNING)
    assert reason in (broken.reason or "")


async def test_what_a_failed_setup_added_is_undone(bench: Bench, write: Callable[..., None]) -> None:
    write(
        "half",
        """
        from autocore.api import Sensor, hookimpl

        @hookimpl
        async def setup(host, config):
            host.entities.add(Sensor("half")).set(1)
            host.mqtt.subscribe("t", lambda message: None)
            host.mqtt.claim("half/#")
            host.services.add("act", act)
            host.on_stop(lambda: host.log.warning("undone"))
            raise ValueError("halfway")

        async def act(call):
            return {}
        """,
    )
    await bench.run("half:\n")
    assert not bench.entities.get("sensor.half").state.available
    assert [one.name for one in bench.services] == []
    assert bench.hub._claims == {}
    assert bench.hub._data_lane.filters.asked() == {}


async def test_a_setup_that_waits_is_given_up(bench: Bench, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore.core.plugins.SETUP_LIMIT_S", 0.01)
    write(
        "slow",
        """
        import asyncio
        from autocore.api import hookimpl

        @hookimpl
        async def setup(host, config):
            await asyncio.Event().wait()
        """,
    )
    await bench.run("slow:\n")
    assert "took longer" in (bench.plugins.get("slow").reason or "")


async def test_faults_in_sections_are_said_all_at_once(bench: Bench, write: Callable[..., None]) -> None:
    write("thermometer", THERMOMETER)
    with pytest.raises(ConfigFaults) as caught:
        bench.plugins.load(config_of("thermomter:\nthermometer: {topc: t}\n"))
    texts = [str(one) for one in caught.value.faults]
    assert "did you mean thermometer?" in texts[0]
    assert any("did you mean topic?" in one for one in texts)
    assert any("topic is missing" in one for one in texts)


ALL_DOORS = """
    import asyncio
    from pony import orm
    from autocore.api import BinarySensor, Button, Panel, Sensor, Slot, hookimpl
    import msgspec

    class Door(msgspec.Struct):
        open: bool

    heard = []

    @hookimpl
    def models(db):
        class Trip(db.Entity):
            _table_ = "trip"
            name = orm.Required(str)

    @hookimpl
    async def setup(host, config):
        door = host.entities.add(BinarySensor("door"))

        @host.mqtt.subscribe("{root}/door", payload=Door)
        def on_door(message, word):
            door.set(word.open)

        @host.mqtt.subscribe("{root}/later", payload=Door)
        async def on_later(message, word):
            heard.append(("later", word.open))

        async def press(command):
            heard.append(command.verb)
            raise ZeroDivisionError

        host.entities.add(Button("horn"), on_command=press)
        host.states.on("binary_sensor.door", lambda entity, old, new: heard.append(new.value))
        host.events.on("*", lambda event: heard.append(event.type))
        host.schedule.every(10, lambda: heard.append("tick"))
        host.schedule.after(5, lambda: heard.append("once"))
        host.panels.add(Panel("Doors", template="doors.html"))
        host.services.add("count", count)
        host.events.emit("ready", {"a": 1})
        host.spawn(work(host))
        await host.store.set("seen", 1)

        def add():
            host.db.pony.Trip(name="to the sea")

        await host.db.run(add)

    async def work(host):
        heard.append("working")
        raise OSError("no disk")

    async def count(call):
        return {"count": 7}

    @hookimpl
    def teardown(host):
        heard.append("torn down")
"""


async def test_every_door_of_the_host_opens_and_is_shut_again(bench: Bench, write: Callable[..., None], tmp_path: Path) -> None:
    write("doors", ALL_DOORS, doors="<p></p>")
    migrations = tmp_path / "code" / "sample_doors" / "migrations"
    migrations.mkdir()
    (migrations / "0001_trip.sql").write_text("CREATE TABLE trip (id INTEGER PRIMARY KEY, name TEXT NOT NULL);")
    await bench.run("doors:\n")
    assert bench.plugins.get("doors").condition is Condition.RUNNING, bench.plugins.get("doors").reason
    heard = sys.modules["sample_doors"].heard
    bench.arrive("autocore/door", '{"open": true}')
    bench.arrive("autocore/door", '{"open": 7}')
    bench.arrive("autocore/later", '{"open": false}')
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    bench.clock.advance(11)
    assert {True, "doors.ready", "tick", "once", "working", ("later", False)} <= set(heard)
    assert (await bench.services.call("doors.count", {}, INTERNAL)) == {"count": 7}
    handler = bench.entities.get("button.horn").handler
    assert handler is not None
    with pytest.raises(PluginError, match="press"):
        await handler(None)  # type: ignore[arg-type]  # it fails before it looks
    assert [placed.path for placed in bench.panels] == ["/doors"]
    status = bench.plugins.get("doors")
    assert status.errors >= 2
    assert (status.services, status.panels) == (("doors.count",), ("Doors",))

    await bench.plugins.stop()
    assert heard[-1] != "tick"
    assert "torn down" in heard
    assert (list(bench.panels), list(bench.services)) == ([], [])
    assert not bench.entities.get("binary_sensor.door").state.available
    bench.clock.advance(60)
    assert heard.count("tick") == 1


async def test_a_reload_reads_changed_code_and_touches_only_what_changed(bench: Bench, write: Callable[..., None]) -> None:
    write("thermometer", THERMOMETER)
    write("other", THERMOMETER.replace("cabin_temperature", "other"))
    await bench.run("thermometer: {topic: a}\nother: {topic: b}\n")
    other = bench.plugins._plugins["other"].host
    write("thermometer", THERMOMETER.replace('unit="°C"', 'unit="K"'))
    assert (await bench.plugins.reload("thermometer")).condition is Condition.RUNNING
    assert getattr(bench.entities.get("sensor.cabin_temperature").description, "unit", None) == "K"

    changed = await bench.plugins.apply(config_of("thermometer: {topic: c}\nother: {topic: b}\n"))
    assert changed == ["thermometer"]
    assert bench.plugins.get("thermometer").topics == ("c",)
    assert bench.plugins._plugins["other"].host is other

    with pytest.raises(ConfigFaults):
        await bench.plugins.apply(config_of("thermometer: {topic: 7}\n"))
    assert bench.plugins.get("thermometer").condition is Condition.RUNNING
    assert await bench.plugins.apply(config_of("other: {topic: b}\n")) == ["thermometer"]
    with pytest.raises(UnknownName):
        bench.plugins.get("thermometer")
    write("other", "1/0\n")
    assert "ZeroDivisionError" in ((await bench.plugins.reload("other")).reason or "")


async def test_an_async_handler_keeps_its_order_and_a_flood_drops_the_oldest(
    bench: Bench, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autocore.core.guard.WAITING_CALLS", 3)
    write(
        "queue",
        """
        from autocore.api import hookimpl
        heard = []

        @hookimpl
        def setup(host, config):
            @host.mqtt.subscribe("t")
            async def take(message):
                heard.append(message.text())
        """,
    )
    await bench.run("queue:\n")
    for number in range(5):
        bench.arrive("t", str(number))
    for _ in range(5):
        await asyncio.sleep(0)
    assert sys.modules["sample_queue"].heard == ["2", "3", "4"]
    host = bench.plugins._plugins["queue"].host
    assert host is not None
    assert host.guard.cost.dropped == 2


async def test_long_messages_that_wait_for_an_async_handler_are_fewer_and_the_newest_stays(
    bench: Bench, write: Callable[..., None]
) -> None:
    write(
        "queue",
        """
        from autocore.api import hookimpl
        heard = []

        @hookimpl
        def setup(host, config):
            @host.mqtt.subscribe("t")
            async def take(message):
                heard.append(message.text()[0])
        """,
    )
    await bench.run("queue:\n")
    for letter in "abcdefghij":
        bench.arrive("t", letter * 60_000)
    for _ in range(5):
        await asyncio.sleep(0)
    assert sys.modules["sample_queue"].heard == list("cdefghij")
    assert bench.plugins.get("queue").dropped == 2
