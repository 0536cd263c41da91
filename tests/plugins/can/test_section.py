"""The section `can`: what it may say, and what is wrong with it in one sentence at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from autocore.check import check_folder
from autocore.core.errors import ConfigFaults
from autocore_plugins.can.frames import EXTENDED
from autocore_plugins.can.section import SCHEMA, section_of

README = (Path(__file__).parents[3] / "plugins/can/README.md").read_text()
SIGNAL = {"frame": 0x123, "start_bit": 0, "length": 8, "name": "One"}
BUS = {"name": "main", "interface": "socketcan", "channel": "can0"}


def test_nothing_is_enough() -> None:
    section = section_of(SCHEMA(None))
    assert (section.buses, section.dbc, section.picks, section.publish, section.demo) == ((), (), (), False, False)


def test_listening_only_is_what_a_bus_does_unless_told_otherwise() -> None:
    (bus,) = section_of(SCHEMA({"buses": [BUS]})).buses
    assert bus.listen_only
    assert bus.bitrate == 500_000


def test_the_demonstration_brings_a_bus_of_its_own() -> None:
    (bus,) = section_of(SCHEMA({"demo": True})).buses
    assert (bus.name, bus.interface) == ("demo", "virtual")


def test_a_name_alone_picks_a_signal_and_a_large_identifier_is_extended() -> None:
    section = section_of(
        SCHEMA({"signals": ["EngineRPM", {**SIGNAL, "frame": 0x18FEF100}, {**SIGNAL, "name": "Two", "extended": True}]})
    )
    assert section.picks[0].signal == "EngineRPM"
    assert [one.frame for one in section.hand_made] == [0x18FEF100 | EXTENDED, 0x123 | EXTENDED]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"buses": [{**BUS, "bitrate": 500}]}, "bit/s"),
        ({"buses": [{**BUS, "interface": "../x"}]}, "socketcan"),
        ({"buses": [{**BUS, "channel": None}]}, "can0"),
        ({"buses": [BUS, BUS]}, "two buses main"),
        ({"buses": [{"name": "main"}]}, "required"),
        ({"signals": [7]}, "expected a signal"),
        ({"signals": [{**SIGNAL, "length": 65}]}, "1 to 64 bits"),
        ({"signals": [{**SIGNAL, "scale": 0}]}, "scale is not 0"),
        ({"signals": [{**SIGNAL, "byte_order": "middle"}]}, "little or big"),
        ({"signals": [{**SIGNAL, "frame": 0x20000000}]}, "0x1FFFFFFF"),
        ({"signals": [{**SIGNAL, "frame": 0x800, "extended": False}]}, "beyond 0x7FF"),
        ({"signals": [{**SIGNAL, "start_bit": 511}]}, "outside every payload"),
        ({"signals": [{**SIGNAL, "name": "°"}]}, "no letter or digit"),
        ({"signals": [SIGNAL, SIGNAL]}, "two signals would be one"),
        ({"signals": [{"signal": "A", "colour": "red"}]}, "extra keys"),
        ({"demo": True, "buses": [BUS]}, "virtual bus"),
        ({"send": True}, "extra keys"),
    ],
)
def test_what_is_wrong_is_said(section: dict[str, Any], words: str) -> None:
    with pytest.raises(vol.Invalid, match=words):
        SCHEMA(section)


@pytest.mark.parametrize("block", [part.split("```")[0] for part in README.split("```yaml\n")[1:]])
def test_every_example_of_the_readme_would_run(tmp_path: Path, block: str) -> None:
    (tmp_path / "config.yaml").write_text(block)
    assert check_folder(tmp_path) == ["can"]


def test_a_fault_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("can:\n  signals:\n    - {frame: 1, start_bit: 0, length: 99, name: A}\n")
    with pytest.raises(ConfigFaults, match=r"config\.yaml:3:.*signals\[0\]\.length.*1 to 64 bits"):
        check_folder(tmp_path)
