"""The gateway watches itself."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from autocore.testing import Car
from autocore_plugins.system.machine import cpu_temperature, disk_used, has_undervoltage, undervoltage_file


@pytest.mark.parametrize(
    ("sensors", "celsius"),
    [({"cpu_thermal": [51.5]}, 51.5), ({"k10temp": [40.0]}, 40.0), ({"acpitz": [20.0]}, None), ({}, None)],
)
def test_the_temperature_of_a_pi_and_of_a_pc_is_found(
    monkeypatch: pytest.MonkeyPatch, sensors: dict[str, list[float]], celsius: float | None
) -> None:
    class Reading:
        def __init__(self, current: float) -> None:
            self.current = current

    found = {name: [Reading(value) for value in values] for name, values in sensors.items()}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: found, raising=False)
    assert cpu_temperature() == celsius


def test_the_low_supply_of_a_pi_is_found_in_the_kernels_files(tmp_path: Path) -> None:
    assert undervoltage_file(tmp_path) is None
    for number, name in enumerate(("cpu_thermal", "rpi_volt")):
        device = tmp_path / f"hwmon{number}"
        device.mkdir()
        (device / "name").write_text(f"{name}\n")
    file = undervoltage_file(tmp_path)
    assert file is not None
    assert has_undervoltage(file) is None
    file.write_text("1\n")
    assert has_undervoltage(file) is True
    file.write_text("0\n")
    assert has_undervoltage(file) is False


def test_a_disk_that_is_gone_has_no_figure(tmp_path: Path) -> None:
    assert disk_used(tmp_path / "gone") is None


async def ready(car: Car) -> None:
    await car.advance(s=1)
    await car.until(lambda: car.value("sensor.system_disk_used") is not None)
    await car.settle()


async def test_the_gateway_measures_itself_and_its_plugins(car: Car) -> None:
    await car.start("telemetry:\nsystem: {every: 10s}\n")
    await ready(car)
    assert car.plugin("system").errors == 0
    for _ in range(200):
        car.publish("autocore/telemetry/cabin/data", {"temperature": 20})
    await car.advance(s=10)
    await car.until(lambda: car.value("sensor.system_messages_received"))
    assert car.value("sensor.system_messages_received") == pytest.approx(20, abs=2)
    for entity in ("memory_used", "gateway_memory", "disk_used", "uptime", "cost_telemetry", "cost_system"):
        assert car.value(f"sensor.system_{entity}") is not None, entity


async def test_a_full_disk_warns_by_itself(car: Car, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore_plugins.system.gauges.machine.disk_used", lambda folder: 97.0)
    await car.start("system:\n")
    await ready(car)
    await car.until(lambda: car.entity("sensor.system_disk_used").level == "critical")


async def test_a_limit_is_changed_or_switched_off_in_the_section(car: Car, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore_plugins.system.gauges.machine.disk_used", lambda folder: 97.0)
    await car.start("system: {limits: {disk: null, memory: {warn_above: 99}}}\n")
    await ready(car)
    assert car.entity("sensor.system_disk_used").level is None
    limits = car.entity("sensor.system_memory_used").description.limits
    assert limits is not None
    assert (limits.warn_above, limits.critical_above) == (99, None)


async def test_a_low_supply_is_told_once(car: Car, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    supply = tmp_path / "in0_lcrit_alarm"
    supply.write_text("0\n")
    monkeypatch.setattr("autocore_plugins.system.undervoltage_file", lambda: supply)
    await car.start("system: {every: 10s}\n")
    await ready(car)
    assert car.value("binary_sensor.system_undervoltage") is False
    supply.write_text("1\n")
    for _ in range(3):
        await car.call("system.measure")
    assert car.value("binary_sensor.system_undervoltage") is True
    page = await car.page("/logs?view=notices")
    assert page.count("below 4.63 V") == 1


async def test_monitoring_shows_charts_of_the_gateway(car: Car) -> None:
    await car.start("system:\n")
    page = await car.page("/monitoring")
    assert 'entities="sensor.system_messages_received,sensor.system_messages_published"' in page
    assert "Temperatura e carga" in await car.page("/monitoring", "pt-BR")
