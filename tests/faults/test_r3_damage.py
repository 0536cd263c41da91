"""The short form of R3: every file missing, some empty, and one place of each."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.r3_damage import Damage, damages, run, try_out
from tests.faults.stock import stock


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock(tmp_path_factory.mktemp("stock"))


def test_a_gateway_starts_whatever_happened_to_its_files(source: Path) -> None:
    whole = [one for one in damages(source, 2, random.Random(3)) if one.how in ("missing", "empty")]
    found = run(source, whole[::3] + whole[1::6], lanes=0)
    assert found.failures == []
    assert found.runs >= 10


def test_a_gateway_starts_whatever_happened_within_its_files(source: Path) -> None:
    places = [one for one in damages(source, 1, random.Random(3)) if one.how in ("flip", "zeros")]
    found = run(source, places, lanes=0)
    assert found.failures == []


def test_a_sound_folder_is_sound(source: Path) -> None:
    verdict = try_out(source, Damage("config.yaml", "nothing"))
    assert verdict.wrong == []
    assert verdict.readings > 100
    assert not verdict.is_set_aside
