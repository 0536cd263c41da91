"""The page on reliability says what the full runs found, and explains every test that was run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.page import PAGE, drawn, records

TEXT = PAGE.read_text()
MODULES = sorted(file.stem for file in (Path(__file__).parents[1] / "faults").glob("r[0-9]*_*.py"))


def test_the_table_is_drawn_from_the_records() -> None:
    assert drawn(TEXT) == TEXT, "run script/reliability"


@pytest.mark.parametrize("module", MODULES)
def test_every_test_is_explained(module: str) -> None:
    assert re.search(rf"^## R{module[1:].split('_', maxsplit=1)[0]}$", TEXT, re.MULTILINE), module


def test_a_record_has_what_the_page_needs_and_no_failure_is_hidden() -> None:
    for one in records():
        assert {"id", "date", "commit", "seed", "runs", "failures", "figures"} <= set(one)
        assert f"## {one['id']}\n" in TEXT
        assert one["runs"] > 0
