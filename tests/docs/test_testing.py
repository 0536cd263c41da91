"""What is told about testing is what `autocore.testing` has, and every example is a test that passes."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from autocore import testing
from tests.docs.markdown import blocks, fences, parts, prose_of, public, spelled, words
from tests.docs.reader import Reader

PAGE = "testing.md"
PROSE = prose_of(PAGE)


def tables() -> dict[str, list[str]]:
    """Give what the first column of each table names, by the class in its head."""
    found: dict[str, list[str]] = {}
    name = ""
    for before, line in zip(["", *PROSE.splitlines()], PROSE.splitlines(), strict=False):
        if line.startswith("|") and not before.startswith("|"):
            (name,) = words(line)
            found[name] = []
        elif line.startswith("| `"):
            found[name].append(words(line.split("|")[1])[0])
    return found


def members(kind: type) -> dict[str, Any]:
    found = {name: vars(kind)[name] for name in public(kind)}
    return {name: one.__func__ if isinstance(one, classmethod) else one for name, one in found.items()}


def test_everything_that_tests_may_import_is_told() -> None:
    assert sorted(tables()) == sorted(testing.__all__)


@pytest.mark.parametrize("name", testing.__all__)
def test_every_method_is_told_with_its_arguments_and_no_other(name: str) -> None:
    kind = getattr(testing, name)
    told = set(words(PROSE))
    methods = {spelled(member, found) for member, found in members(kind).items() if inspect.isfunction(found)}
    assert methods - told == set()
    assert set(tables()[name]) - methods == set()
    assert {member for member, found in members(kind).items() if not inspect.isfunction(found)} - told == set()


def test_every_fixture_has_an_example() -> None:
    examples = "".join(block.text for block in blocks(PAGE) if block.purpose == "test")
    for fixture in ("(car)", "can_bus)", "FakeClock()", "car.board("):
        assert fixture in examples


async def test_whoever_tries_the_examples_sees_them_pass(reader: Reader) -> None:
    for part in parts(PAGE):
        await reader.read(part)
    assert sum(reader.done.values()) == fences(PAGE)
