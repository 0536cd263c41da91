"""A backup is put back whole, whatever stood there stays, and a power cut in the middle leaves the way forward."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autocore.backup import applying, plan, shelf
from autocore.backup.applying import apply, finish, last_record, take_back
from autocore.backup.archive import Work
from autocore.backup.manifest import Kind, kind_of
from autocore.backup.plan import Phase, Plan
from autocore.backup.unpacking import Target, stage
from autocore.core.errors import InvalidData, StorageError
from tests.backup.conftest import Vehicle

PASSPHRASE = "correct horse battery"


def restore(file: Path, vehicle: Vehicle, passphrase: str | None = None, *, with_code: bool = True) -> Plan:
    stage(file, passphrase, Target(vehicle.config, vehicle.data, with_code), Work())
    done = apply(vehicle.data)
    assert done is not None
    finish(vehicle.data)
    return done


def packed(file: Path, target: Path, change: Callable[[dict[str, bytes], dict[str, Any]], None]) -> Path:
    """Write a backup anew with other content; its manifest tells of it unless `change` says else."""
    with zipfile.ZipFile(file) as source:
        files = {name: source.read(name) for name in source.namelist() if name != "manifest.json"}
        manifest = json.loads(source.read("manifest.json"))
    change(files, manifest)
    if manifest.pop("_as_is", None) is None:
        kinds = {name: kind_of(name) or Kind.CONFIG for name in files}
        manifest["files"] = [
            {
                "name": name,
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "kind": kinds[name],
                "is_database": content[:6] == b"SQLite",
            }
            for name, content in files.items()
        ]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content)
        out.writestr("manifest.json", json.dumps(manifest))
    return target


def test_a_blank_machine_becomes_the_vehicle_by_every_hash(vehicle: Vehicle, blank: Vehicle) -> None:
    file = vehicle.back_up(passphrase=PASSPHRASE)
    done = restore(file, blank, PASSPHRASE)
    wanted, found = vehicle.hashes(), blank.hashes()
    databases = {name for name in wanted if name.endswith(".db")}
    assert {name: found[name] for name in found if name not in databases} == {
        name: wanted[name] for name in wanted if name not in databases
    }
    assert set(found) == set(wanted)
    for name in ("state.db", "history.db", "plugins/fridge.db"):
        assert blank.rows(name) == vehicle.rows(name)
    assert all(path.stat().st_mode & 0o077 == 0 for path in blank.data.rglob("*.db"))
    assert not (blank.data / "restore").exists()
    assert done.moved == []


def test_what_stood_there_is_moved_aside_and_nothing_of_it_is_lost(vehicle: Vehicle, tmp_path: Path) -> None:
    file = vehicle.back_up()
    other = Vehicle(tmp_path / "other").fill(20, mark="z")
    (other.data / "snapshots").mkdir()
    (other.data / "snapshots/state-1.db").write_text("an old state")
    (other.data / "state.db-wal").write_bytes(b"a journal of the old one")
    (other.config / "config.yaml").write_text("autocore: {name: Other}\n")
    (other.config / "config.d/old.yaml").write_text("a: 1\n")
    before = {hashlib.sha256(content).hexdigest() for content in other.everything().values()}
    restore(file, other)
    after = {hashlib.sha256(content).hexdigest() for content in other.everything().values()}
    assert before <= after
    aside = other.data / "before-restore-1"
    assert (aside / "config/config.yaml").read_text() == "autocore: {name: Other}\n"
    assert (aside / "data/state.db-wal").exists()
    assert (aside / "data/snapshots/state-1.db").exists()
    assert (aside / "data/states.1").exists()
    assert not (other.config / "config.d/old.yaml").exists()
    assert not list(other.data.glob("states.*"))
    assert (other.data / "session.key").read_text() == "a key"  # no secret came, so those of this machine stay
    assert other.rows("history.db") == vehicle.rows("history.db")
    restore(file, other)
    assert (other.data / "before-restore-2/data/state.db").exists()


def test_without_the_history_the_one_that_stood_there_is_set_aside(vehicle: Vehicle, tmp_path: Path) -> None:
    file = vehicle.back_up(with_history=False)
    other = Vehicle(tmp_path / "other").fill(20)
    restore(file, other)
    assert not (other.data / "history.db").exists()
    assert (other.data / "before-restore-1/data/history.db").exists()


def test_the_web_lists_programs_and_does_not_write_them(vehicle: Vehicle, blank: Vehicle) -> None:
    def plant(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        files["config/cars/evil.py"] = b"import os"
        files["config/cars/page.html"] = b"{{ x }}"
        files["data/plugins/can/evil.so"] = b"ELF"
        files["data/plugins/winch/state.txt"] = b"notes"

    file = packed(vehicle.back_up(), vehicle.root / "planted.autocore-backup", plant)
    (blank.data / "plugins/winch").mkdir(parents=True)
    (blank.data / "plugins/winch/__init__.py").write_text("")  # a program of this machine, where data would go
    done = restore(file, blank, with_code=False)
    assert set(done.skipped) == {
        "config/plugins/fridge.py",
        "config/cars/evil.py",
        "config/cars/page.html",
        "data/plugins/can/evil.so",
        "data/plugins/winch/state.txt",
    }
    assert not any(path.suffix in (".py", ".so", ".html") for path in blank.config.rglob("*"))
    assert not list(blank.data.rglob("evil*"))
    assert (blank.config / "config.yaml").exists()
    shutil.rmtree(blank.data / "plugins")
    assert (restore(file, blank).skipped, (blank.config / "plugins/fridge.py").exists()) == ([], True)


def newer(files: dict[str, bytes], _manifest: dict[str, Any], *, scratch: Path) -> None:
    path = scratch / "state.db"
    path.write_bytes(files["data/state.db"])
    connection = sqlite3.connect(path)
    connection.execute("UPDATE schema_version SET version = 99")
    connection.commit()
    connection.close()
    with path.open("rb") as source:
        files["data/state.db"] = source.read()


def test_a_newer_schema_is_refused_whatever_the_manifest_says(vehicle: Vehicle, blank: Vehicle, tmp_path: Path) -> None:
    file = packed(vehicle.back_up(), tmp_path / "n", lambda files, manifest: newer(files, manifest, scratch=tmp_path))
    with pytest.raises(InvalidData, match=r"its state database has version 99, this one knows \d+; install that AutoCore first"):
        restore(file, blank)
    assert list(blank.data.iterdir()) == []


def test_a_newer_format_is_refused(vehicle: Vehicle, blank: Vehicle, tmp_path: Path) -> None:
    file = packed(vehicle.back_up(), tmp_path / "n", lambda _files, manifest: manifest.update(format=2))
    with pytest.raises(InvalidData, match="has format 2, this AutoCore knows 1; install a newer one"):
        restore(file, blank)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "config/../../evil",
        "/etc/evil",
        "config//evil.yaml",
        "config/./evil.yaml",
        "config\\evil.yaml",
        "data/evil.db",
        "data/broker/mosquitto.conf",
        "data/restore/plan.json",
        "data/backups/x.autocore-backup",
        "data/autocore-setup.txt",
        "evil",
        "config/" + "x" * 500,
        "config/a\nb.yaml",
        "config/data/state.db",
    ],
)
def test_a_name_that_has_no_place_is_refused(vehicle: Vehicle, tmp_path: Path, name: str) -> None:
    def plant(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        files[name] = b"evil"

    file = packed(vehicle.back_up(), tmp_path / "n", plant)
    inside = Vehicle(tmp_path / "inside")
    inside.data = inside.config / "data"
    inside.data.mkdir(parents=True)
    with pytest.raises(InvalidData, match=r"which has no place in one|outside of its folder"):
        restore(file, inside)
    assert sorted(inside.root.rglob("*")) == [inside.config, inside.data]
    assert not list(tmp_path.rglob("evil*"))


def linked(file: Path, target: Path) -> Path:
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as out:
        for one in source.infolist():
            if one.filename == "config/config.yaml":
                one.external_attr = (stat.S_IFLNK | 0o777) << 16
            out.writestr(one, source.read(one.filename))
    return target


def doubled(file: Path, target: Path) -> Path:
    shutil.copy(file, target)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(target, "a") as out:
        out.writestr("config/config.yaml", "autocore: {name: Evil}")
    return target


def swollen(file: Path, target: Path) -> Path:
    """A bomb: a file that is larger than its head says."""
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as source:
        start = source.start_dir
    while content[start : start + 4] == b"PK\x01\x02":
        lengths = struct.unpack_from("<3H", content, start + 28)
        name = bytes(content[start + 46 : start + 46 + lengths[0]])
        if name == b"data/state.db":
            struct.pack_into("<I", content, start + 24, 100)
        start += 46 + sum(lengths)
    target.write_bytes(content)
    return target


def unlisted(file: Path, target: Path) -> Path:
    def hide(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        files["config/more.yaml"] = b"a: 1"
        manifest["_as_is"] = True

    return packed(file, target, hide)


def lying(file: Path, target: Path) -> Path:
    def lie(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        files["config/config.yaml"] = files["config/config.yaml"][::-1]
        manifest["_as_is"] = True

    return packed(file, target, lie)


def no_database(file: Path, target: Path) -> Path:
    return packed(file, target, lambda files, _manifest: files.update({"data/state.db": b"a text"}))


def torn(file: Path, target: Path) -> Path:
    target.write_bytes(file.read_bytes()[:-2_000])
    return target


def flipped(file: Path, target: Path) -> Path:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x55
    target.write_bytes(content)
    return target


def foreign(_file: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as out:
        out.writestr("config/config.yaml", "a: 1")
    return target


def a_picture(_file: Path, target: Path) -> Path:
    target.write_bytes(b"\xff\xd8\xff" + bytes(5_000))
    return target


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (linked, "'config/config.yaml', which has no place"),
        (doubled, "a name stands in it twice"),
        (swollen, "its files are not those of its manifest"),
        (unlisted, "its files are not those of its manifest"),
        (lying, "config/config.yaml is not what was packed"),
        (no_database, "data/state.db is no database"),
        (torn, "no backup of AutoCore, or it is damaged"),
        (flipped, "damaged"),
        (foreign, "it has no manifest"),
        (a_picture, "no backup of AutoCore, or it is damaged"),
    ],
    ids=lambda harm: getattr(harm, "__name__", ""),
)
def test_a_hostile_or_damaged_file_touches_nothing(vehicle: Vehicle, tmp_path: Path, harm, words: str) -> None:
    file = harm(vehicle.back_up(), tmp_path / "harmed.autocore-backup")
    other = Vehicle(tmp_path / "other").fill(5)
    before = other.everything()
    with pytest.raises(InvalidData, match=words):
        restore(file, other)
    assert other.everything() == before


def test_a_link_in_the_vehicle_leads_nothing_astray(vehicle: Vehicle, blank: Vehicle, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    blank.config.mkdir()
    (blank.config / "cars").symlink_to(elsewhere)
    with pytest.raises(InvalidData, match="a link may lead away"):
        restore(vehicle.back_up(), blank)
    assert list(elsewhere.iterdir()) == []


def test_a_file_where_a_folder_must_be_is_said_before_anything_is_touched(vehicle: Vehicle, blank: Vehicle) -> None:
    blank.config.mkdir()
    (blank.config / "cars").write_text("a file")
    with pytest.raises(InvalidData, match="is no folder"):
        restore(vehicle.back_up(), blank)
    assert (blank.config / "cars").read_text() == "a file"


class PowerCut(BaseException):
    """Nothing catches it."""


class Cut:
    """Counts what reaches the disk, and cuts the power at one of them, before or after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at, self.count = -1, 0
        for module, name in ((applying, "_move"), (applying, "save"), (applying, "clear"), (shelf, "sync_folder")):
            monkeypatch.setattr(module, name, self.around(getattr(module, name)))
        monkeypatch.setattr(applying, "sync_folder", shelf.sync_folder)
        monkeypatch.setattr(plan, "sync_folder", shelf.sync_folder)

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*args: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                raise PowerCut
            done = act(*args)
            self.count += 1
            if self.count == self.at:
                raise PowerCut
            return done

        return acting


def test_a_power_cut_at_any_moment_is_finished_at_the_next_start(
    vehicle: Vehicle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = vehicle.back_up()
    before = Vehicle(tmp_path / "before").fill(5)
    shutil.copytree(before.root, tmp_path / "whole")
    whole = Vehicle(tmp_path / "whole")
    cut = Cut(monkeypatch)
    restore(file, whole)
    steps, wanted = cut.count, without_record(whole)
    assert steps > 60
    for moment in range(1, steps + 1):
        shutil.rmtree(tmp_path / "cut", ignore_errors=True)
        shutil.copytree(before.root, tmp_path / "cut")
        other = Vehicle(tmp_path / "cut")
        cut.at, cut.count = moment, 0
        with pytest.raises(PowerCut):
            restore(file, other)
        cut.at = -1
        staged = (other.data / "restore/plan.json").exists()
        if apply(other.data) is not None:  # the next start
            finish(other.data)
        found = without_record(other)
        if staged or found != without_record(before):
            assert found == wanted, moment
        assert not (other.data / "restore").exists()


def without_record(vehicle: Vehicle) -> dict[str, bytes]:
    return {name: content for name, content in vehicle.everything().items() if not name.endswith("restore.json")}


def test_a_restore_with_which_the_gateway_does_not_start_is_taken_back(
    vehicle: Vehicle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = vehicle.back_up(with_history=False)
    before = Vehicle(tmp_path / "before").fill(5)
    shutil.rmtree(before.data / "cache")
    (before.data / "states.1").unlink()
    cut = Cut(monkeypatch)
    moment, steps = 0, 1
    while moment <= steps:
        shutil.rmtree(tmp_path / "back", ignore_errors=True)
        shutil.copytree(before.root, tmp_path / "back")
        other = Vehicle(tmp_path / "back")
        cut.at = -1
        stage(file, None, Target(other.config, other.data, with_code=False), Work())
        assert apply(other.data) is not None
        for name in ("history.db", "history.db-wal", "state.db-wal", "states.9"):  # of the start that failed
            (other.data / name).write_text("of the start that failed")
        cut.at, cut.count = moment or -1, 0
        if moment == 0:
            assert take_back(other.data, "port 8080 is in use")
            steps = cut.count
        else:
            with pytest.raises(PowerCut):
                take_back(other.data, "port 8080 is in use")
            cut.at = -1
            if take_back(other.data, "again") is False:
                apply(other.data)
        assert without_record(other) == without_record(before), moment
        record = last_record(other.data)
        assert record is not None
        assert record.phase is Phase.BACK
        moment += 1
    assert steps > 20


def test_a_disk_that_fails_in_the_middle_gets_everything_back(
    vehicle: Vehicle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = vehicle.back_up()
    other = Vehicle(tmp_path / "other").fill(5)
    before = without_record(other)
    real = applying._move
    left = [6]

    def failing(source: Path, target: Path) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.EROFS, "Read-only file system")
        real(source, target)

    monkeypatch.setattr(applying, "_move", failing)
    with pytest.raises(StorageError, match="what stood there is back"):
        restore(file, other)
    assert without_record(other) == before


def test_folders_on_two_disks_are_restored_too(vehicle: Vehicle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = vehicle.back_up()
    other = Vehicle(tmp_path / "other").fill(5)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.is_relative_to(other.config) != Path(target).is_relative_to(other.config):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    restore(file, other)
    monkeypatch.undo()
    assert (other.config / "config.yaml").read_bytes() == (vehicle.config / "config.yaml").read_bytes()
    assert (other.data / "before-restore-1/config/config.yaml").exists()
    assert not list(other.root.rglob("*.moving"))


def test_a_staged_restore_that_lost_a_part_is_not_begun(vehicle: Vehicle, tmp_path: Path) -> None:
    other = Vehicle(tmp_path / "other").fill(5)
    before = other.everything()
    stage(vehicle.back_up(), None, Target(other.config, other.data, with_code=False), Work())
    (other.data / "restore/new/data/state.db").unlink()
    assert apply(other.data) is None
    assert other.everything() == before


def test_another_restore_takes_the_place_of_one_that_only_waits(vehicle: Vehicle, tmp_path: Path) -> None:
    other = Vehicle(tmp_path / "other").fill(5)
    before = other.everything()
    target = Target(other.config, other.data, with_code=True)
    stage(vehicle.back_up(), None, target, Work())
    applying.make_way(other.data)
    assert other.everything() == before
    stage(vehicle.back_up(), None, target, Work())
    assert apply(other.data) is not None
    applying.make_way(other.data)
    assert not (other.data / "restore").exists()
    assert other.rows("state.db") == vehicle.rows("state.db")


def test_a_folder_of_that_name_that_is_somebodys_own_stays(vehicle: Vehicle, blank: Vehicle) -> None:
    (blank.data / "restore").mkdir()
    (blank.data / "restore/furniture.txt").write_text("a chair")
    assert apply(blank.data) is None
    restore(vehicle.back_up(), blank)
    assert [one.name for one in (blank.data / "restore").iterdir()] == ["furniture.txt"]


def test_a_plan_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "restore").mkdir()
    (tmp_path / "restore/plan.json").write_text("{")
    with pytest.raises(StorageError, match="move the folder restore away"):
        apply(tmp_path)
