"""What the documents say is run: their YAML is checked, their plugin works, their commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from autocore.check import check_folder
from autocore.cli import COMMANDS, commands
from tests.core.test_plugins import THERMOMETER

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_yaml_block_would_run(tmp_path: Path, text: str) -> None:
    assert len(text.strip().splitlines()) <= 10
    (tmp_path / "config.yaml").write_text(text)
    assert check_folder(tmp_path)


def test_the_demonstrations_configuration_would_run(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "autocore/demo.yaml").read_text())
    assert check_folder(tmp_path) == ["can", "relays", "system", "telegram", "telemetry", "themes"]


def test_the_plugin_of_the_readme_is_the_one_that_the_tests_run() -> None:
    (plugin,) = blocks("python")
    assert plugin.strip() == THERMOMETER.strip()


def test_every_command_line_names_something_that_exists() -> None:
    lines = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    assert lines
    for line in lines:
        program, *words = line.split()
        if program.startswith("script/"):
            assert (ROOT / program).stat().st_mode & 0o111
        elif program == "autocore":
            group = commands.get_command(click.Context(commands), words[0])
            assert group is not None, line
            if isinstance(group, click.Group):
                assert words[1] in group.commands, line
        else:
            assert program in ("mosquitto_pub", "curl"), line


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    assert command.help


def test_every_core_section_stands_in_the_example() -> None:
    from autocore.core.config import CORE_SECTIONS  # noqa: PLC0415  # the list itself

    example = (ROOT / "config.yaml.example").read_text()
    assert [name for name in CORE_SECTIONS if not re.search(rf"^#? ?{name}:", example, re.MULTILINE)] == []


def test_the_guide_is_short_and_decisions_are_too() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 80
    for decision in (ROOT / "docs/adr").glob("*.md"):
        assert len(decision.read_text().splitlines()) <= 40, decision


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    targets = [one for one in re.findall(r"\]\(([^)#]+)\)", text) if not one.startswith("http")]
    assert [one for one in targets if not (ROOT / one).exists()] == []
