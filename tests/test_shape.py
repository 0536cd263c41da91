"""The shape of the house: a file is one thing, a function fits on a screen, the core stays small and names no plugin."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES = 500
FUNCTION_LINES = 60
PUBLIC_METHODS = 15
PARAMETERS = 7
CORE_LINES = 6_000
SOURCES = sorted(path for folder in ("autocore", "plugins", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))


def faults(source: str, name: str) -> Iterator[str]:
    lines = source.count("\n")
    if lines > FILE_LINES:
        yield f"{name} has {lines} lines; it is two things"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{name}:{node.lineno} {node.name} has {length} lines"
            arguments = node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            amount = len([one for one in named if one.arg not in ("self", "cls")])
            # A command-line function has one parameter for each of its options, and a fixture for each part.
            if amount > PARAMETERS and not node.decorator_list:
                yield f"{name}:{node.lineno} {node.name} takes {amount} parameters"
        if isinstance(node, ast.ClassDef):
            public = [
                one
                for one in node.body
                if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)) and not one.name.startswith(("_", "test_"))
            ]
            if len(public) > PUBLIC_METHODS:
                yield f"{name}:{node.lineno} {node.name} has {len(public)} public methods"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_keeps_its_measure(path: Path) -> None:
    assert list(faults(path.read_text(), str(path.relative_to(ROOT)))) == []


def test_the_core_stays_small() -> None:
    sources = [path.read_text() for path in (ROOT / "autocore/core").rglob("*.py")]
    lines = sum(bool(line.strip()) for source in sources for line in source.splitlines())  # blank lines weigh nothing
    assert lines < CORE_LINES


def test_nothing_in_the_house_names_a_plugin() -> None:
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "autocore").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("autocore_plugins", "plugins")))
        or (isinstance(node, ast.Import) and any(one.name.startswith(("autocore_plugins", "plugins")) for one in node.names))
    ]
    assert named == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("x = 1\n" * (FILE_LINES + 1), "two things"),
        ("def long():\n" + "    x = 1\n" * FUNCTION_LINES, "lines"),
        ("def many(a, b, c, d, e, f, *, g, h): ...\n", "parameters"),
        ("class God:\n" + "".join(f"    def do_{n}(self): ...\n" for n in range(PUBLIC_METHODS + 1)), "public methods"),
    ],
    ids=["a long file", "a long function", "many parameters", "a god object"],
)
def test_a_misshapen_file_is_found(source: str, fault: str) -> None:
    assert any(fault in one for one in faults(source, "sample.py"))
