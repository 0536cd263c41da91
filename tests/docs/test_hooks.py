"""The reference of hooks and host is the code's: nothing is missing, nothing is named that does not exist, examples run."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import autocore
from autocore import api
from autocore.builtin.eventtypes import TYPES
from autocore.core import facets, hookspecs
from autocore.core.cache import OwnedCache
from autocore.core.devices import Presence
from autocore.core.host import PluginHost
from autocore.core.kinds import KINDS, Description
from autocore.core.plugins import HOOKS
from autocore.core.storage.database import Database
from autocore.core.storage.state import KeyValue
from tests.docs.markdown import DOCS, fences, parts, prose_of, public, rows_below, spelled, told_below, words
from tests.docs.reader import Reader

PAGE = "hooks.md"
TEXT = (DOCS / PAGE).read_text(encoding="utf-8")
PROSE = prose_of(PAGE)
PROMISED = 18
FACETS: dict[str, type] = {
    "entities": facets.Entities,
    "states": facets.States,
    "services": facets.Services,
    "mqtt": facets.Mqtt,
    "events": facets.Events,
    "devices": facets.Devices,
    "panels": facets.Panels,
    "schedule": facets.Schedule,
    "store": KeyValue,
    "cache": OwnedCache,
    "db": Database,
}


def rows(heading: str) -> list[list[str]]:
    return rows_below(PROSE, heading)


# ---- hooks


def test_every_hook_is_told_with_its_arguments_and_no_other() -> None:
    headings = re.findall(r"^### `(\w+)\((.*)\)`$", TEXT, re.MULTILINE)
    expected = {name: ", ".join(inspect.signature(getattr(hookspecs, name)).parameters) for name in HOOKS}
    assert dict(headings) == expected
    assert sorted(words(row[0])[0] for row in rows("## Hooks")) == sorted(HOOKS)


def test_the_table_says_which_hooks_may_be_async_as_their_specifications_do() -> None:
    for row in rows("## Hooks"):
        (name,) = words(row[0])
        answer = str(inspect.signature(getattr(hookspecs, name)).return_annotation)
        assert row[2].startswith("yes") is ("Awaitable" in answer), name


def test_every_hook_has_an_example_that_implements_it() -> None:
    for name in HOOKS:
        example = TEXT.partition(f"### `{name}(")[2].partition("\n##")[0]
        assert re.search(rf"@hookimpl\n(async )?def {name}\(", example), name


# ---- the host


def test_every_facet_of_the_host_has_its_chapter(tmp_path: Path) -> None:
    assert re.findall(r"^### `host\.(\w+)`$", TEXT, re.MULTILINE) == list(FACETS)
    source = inspect.getsource(PluginHost.__init__)
    made = set(re.findall(r"self\.(\w+) = facets\.", source)) - {"_tasks"}
    assert made <= set(FACETS)
    own = set(re.findall(r"self\.([a-z]\w*)(?:: \w+)? = ", source)) | set(public(PluginHost))
    told = {word.split("(")[0].removeprefix("await ") for word in words(told_below(PROSE, "## The host"))}
    assert own - told - set(FACETS) == set()


@pytest.mark.parametrize("name", FACETS)
def test_every_method_of_a_facet_is_told_with_its_arguments(name: str) -> None:
    told = set(words(told_below(PROSE, f"### `host.{name}`")))
    for member in public(FACETS[name]):
        found = vars(FACETS[name])[member]
        assert (spelled(member, found) if inspect.isfunction(found) else member) in told


@pytest.mark.parametrize("name", FACETS)
def test_no_method_of_a_facet_is_told_that_does_not_exist(name: str) -> None:
    for row in rows(f"### `host.{name}`"):
        method = words(row[0])[0].removeprefix("await ").partition("(")[0]
        assert method in public(FACETS[name]) or (name == "events" and "." in method)


def test_every_method_of_the_host_itself_is_told_with_its_arguments() -> None:
    told = set(words(told_below(PROSE, "## The host")))
    for member, found in vars(PluginHost).items():
        if inspect.isfunction(found) and not member.startswith("_"):
            assert spelled(member, found) in told


def emitted() -> Iterator[str]:
    """Give the type of every event that the gateway itself tells."""
    for file in Path(autocore.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "emit" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and "." in str(first.value):
                    yield str(first.value)
                elif isinstance(first, ast.JoinedStr) and ast.unparse(first) == "f'device.{new.presence.value}'":
                    yield from (f"device.{one.value}" for one in Presence)


def test_every_event_of_the_gateway_is_told_and_no_other() -> None:
    table = [row for row in rows("### `host.events`") if len(row) == 3]
    assert [(words(row[0])[0], row[1].split()[0]) for row in table] == [(one.name, one.kind) for one in TYPES.values()]
    assert set(emitted()) <= set(TYPES)


# ---- kinds and names


def test_every_kind_is_told_with_its_class_its_verbs_and_its_facts() -> None:
    table = {words(row[0])[0]: row for row in rows("## Kinds of entities")}
    assert set(table) == set(KINDS)
    shared = {one.name for one in fields(Description)}
    assert shared <= set(words(told_below(PROSE, "## Kinds of entities").partition("|")[0]))
    for name, kind in KINDS.items():
        _, told_class, _, verbs, facts = table[name]
        assert words(told_class) == [kind.__name__]
        taken = {verb: ", ".join(str(field) for field in data) for verb, data in kind.verbs.items()}
        assert words(verbs) == [f"{verb}({data})" if data else verb for verb, data in taken.items()]
        assert words(facts) == [one.name for one in fields(kind) if one.name not in shared]


def test_the_states_of_a_cover_are_told() -> None:
    row = next(row for row in rows("## Kinds of entities") if words(row[0]) == ["cover"])
    assert tuple(words(row[2])) == api.Cover.states


def test_every_name_that_a_plugin_may_import_is_told_and_no_other() -> None:
    told = [words(row[0])[0] for row in rows("## All of `autocore.api`")]
    assert sorted(told) == sorted(api.__all__)


def test_no_member_of_a_name_is_told_that_does_not_exist() -> None:
    for row in rows("## All of `autocore.api`"):
        found = getattr(api, words(row[0])[0])
        known = (
            set(dir(found))
            | set(vars(found) if inspect.isclass(found) else ())
            | set(getattr(found, "__annotations__", {}))
            | set(re.findall(r"self\.(\w+)", source_of(found)))
        )
        assert [one for one in words(row[2]) if one not in known] == [], row[0]


def source_of(found: Any) -> str:
    return inspect.getsource(found) if inspect.isclass(found) else ""


def test_every_class_that_prose_names_may_be_imported() -> None:
    named = set(re.findall(r"`([A-Z][a-z]\w+)(?:\([^`]*\))?`", PROSE)) - {"True"}
    assert named - set(api.__all__) == set()


# ---- examples


async def test_whoever_tries_the_examples_sees_what_the_page_says(reader: Reader) -> None:
    for part in parts(PAGE):
        await reader.read(part)
    assert sum(reader.done.values()) == fences(PAGE)
    assert reader.kept.total() == PROMISED  # a promise in other words would not be looked for


@pytest.mark.parametrize("page", ["hooks.md", "tutorial.md", "testing.md"])
def test_links_lead_somewhere_and_lines_of_prose_are_short(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9_ -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (DOCS / target).exists(), target
    assert [line for line in text.splitlines() if len(line) > 130 and not line.startswith("|")] == []
