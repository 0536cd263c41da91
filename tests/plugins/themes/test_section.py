"""The section `themes`: what it may say, and what is wrong with it in one sentence at its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from autocore.check import check_folder
from autocore.core.errors import ConfigFaults
from autocore_plugins.themes.builtin import BUILT_IN
from autocore_plugins.themes.section import SCHEMA, section_of
from tests.plugins.themes.samples import FOREST

README = (Path(__file__).parents[3] / "plugins/themes/README.md").read_text()


def test_nothing_is_enough() -> None:
    section = section_of(SCHEMA(None))
    assert (section.active, section.web, section.themes) == ("AutoCore", True, {})


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"active": "Nothing"}, "no such theme"),
        ({"themes": []}, "themes by name"),
        ({"themes": {"Forest": None}}, "fields of a theme"),
        ({"themes": {"Forest": {**FOREST, "primary": None}}}, "in quotes"),
        ({"themes": {"Forest": {**FOREST, "wheels": 4}}}, "no wheels"),
        ({"themes": {"AutoCore Dark": FOREST}}, "already"),
        ({"themes": {"autocore": FOREST}}, "already"),
        ({"themes": {"Forest": FOREST, "forest": FOREST}}, "already"),
        ({"themes": {" Forest": FOREST}}, "space"),
        ({"themes": {7: FOREST}}, "printable"),
        ({"web": "maybe"}, "bool"),
        ({"fixed": True}, "extra keys"),
    ],
)
def test_what_is_wrong_is_said(section: dict[str, Any], words: str) -> None:
    with pytest.raises(vol.Invalid, match=words):
        SCHEMA(section)


@pytest.mark.parametrize(("written", "words"), [("red", "no colour"), ("#2e7d32", "in quotes")], ids=["a word", "a comment"])
def test_a_fault_names_its_line(tmp_path: Path, written: str, words: str) -> None:
    fields = "\n".join(f"      {name}: {json.dumps(value)}" for name, value in FOREST.items())
    text = f"themes:\n  themes:\n    Forest:\n{fields}\n".replace('"#2e7d32"', written, 1)
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigFaults, match=rf"config\.yaml:4:\d+ themes\.themes\.Forest\.primary.*{words}"):
        check_folder(tmp_path)


@pytest.mark.parametrize("block", [part.split("```")[0] for part in README.split("```yaml\n")[1:]])
def test_every_example_of_the_readme_would_run(tmp_path: Path, block: str) -> None:
    (tmp_path / "config.yaml").write_text(block)
    assert check_folder(tmp_path) == ["themes"]


def test_the_readme_knows_every_built_in_theme() -> None:
    assert [name for name in BUILT_IN if f"`{name}`" not in README] == []
