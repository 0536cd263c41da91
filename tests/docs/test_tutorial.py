"""The tutorial is played from its first block to its last; a step that is not run fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

from babel.messages.pofile import read_po

from tests.docs.markdown import Block, blocks, fences, parts
from tests.docs.promises import PROMISES
from tests.docs.reader import BIN, Reader

PAGE = "tutorial.md"
PROMISED = 22
LONGEST = 43  # lines of a plugin with topic, entity, service and panel, together with its test
CATALOGUE = "plugins/thermometer/locales/pt_BR/LC_MESSAGES/messages.po"


def file(name: str, turn: int = 0) -> Block:
    return [one for one in blocks(PAGE) if one.purpose == "file" and one.about == name][turn]


async def test_whoever_does_what_the_tutorial_says_sees_what_it_says(reader: Reader) -> None:
    for part in parts(PAGE):
        await reader.read(part)
    assert sum(reader.done.values()) == fences(PAGE)
    assert set(reader.kept) == set(PROMISES) - {"heard"}
    assert reader.kept.total() == PROMISED  # a promise in other words would not be looked for


def test_a_topic_an_entity_a_service_a_panel_and_their_test_fit_on_one_screen() -> None:
    plugin, test = (file(name) for name in ("plugins/fridge.py", "plugins/test_fridge.py"))
    for part in ("mqtt.subscribe", "entities.add", "services.add", "panels.add"):
        assert part in plugin.text
    for act in ("car.publish", "car.value", "car.page", "car.call"):
        assert act in test.text
    assert sum(block.text.count("\n") for block in (plugin, test)) <= LONGEST  # as `wc -l` counts


def test_the_first_plugin_has_six_lines() -> None:
    assert len(file("plugins/thermometer.py").text.splitlines()) == 6


def test_the_catalogue_of_the_tutorial_has_every_word_of_its_plugin_and_no_other(tmp_path: Path) -> None:
    for name in ("__init__.py", "probe.py", "templates/thermometer.html"):
        target = tmp_path / "thermometer" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file(f"plugins/thermometer/{name}").text)
    (tmp_path / "babel.cfg").write_text(file("babel.cfg").text)
    extract = [str(BIN / "pybabel"), "--quiet", "extract", "--mapping", "babel.cfg", "--keyword", "N_", "--output", "words.pot"]
    subprocess.run([*extract, "thermometer"], cwd=tmp_path, check=True)
    (tmp_path / "words.po").write_text(file(CATALOGUE).text)
    with (tmp_path / "words.pot").open("rb") as found, (tmp_path / "words.po").open("rb") as told:
        wanted, given = ({one.id: one.string for one in read_po(source) if one.id} for source in (found, told))
    assert set(given) == set(wanted)
    assert all(given.values())


def test_every_step_of_the_plugin_says_what_it_is_and_uses_the_public_interface_only() -> None:
    for block in blocks(PAGE):
        if block.language == "python":
            imported = [line for line in block.text.splitlines() if line.startswith("from autocore")]
            assert {line.split()[1] for line in imported} <= {"autocore.api", "autocore.testing"}, f"line {block.line}"
