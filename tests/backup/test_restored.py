"""What the gateway knows of a restore afterwards: the page shows it, and the first start with it tells of it, once."""

from __future__ import annotations

from pathlib import Path

from autocore.backup.applying import apply, finish, last_record, tell_once
from autocore.backup.archive import Work
from autocore.backup.plan import Phase
from autocore.backup.unpacking import Target, stage
from tests.backup.conftest import Vehicle


def test_a_restore_on_trial_is_told_as_done(vehicle: Vehicle, tmp_path: Path) -> None:
    file = vehicle.back_up()
    other = Vehicle(tmp_path / "other").fill(5)
    assert last_record(other.data) is None
    stage(file, None, Target(other.config, other.data, with_code=False), Work())
    assert last_record(other.data) is None  # it only waits
    plan = apply(other.data)
    assert last_record(other.data) == plan  # the web answers already, and the note of it is written just after
    assert tell_once(other.data) == plan
    finish(other.data)
    assert last_record(other.data) == plan
    assert tell_once(other.data) is None


def test_a_restore_without_a_gateway_is_told_by_the_next_start_and_only_by_that(vehicle: Vehicle, tmp_path: Path) -> None:
    other = Vehicle(tmp_path / "other")
    stage(vehicle.back_up(), None, Target(other.config, other.data, with_code=True), Work())
    assert apply(other.data) is not None
    finish(other.data, is_told=False)
    told = tell_once(other.data)
    assert told is not None
    assert (told.phase, told.aside) == (Phase.TRIAL, "before-restore-1")
    assert tell_once(other.data) is None
