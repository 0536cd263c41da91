"""The table of promises names tests that exist, and the unit keeps what it promises."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"(?m)^\| (\d+) \| (.+?) \| (.+?) \| (.*?)\|$", PAGE)
POINTS = 18


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_promise_stands_in_the_table_once() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, POINTS + 1))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_is_shown_by_tests_that_exist(row: tuple[str, ...]) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[2])
    assert named
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_the_service_is_given_nothing_that_it_does_not_need() -> None:
    lines = (ROOT / "docs/autocore.service").read_text(encoding="utf-8").splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert said["User"] == said["Group"] == "autocore"
    assert said["ProtectSystem"] == "strict"
    assert said["CapabilityBoundingSet"] == ""
    assert said["DevicePolicy"] == "closed"
    assert said["UMask"] == "0077"
    assert said["StateDirectoryMode"] == "0700"
    for word in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "ProtectKernelModules", "RestrictSUIDSGID", "LockPersonality"):
        assert said[word] == "yes", word
    assert "DeviceAllow" not in said
    assert "ReadWritePaths" not in said  # its own StateDirectory only


def test_a_weakness_can_be_reported_and_it_is_said_which_versions_are_mended() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "## Report a weakness" in text
    assert "## Which versions are mended" in text
    assert "docs/security.md" in text
