"""What the card has to bear is measured: by the kernel's own count, for the gateway and its broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from autocore.builtin.writes import WriteMeter, bytes_written
from autocore.testing import Car, FakeClock


class Kernel:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.written: dict[int | str, int | None] = {"self": 1_000}
        self.broker: int | None = None
        self.meter = WriteMeter(self.clock, lambda: self.broker, self.written.get)


def test_what_the_kernel_counts_is_read_without_what_it_threw_away(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "io").write_text("rchar: 5\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n")
    assert bytes_written(7, tmp_path) == 4096


@pytest.mark.parametrize(
    "text", [None, "", "write_bytes: many\ncancelled_write_bytes: 1\n"], ids=["no file", "empty", "no number"]
)
def test_where_the_kernel_does_not_tell_nothing_is_known(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "7").mkdir()
    if text is not None:
        (tmp_path / "7" / "io").write_text(text)
    assert bytes_written(7, tmp_path) is None
    clock = FakeClock()
    meter = WriteMeter(clock, lambda: 7, lambda pid: bytes_written(pid, tmp_path))
    meter.start()
    clock.advance(7200)
    assert (dict(meter.totals()), meter.per_hour()) == ({}, None)


def test_the_rate_is_that_of_the_last_hour() -> None:
    kernel = Kernel()
    kernel.meter.start()
    kernel.clock.advance(200)
    assert kernel.meter.per_hour() is None  # the start writes much, an hour would not
    for _ in range(120):
        kernel.written["self"] = (kernel.written["self"] or 0) + 1_000_000
        kernel.clock.advance(60)
    assert kernel.meter.per_hour() == pytest.approx(60e6, rel=0.03)
    kernel.clock.advance(3600 * 2)
    assert kernel.meter.per_hour() == 0


def test_a_broker_that_is_started_again_goes_on_in_its_total() -> None:
    kernel = Kernel()
    kernel.meter.start()
    kernel.broker, kernel.written[7] = 7, 500
    assert kernel.meter.totals() == {"gateway": 1_000, "broker": 500}
    kernel.broker, kernel.written[8] = None, 40
    assert kernel.meter.totals()["broker"] == 500
    kernel.broker = 8
    assert kernel.meter.totals()["broker"] == 540
    kernel.written[8] = 10  # thrown away unwritten
    assert kernel.meter.totals()["broker"] == 540
    kernel.written[8] = 60
    assert kernel.meter.totals()["broker"] == 560


async def test_the_bytes_stand_on_the_monitoring_page_and_in_the_metrics(car: Car, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore.builtin.parts.bytes_written", lambda pid: 5_000_000)
    await car.start("system:\n")
    await car.advance(600)
    web = await car.web()
    assert 'autocore_disk_written_bytes_total{process="gateway"} 5e+06' in (await web.get("/metrics")).text
    page = await car.page("/monitoring")
    assert "Written to disk in an hour" in page
    assert "not known" not in page
    figures = await car.call("gateway.figures")
    assert figures["written"] == {"bytes": {"gateway": 5_000_000}, "bytes_per_hour": 0}
    await car.until(lambda: car.value("sensor.system_disk_written") == 0)
    limits = car.entity("sensor.system_disk_written").description.limits
    assert limits is not None
    assert limits.warn_above == 60


async def test_a_machine_that_does_not_tell_says_so(car: Car, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore.builtin.parts.bytes_written", lambda pid: None)
    await car.start("system:\n")
    await car.advance(600)
    assert "not known" in await car.page("/monitoring")
    web = await car.web()
    assert "autocore_disk_written" not in (await web.get("/metrics")).text
    assert car.value("sensor.system_disk_written") is None
    assert car.plugin("system").errors == 0
