"""The short form of R15: one small history on each kind of disk."""

from __future__ import annotations

import pytest

from tests.faults.r15_quota import run

QUOTA = 1_000_000


@pytest.mark.parametrize("is_full", [False, True], ids=["a disk with room", "a nearly full disk"])
def test_the_history_never_takes_more_than_its_quota(is_full: bool) -> None:
    found = run(6, QUOTA, 200_000, is_full=is_full)
    assert found.failures == []
    assert found.figures["thrown_out"] > 0
    assert found.figures["worst_share_of_quota"] > 0.5
