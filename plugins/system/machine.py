"""What the machine says of itself: read from psutil and from the kernel's files. No entities, no clock."""

from __future__ import annotations

from pathlib import Path

import psutil

HWMON = Path("/sys/class/hwmon")
CPU_SENSORS = ("cpu_thermal", "coretemp", "k10temp")  # a Pi, Intel, AMD


def cpu_temperature() -> float | None:
    """Give the CPU's temperature in °C, None on a machine that does not tell."""
    read = getattr(psutil, "sensors_temperatures", None)  # not on every system
    sensors = read() if read else {}
    for name in CPU_SENSORS:
        if sensors.get(name):
            return float(sensors[name][0].current)
    return None


def undervoltage_file(folder: Path = HWMON) -> Path | None:
    """Give the file in which the kernel of a Raspberry Pi notes that its supply is below 4.63 V, None on other machines.

    The driver `raspberrypi-hwmon` names its device `rpi_volt`.
    """
    for device in sorted(folder.glob("hwmon*")):
        try:
            if (device / "name").read_text().strip() == "rpi_volt":
                return device / "in0_lcrit_alarm"
        except OSError:
            continue
    return None


def has_undervoltage(file: Path) -> bool | None:
    """Say whether the supply is too low, None when the kernel does not tell."""
    try:
        return file.read_text().strip() != "0"
    except OSError:
        return None


def memory_used() -> float:
    """Give the used share of the machine's memory in percent."""
    return float(psutil.virtual_memory().percent)


def disk_used(folder: Path) -> float | None:
    """Give the used share, in percent, of the file system that `folder` lies on; None when it cannot be read."""
    try:
        return float(psutil.disk_usage(str(folder)).percent)
    except OSError:
        return None


def cpu_used() -> float:
    """Give how busy all CPUs were since the last call, in percent; the first call gives 0."""
    return float(psutil.cpu_percent(interval=None))


def own_memory_mb() -> float:
    """Give the gateway's own resident memory in MB."""
    return float(psutil.Process().memory_info().rss) / 1e6
