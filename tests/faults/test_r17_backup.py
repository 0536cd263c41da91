"""R17, the quick form; the full one is `python -m tests.faults.r17_backup --full`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.r17_backup import run_once


@pytest.mark.parametrize("seed", [17, 18], ids=["encrypted", "open"])
def test_a_backup_made_while_everything_writes_comes_back_equal(tmp_path: Path, seed: int) -> None:
    outcome = run_once(seed, tmp_path / "run")
    assert outcome.failures == []
    assert outcome.written_meanwhile > 0
    assert outcome.rows > 3_000
