"""What is in a backup, what never is, and that it is right before it has a name."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from autocore.backup import archive, making
from autocore.backup.archive import Work, opened
from autocore.backup.contents import survey
from autocore.backup.making import Wish, make, verify
from autocore.backup.manifest import Created, Why
from autocore.backup.shelf import Origin, Shelf, workplace
from autocore.core.errors import InvalidData, Refused, StorageError
from tests.backup.conftest import STRAY, TEXTS, Vehicle

PASSPHRASE = "correct horse battery"
SECRETS = {
    "config/secrets.yaml",
    "data/session.key",
    "data/broker/gateway.secret",
    "data/broker/accounts.json",
}
DATABASES = {"data/state.db", "data/history.db", "data/plugins/fridge.db"}


def names(file: Path, passphrase: str | None = None) -> set[str]:
    with opened(file, passphrase) as reader:
        return {one.name for one in reader.manifest.files}


def test_everything_that_belongs_to_the_vehicle_is_in_it_and_secrets_are_not(vehicle: Vehicle) -> None:
    file = vehicle.back_up(created=Created(None, 12, 3456), vehicle="Blue bus")
    assert file.name == "manual-000001-b12-s3456.autocore-backup"
    assert file.stat().st_mode & 0o777 == 0o600
    assert names(file) == (set(TEXTS) | DATABASES) - SECRETS
    with opened(file) as reader:
        manifest = reader.manifest
    assert {one.name for one in manifest.left_out if one.why is Why.SECRET} == SECRETS
    assert manifest.schemas == {"state.db": {"state": 1}, "history.db": {"history": 1}, "plugins/fridge.db": {"fridge": 1}}
    assert (manifest.vehicle, manifest.created.boot, manifest.created.seq, manifest.format) == ("Blue bus", 12, 3456, 1)
    content = file.read_bytes()
    for canary in ("hush", "a key", "a secret", "CODE", "a journal"):
        assert canary.encode() not in content


def test_a_passphrase_lets_the_secrets_leave_and_hides_everything(vehicle: Vehicle) -> None:
    file = vehicle.back_up(passphrase=PASSPHRASE)
    assert names(file, PASSPHRASE) == set(TEXTS) | DATABASES
    assert names(file, PASSPHRASE).isdisjoint(STRAY)
    content = file.read_bytes()
    assert b"manifest" not in content
    assert b"config.yaml" not in content
    with pytest.raises(InvalidData, match="give its passphrase"), opened(file):
        pass


def test_the_history_can_be_left_out_and_the_manifest_says_so(vehicle: Vehicle) -> None:
    file = vehicle.back_up(with_history=False)
    with opened(file) as reader:
        assert not reader.manifest.has_history
        assert "data/history.db" in {one.name for one in reader.manifest.left_out if one.why is Why.HISTORY}


def test_only_what_the_configuration_is_made_of_is_looked_at(vehicle: Vehicle, tmp_path: Path) -> None:
    (tmp_path / "foreign.yaml").write_text("secret: true")
    (vehicle.config / "linked.yaml").symlink_to(tmp_path / "foreign.yaml")
    (vehicle.config / "config.yaml").write_text("a: !include ../../foreign.yaml\nb: /etc/passwd\nc: !include linked.yaml\n")
    (vehicle.config / "many").mkdir()
    (vehicle.config / "many/one.yaml").write_text("x: 1")
    (vehicle.config / "more.yaml").write_text("d: !include_dir many\n")
    found = survey(vehicle.config, vehicle.data)
    assert "config/many/one.yaml" in found.files
    assert not any("foreign" in name or "passwd" in name or "linked" in name for name in found.files)
    assert [one.name for one in found.left_out if one.why is Why.LINK] == ["config/linked.yaml"]


def test_a_configuration_in_a_clone_does_not_take_the_clone_along(vehicle: Vehicle) -> None:
    for name in ("tests/test_x.py", "docs/page.html", "lab/winch.py", "lab/winch/notes.txt", "README.md", "bus.dbc"):
        (vehicle.config / name).parent.mkdir(parents=True, exist_ok=True)
        (vehicle.config / name).write_text("x")
    (vehicle.config / "config.yaml").write_text("a: tests\nb: docs\nc: README.md\nplugin_dirs: [lab]\nd: [{e: ./bus.dbc}]\n")
    found = {name for name in survey(vehicle.config, vehicle.data).files if name.startswith("config/")}
    assert found == {
        "config/bus.dbc",
        "config/config.d/themes.yaml",
        "config/config.yaml",
        "config/lab/winch.py",
        "config/lab/winch/notes.txt",
        "config/plugins/fridge.py",
        "config/secrets.yaml",
    }


def test_where_both_folders_are_one_plugins_and_their_data_lie_side_by_side(vehicle: Vehicle) -> None:
    shutil.copytree(vehicle.config, vehicle.data, dirs_exist_ok=True)
    (vehicle.data / "plugins/winch").mkdir()
    (vehicle.data / "plugins/winch/__init__.py").write_text("")
    found = survey(vehicle.data, vehicle.data).files
    assert {"config/plugins/fridge.py", "config/plugins/winch/__init__.py", "data/plugins/fridge.db"} <= set(found)
    assert "data/plugins/can/bus.dbc" in found
    assert len({one.path for one in found.values()}) == len(found)


def test_a_faulty_configuration_is_backed_up_as_it_is(vehicle: Vehicle) -> None:
    (vehicle.config / "config.yaml").write_text("a: [1\n\tb")
    assert "config/config.yaml" in names(vehicle.back_up())


def test_a_disk_that_is_too_full_is_refused_before_anything_is_written(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> None:
    room = SimpleNamespace(f_bavail=7_820, f_frsize=4_096)  # the margin of 32 MB and nearly nothing more
    monkeypatch.setattr(archive.os, "statvfs", lambda _path: room)
    with pytest.raises(Refused, match=r"the disk .* is too full for a backup: 1 MB more"):
        vehicle.back_up()
    assert list((vehicle.data / "backups").iterdir()) == []


def test_a_damaged_database_makes_no_backup(vehicle: Vehicle) -> None:
    file = vehicle.data / "history.db"
    content = bytearray(file.read_bytes())
    content[4096:4600] = b"\xff" * 504
    file.write_bytes(content)
    with pytest.raises(StorageError, match=r"damaged|cannot be copied"):
        vehicle.back_up()
    assert list((vehicle.data / "backups").iterdir()) == []


def test_one_that_does_not_read_back_right_gets_no_name(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> None:
    def harm(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    monkeypatch.setattr(making, "drop_from_memory", harm)
    with pytest.raises(InvalidData, match="damaged"):
        vehicle.back_up()
    assert list((vehicle.data / "backups").iterdir()) == []


class CancelledAt(Work):
    """Somebody cancels it in the middle of a step."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._cancel_at = step

    def add(self, amount: int) -> None:
        if self.step == self._cancel_at:
            self.cancel()
        super().add(amount)


def test_cancelling_keeps_nothing(vehicle: Vehicle) -> None:
    for passphrase in (None, PASSPHRASE):
        for step in ("copy", "pack", "verify"):
            with pytest.raises(Refused, match="cancelled"):
                make(Wish(vehicle.config, vehicle.data, passphrase=passphrase), CancelledAt(step))
            assert list((vehicle.data / "backups").iterdir()) == []


def test_writers_go_on_while_it_is_made_and_it_holds_one_moment(vehicle: Vehicle, tmp_path: Path) -> None:
    """Two rows are written in each transaction, so an odd number would be half of one."""
    written = [300]
    stop, is_writing = threading.Event(), threading.Event()

    def write() -> None:
        connection = sqlite3.connect(vehicle.data / "history.db", isolation_level=None)
        while not stop.is_set():
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(2):
                connection.execute("INSERT INTO sample VALUES (?, ?)", (written[0], "y" * 200))
                written[0] += 1
            connection.execute("COMMIT")
            is_writing.set()
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        is_writing.wait(5)
        before = written[0]
        file = vehicle.back_up()
        after = written[0]
    finally:
        stop.set()
        thread.join()
    assert after > before
    with opened(file) as reader:
        entry = next(one for one in reader.manifest.files if one.name == "data/history.db")
        reader.unpack(entry, tmp_path / "copy.db", Work())
    copied = [n for (n,) in sqlite3.connect(tmp_path / "copy.db").execute("SELECT n FROM sample ORDER BY n")]
    assert copied == list(range(len(copied)))
    assert before - 2 <= len(copied) <= after
    assert len(copied) % 2 == 0


def test_the_oldest_that_the_gateway_made_go_and_those_of_people_stay(vehicle: Vehicle) -> None:
    shelf = Shelf(vehicle.data)
    for boot, origin in ((5, Origin.AUTO), (5, Origin.MANUAL), (6, Origin.AUTO), (2, Origin.AUTO)):  # boot 2: after a restore
        vehicle.back_up(created=Created(None, boot, 10), origin=origin)
    assert shelf.rotate(2) == ["auto-000001-b5-s10.autocore-backup"]
    assert [one.name for one in shelf.all()] == [
        "auto-000004-b2-s10.autocore-backup",
        "auto-000003-b6-s10.autocore-backup",
        "manual-000002-b5-s10.autocore-backup",
    ]
    assert not list(shelf.folder.glob("auto-000001*"))


def test_a_file_that_somebody_put_there_is_listed_and_not_called_verified(vehicle: Vehicle) -> None:
    file = vehicle.back_up()
    shelf = Shelf(vehicle.data)
    assert shelf.get(file.name).about.is_verified
    shutil.copy(file, file.with_name("van.autocore-backup"))
    with file.open("ab") as more:
        more.write(b"x")  # no longer what stands beside it
    by_name = {one.name: one for one in shelf.all()}
    assert by_name["van.autocore-backup"].origin is Origin.OTHER
    assert [one.about.is_verified for one in by_name.values()] == [False, False]


def test_what_a_killed_one_left_is_swept(vehicle: Vehicle) -> None:
    shelf = Shelf(vehicle.data)
    shelf.open()
    with workplace(shelf.folder) as place:
        (place / "0.db").write_text("half")
        shutil.copytree(place, shelf.folder / ".work-1-old")
    shelf.sweep()
    assert list(shelf.folder.iterdir()) == []


def test_a_backup_is_a_zip_that_any_program_reads(vehicle: Vehicle, tmp_path: Path) -> None:
    file = vehicle.back_up()
    with zipfile.ZipFile(file) as archive_:
        assert archive_.testzip() is None
        assert archive_.read("config/config.yaml") == (vehicle.config / "config.yaml").read_bytes()
    assert verify(file, None, tmp_path, Work()).is_verified
