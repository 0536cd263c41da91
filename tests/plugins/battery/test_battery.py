"""A battery in a whole gateway: what goes off in the vehicle, what comes on again, and what people hear of it."""

from __future__ import annotations

from typing import Any

import pytest

from autocore.core.errors import ConfigFaults
from autocore.core.model import Role
from autocore.testing import Car

LOADS = """
van_loads:
  radio: {priority: 9}
  heater: {priority: 9}
  fridge: {priority: 3, type: toggle}
  pump: {priority: 2, type: timed}
  alarm: {priority: keep}
  dome: {}
"""
BATTERY = "battery: {name: House battery, source: sensor.cabin_volts, hold: 10s, stale_after: 30s}\n"
TELEMETRY = "telemetry: {expires_after: 10min}\n"
SWITCHES = ("alarm", "dome", "fridge", "heater", "pump", "radio")


class Van:
    """A vehicle of whose cabin battery a node tells the voltage, once a second."""

    def __init__(self, car: Car) -> None:
        self.car = car

    async def begin(self, text: str = BATTERY + TELEMETRY + LOADS, *, on: bool = True) -> Van:
        await self.car.start(text)
        for one in SWITCHES if on else ():
            self.board(one, "on")
        return self

    def board(self, load: str, word: str) -> None:
        self.car.publish(f"board/{load}", word.encode())

    async def drive(self, volts: float, s: int = 11) -> None:
        for _ in range(s):
            self.car.publish("autocore/telemetry/cabin/data", {"volts": volts})
            await self.car.advance(1)
            await self.saved()

    async def saved(self) -> None:
        """Wait until orders that wait for the disk were carried out."""
        await self.car.until(lambda: all(one._waiting == 0 and one._orders.empty() for one in self.batteries))
        await self.car.settle()

    @property
    def batteries(self) -> list[Any]:
        assert self.car._gateway is not None
        assert self.car._gateway.plugins is not None
        host = self.car._gateway.plugins._plugins["battery"].host
        assert host is not None
        return host.data  # type: ignore[no-any-return]

    @property
    def on(self) -> set[str]:
        return {one for one in SWITCHES if self.car.value(f"switch.{one}") is True}

    @property
    def level(self) -> Any:
        return self.car.value("sensor.house_battery_level")

    async def person(self, verb: str, load: str) -> None:
        await self.car.call(f"switch.{verb}", {"entity": f"switch.{load}"}, role=Role.OPERATOR)

    async def told(self) -> list[tuple[str, str]]:
        web = await self.car.web()
        items = (await web.get("/api/v1/notices")).json()["items"]
        return [(one["severity"], one["text"]) for one in reversed(items) if one["source"] == "battery"]


@pytest.fixture
def van(car: Car) -> Van:
    return Van(car)


async def test_cranking_changes_nothing(van: Van) -> None:
    await van.begin()
    await van.drive(12.7)
    await van.drive(9.4, 8)
    await van.drive(13.9)
    assert (van.level, van.on) == ("normal", set(SWITCHES))


async def test_loads_go_off_by_priority_and_come_on_again_in_reverse(van: Van) -> None:
    await van.begin()
    await van.drive(12.1)
    assert (van.level, van.on) == ("warn", set(SWITCHES))
    await van.drive(11.8)
    assert (van.level, van.on) == ("shed", {"alarm", "dome", "fridge", "pump"})
    assert van.car.value("sensor.house_battery_shed") == 2
    await van.drive(11.8)
    assert van.on == {"alarm", "dome", "pump"}
    await van.drive(11.5)
    assert (van.level, van.on) == ("park", {"alarm", "dome"})
    await van.drive(13.5, 12)
    assert (van.level, van.on) == ("normal", {"alarm", "dome", "fridge"})
    await van.drive(13.5, 12)
    assert van.on == {"alarm", "dome", "fridge", "heater", "radio"}  # the pump is timed: nobody knows whether it is still wanted
    assert van.car.value("sensor.house_battery_shed") == 0
    told = await van.told()
    assert [severity for severity, _ in told] == ["warning", "error", *["warning"] * 3, "critical", *["info"] * 3]
    assert told[0][1] == "House battery is at 12.1 V (warn): charge it, or turn something off"
    assert told[2][1] == "Turned off for House battery: Heater, Radio"


async def test_the_call_stands_under_the_name_of_the_plugin(van: Van) -> None:
    await van.begin()
    calls: list[tuple[str, str]] = []
    van.car.core.bus.on("service.called", lambda event: calls.append((event.data["service"], event.cause.who)))
    await van.drive(11.8)
    assert calls == [("switch.turn_off", "battery")]


async def test_every_change_is_an_event_with_its_class(van: Van) -> None:
    await van.begin()
    events: list[tuple[str, Any, str]] = []
    van.car.core.bus.on("*", lambda event: events.append((event.type, event.data.get("level"), event.data.get("class", ""))))
    await van.drive(11.8)
    await van.drive(13.9, 25)
    ours = [one for one in events if one[0].startswith("battery.")]
    assert ours == [
        ("battery.level", "shed", "error"),
        ("battery.shed", None, "warning"),
        ("battery.level", "normal", "info"),
        ("battery.restored", None, "info"),
    ]


async def test_a_stale_voltage_alarms_and_turns_nothing_off_or_on(van: Van) -> None:
    await van.begin()
    await van.drive(11.8)
    before = van.on
    await van.car.advance(31)
    await van.car.advance(600)
    assert (van.level, van.on) == (None, before)
    (told,) = [text for severity, text in await van.told() if severity == "error" and "sensor.cabin_volts" in text]
    assert told.startswith("The voltage of House battery is not measured: sensor.cabin_volts says nothing usable for 30 s")
    await van.drive(12.1, 3)
    assert (van.level, van.on) == ("shed", before)


async def test_another_sensor_is_no_voltage_of_this_battery(van: Van) -> None:
    await van.begin()
    await van.drive(12.7)
    for _ in range(15):
        van.car.publish("autocore/telemetry/cabin/data", {"volts": 12.7})
        van.car.publish("autocore/telemetry/engine/data", {"volts": 10.0})
        van.car.publish("autocore/telemetry/cabin/data", {"volts": "low"})
        await van.car.advance(1)
    assert van.on == set(SWITCHES)


async def test_a_person_turns_a_load_on_again_and_it_stays_on_until_it_gets_worse(van: Van) -> None:
    await van.begin()
    await van.drive(11.8)
    await van.person("turn_on", "radio")
    await van.drive(11.8, 40)
    assert (van.level, van.on) == ("shed", {"alarm", "dome", "radio"})
    assert "Turned on again by a person" in await van.car.page("/battery")
    await van.drive(11.4, 12)
    assert van.on == {"alarm", "dome"}


async def test_a_button_at_the_board_is_a_person_and_an_automation_is_none(van: Van) -> None:
    await van.begin()
    await van.drive(11.8)
    van.board("radio", "on")
    await van.car.call("switch.turn_on", {"entity": "switch.heater"})  # the gateway itself
    await van.drive(11.8, 12)
    assert "radio" in van.on
    assert "heater" not in van.on


async def test_what_a_person_turned_off_meanwhile_stays_off(van: Van) -> None:
    await van.begin()
    await van.drive(11.8)
    await van.car.call("switch.turn_off", {"entity": ["switch.radio", "switch.dome"]}, role=Role.OPERATOR)
    await van.drive(13.9, 40)
    assert van.on == {"alarm", "fridge", "heater", "pump"}


async def test_a_load_whose_board_is_away_goes_off_when_it_is_back(van: Van) -> None:
    await van.begin()
    van.board("radio", "away")
    await van.drive(11.8)
    assert (
        "warning",
        "Radio cannot be turned off: no board answers for it; it is turned off when it is back",
    ) in await van.told()
    assert "Not reached" in await van.car.page("/battery")
    van.board("radio", "on")
    await van.drive(11.8, 2)
    assert "radio" not in van.on


async def test_a_load_that_is_stuck_is_told_once(van: Van) -> None:
    await van.begin()
    for one in ("radio", "heater"):
        van.board(one, "stuck")
    await van.drive(11.8, 40)
    assert {"radio", "heater"} <= van.on
    stuck = [text for _, text in await van.told() if "stuck" in text]
    assert stuck == ["Heater could not be turned off: heater is stuck", "Radio could not be turned off: radio is stuck"]


async def test_a_load_that_does_not_come_on_again_is_given_up_and_told(van: Van) -> None:
    await van.begin()
    await van.drive(11.8)
    for one in ("radio", "heater"):
        van.board(one, "stuck")
    await van.drive(13.9, 60)
    assert ("warning", "Radio stays off: it was refused too often") in await van.told()
    assert van.car.value("sensor.house_battery_shed") == 0


async def test_a_restart_restores_what_was_shed_and_not_too_early(van: Van) -> None:
    await van.begin()
    await van.drive(11.8)
    await van.person("turn_on", "heater")
    await van.drive(11.8)
    await van.car.stop()
    await van.begin(on=False)
    for one in SWITCHES:
        van.board(one, "off" if one in ("radio", "fridge") else "on")
    assert van.car.value("sensor.house_battery_shed") == 2
    await van.drive(12.1, 20)
    assert (van.level, van.on) == ("shed", {"alarm", "dome", "heater", "pump"})
    await van.drive(13.9, 25)
    assert van.on == set(SWITCHES)


async def test_a_reload_of_the_plugin_forgets_nothing(van: Van) -> None:
    await van.begin()
    await van.drive(11.8)
    web = await van.car.web()
    assert (await web.post("/api/v1/plugins/battery/reload")).is_success
    assert van.car.value("sensor.house_battery_shed") == 2
    await van.drive(13.9, 25)
    assert van.on == set(SWITCHES)


async def test_two_batteries_have_their_own_loads(van: Van) -> None:
    text = """
battery:
  - {name: Starter, source: sensor.engine_volts, hold: 10s, loads: {switch.radio: 5, switch.dome: 1}}
  - {name: House battery, source: sensor.cabin_volts, hold: 10s, by_priority: true, loads: {switch.fridge: keep, switch.alarm: 9}}
"""
    await van.begin(text + TELEMETRY + LOADS)
    for _ in range(11):
        van.car.publish("autocore/telemetry/engine/data", {"volts": 11.0})
        await van.car.advance(1)
    await van.saved()
    assert van.on == {"alarm", "fridge", "heater", "pump"}
    await van.drive(11.0, 12)
    assert van.on == {"fridge"}
    assert (van.car.value("sensor.starter_level"), van.level) == ("park", "park")


async def test_the_page_says_what_is_off_and_what_comes_next(van: Van) -> None:
    await van.begin()
    page = await van.car.page("/battery")
    assert "Would be turned off next" in page
    assert "There is no sensor.cabin_volts yet" in page
    await van.drive(11.8, 22)
    page = await van.car.page("/battery")
    assert "Loads are turned off" in page
    assert "Turned off, and on again when it recovers" in page
    assert "Cargas são desligadas" in await van.car.page("/battery", "pt-BR")
    assert "3 off for it" in await van.car.page("/")
    await van.drive(12.4)
    assert "Turned on next" in await van.car.page("/battery")
    web = await van.car.web()
    told = (await web.get("/api/v1/plugins/battery/diagnostics")).json()["diagnostics"]["house_battery"]
    assert (told["level"], told["is_stale"]) == ("warn", False)


async def test_without_a_battery_the_page_says_what_to_write(van: Van) -> None:
    await van.car.start("battery:\n")
    assert "No battery is described yet" in await van.car.page("/battery")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("battery: {}", "source"),
        ("battery: {source: volts}", "expected an entity id"),
        ("battery: {source: sensor.a, profile: leed}", "use one of lead, lifepo4"),
        (
            "battery: {source: sensor.a, levels: {warn: 11.5}}",
            "warn is above shed and shed above park; these are 11.5, 11.9 and 11.6 V",
        ),
        ("battery: {source: sensor.a, levels: {park: 24}}", "park of a battery of this profile is 9 to 16 V"),
        ("battery: {source: sensor.a, levels: {park: 999}}", "write park as a voltage"),
        ("battery: {source: sensor.a, profile: lead_24v, levels: {warn: 12.2}}", "18 to 32 V"),
        ("battery: {source: sensor.a, hold: 0s}", "1s to 1h"),
        ("battery: {source: sensor.a, loads: {switch.a: 10}}", "write 1 to 9, of which 9 goes off first, or keep"),
        ("battery: {source: sensor.a, loads: {light.a: 1}}", "a load is a switch"),
        (f"battery: {{source: sensor.a, loads: {{{', '.join(f'switch.n{n}: 1' for n in range(201))}}}}}", "at most 200 loads"),
        ("battery: [{source: sensor.a, name: '?'}]", "no letter or digit"),
        ("battery: [{source: sensor.a}, {source: sensor.b}]", "two batteries would be sensor.battery_level"),
        (
            "battery: [{source: sensor.a, loads: {switch.a: 1}}, {source: sensor.b, name: B, loads: {switch.a: 1}}]",
            "hangs on another battery",
        ),
        (
            "battery: [{source: sensor.a, by_priority: true}, {source: sensor.b, name: B, by_priority: true}]",
            "a switch has one battery",
        ),
    ],
    ids=lambda text: text[:60],
)
async def test_a_section_that_cannot_be_right_is_refused_with_a_hint(car: Car, text: str, fault: str) -> None:
    with pytest.raises(ConfigFaults, match=fault):
        await car.start(text + "\n")
