"""What the web wrote and what the disk made of it: a start finds a way."""

from __future__ import annotations

from pathlib import Path

import pytest

from autocore.builtin.configparts import write_part
from autocore.builtin.goodcopy import keep_good
from autocore.core.errors import ConfigFaults
from autocore.damage import Damages
from autocore.mend import load_mended
from autocore.testing import Car

GOOD = {"every": "30s"}


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 90, b"every: \xff\n", b"- a list\n", b"every: 'open\n", b"evfry: 30s\n", b"every: often\n"],
    ids=["empty", "zeros", "no text", "a list", "no YAML", "an unknown key", "a wrong value"],
)
def test_a_damaged_section_is_kept_and_the_last_good_one_is_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.yaml").write_text("telemetry:\n")
    write_part(tmp_path, "system", GOOD)
    keep_good(tmp_path, "system")
    (tmp_path / "config.d/system.yaml").write_bytes(content)
    damages = Damages()
    assert load_mended(tmp_path, damages).plugins["system"] == GOOD
    assert (tmp_path / "config.d/system.yaml.damaged-1").read_bytes() == content
    assert "system.yaml" in damages.sentences[0]


def test_a_damaged_section_without_a_good_copy_is_off(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("telemetry:\n")
    write_part(tmp_path, "system", {"every": "never"})
    damages = Damages()
    assert list(load_mended(tmp_path, damages).plugins) == ["telemetry"]
    assert "off until" in damages.sentences[0]


def test_what_people_wrote_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("telemetry: {expires_aftr: 3}\n")
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/system.yaml").write_text("")  # a plugin switched on by hand, with all defaults
    with pytest.raises(ConfigFaults, match="expires_after"):
        load_mended(tmp_path, Damages())
    assert [file.name for file in (tmp_path / "config.d").iterdir()] == ["system.yaml"]


async def test_people_are_told_of_what_was_set_aside(car: Car) -> None:
    await car.start("telemetry:\n")
    web = await car.web()
    assert (await web.put("/api/v1/config/system", json=GOOD)).status_code == 200
    await car.stop()
    (car.folder / "config.d/system.yaml").write_bytes(b"\0")
    (car.folder / "data/session.key").write_bytes(b"")
    await car.start("telemetry:\n")
    assert car.plugin("system").reason is None
    web = await car.web()

    async def texts() -> str:
        return (await web.get("/api/v1/notices")).text

    heard = ""
    for _ in range(200):
        heard = await texts()
        if "session.key" in heard and "system.yaml" in heard:
            break
        await car.settle()
    assert "system.yaml.damaged-1" in heard
    assert "everybody has to log in again" in heard
