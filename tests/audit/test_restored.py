"""A backup that is restored, here or on a blank machine, with the key or without it, is a gap with a name and no forgery."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from autocore.audit.verify import verify_folder
from autocore.backup.applying import apply, finish, take_back
from autocore.backup.archive import Work
from autocore.backup.plan import check_none_waits
from autocore.backup.unpacking import Target, stage
from autocore.core.errors import AutocoreError
from autocore.core.model import Caller, Cause, Role
from autocore.testing import Car
from tests.web.test_backup import PASSPHRASE, made

CONFIG = "telemetry:\n"


async def press(car: Car, times: int) -> None:
    for _ in range(times):
        with pytest.raises(AutocoreError):
            await car.core.services.call("switch.turn_on", {"entity": "switch.none"}, Caller(Cause("rest", "ana"), Role.ADMIN))


async def verified(car: Car) -> dict[str, object]:
    web = await car.web()
    answer: dict[str, object] = (await web.post("/api/v1/audit/verify")).json()
    return answer


def reasons(verdict: dict[str, object]) -> list[str]:
    return [one["reason"] for one in verdict["checkpoints"]]  # type: ignore[attr-defined]  # JSON


async def backed_up(car: Car, folder: Path, passphrase: str | None) -> Path:
    """A vehicle with a backup and some acts after it, parked; gives the backup."""
    await car.start(CONFIG)
    await press(car, 5)
    web: httpx.AsyncClient = await car.web()
    name = await made(web, passphrase=passphrase)
    file = folder / name
    shutil.copy(car.folder / "data" / "backups" / name, file)
    await press(car, 4)
    await car.stop()
    return file


def restore(file: Path, folder: Path, passphrase: str | None) -> None:
    stage(file, passphrase, Target(folder, folder / "data", with_code=True), Work())
    assert apply(folder / "data") is not None


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["without the key", "with the key"])
async def test_on_the_same_machine_the_chain_goes_on_behind_a_named_gap(
    car: Car, tmp_path_factory: pytest.TempPathFactory, passphrase: str | None
) -> None:
    file = await backed_up(car, tmp_path_factory.mktemp("shelf"), passphrase)
    restore(file, car.folder, passphrase)
    finish(car.folder / "data", is_told=False)
    await car.start(CONFIG)
    await press(car, 1)
    verdict = await verified(car)
    assert (verdict["intact"], verdict["not_checkable"]) == (True, 0)
    assert reasons(verdict) == ["new", "restored"]
    await car.stop()
    await car.start(CONFIG)
    assert reasons(await verified(car)) == ["new", "restored"]


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["without the key", "with the key"])
async def test_on_a_blank_machine_it_goes_on_with_the_key_and_begins_anew_without(
    car: Car, tmp_path_factory: pytest.TempPathFactory, passphrase: str | None
) -> None:
    file = await backed_up(car, tmp_path_factory.mktemp("shelf"), passphrase)
    blank = Car(tmp_path_factory.mktemp("blank"))
    (blank.folder / "data").mkdir(mode=0o700)
    restore(file, blank.folder, passphrase)
    finish(blank.folder / "data", is_told=False)
    await blank.start(CONFIG)
    try:
        verdict = await verified(blank)
        assert verdict["intact"]
        assert reasons(verdict)[-1] == "restored"
        assert bool(verdict["not_checkable"]) is (passphrase is None)
    finally:
        await blank.stop()
    assert verify_folder(blank.folder / "data").is_intact


async def test_a_restore_that_is_taken_back_leaves_the_chain_as_it_was(
    car: Car, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = await backed_up(car, tmp_path_factory.mktemp("shelf"), None)
    before = verify_folder(car.folder / "data").checked
    restore(file, car.folder, None)
    await car.start(CONFIG)  # on trial: the chain of the backup goes on, and a new head is written
    await car.stop()
    assert take_back(car.folder / "data", "it does not start")
    check_none_waits(car.folder / "data")
    assert verify_folder(car.folder / "data").checked == before
    await car.start(CONFIG)
    verdict = await verified(car)
    assert (verdict["intact"], reasons(verdict)) == (True, ["new"])
