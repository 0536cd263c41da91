"""`autocore audit` as people and scripts use it: on a folder, beside a running gateway, and on a file elsewhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.audit.conftest import Vehicle, by_hand, seqs
from tests.cli.test_commands import autocore


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    asyncio.run(Vehicle(folder).drive(3, 4))
    return folder


def test_a_chain_is_intact_until_somebody_touches_it(data: Path) -> None:
    good = autocore("audit", "verify", "--data", data)
    first, newest = seqs(data)[0], seqs(data)[-1]
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, f"intact: 8 rows, from {first} to {newest}")
    assert "the chain began" in good.stdout
    with by_hand(data) as connection:
        connection.execute("UPDATE audit SET outcome = 'refused' WHERE seq = ?", (newest,))
    bad = autocore("audit", "verify", "--data", data)
    assert (bad.returncode, bad.stdout.splitlines()[0]) == (1, f"NOT intact: row {newest} is not as it was written")
    told = json.loads(autocore("audit", "verify", "--data", data, "--json").stdout)
    assert (told["intact"], told["rows"], told["checked"]) == (False, 8, 7)
    assert told["findings"] == [
        {"what": "changed", "seq": newest, "lost": None, "text": f"row {newest} is not as it was written"}
    ]


def test_rows_are_listed_by_what_is_asked_for(data: Path) -> None:
    rows = json.loads(autocore("audit", "list", "--text", "switch.2", "--data", data, "--json").stdout)
    assert [(row["who"], row["data"]["entity"], row["outcome"]) for row in rows] == [("ana", "switch.2", "done")] * 2
    shown = autocore("audit", "list", "--who", "ana", "--limit", "1", "--data", data).stdout
    assert "switch.turn_on" in shown
    assert "::1" in shown
    assert autocore("audit", "list", "--who", "eva", "--data", data).stdout == "no row is like that\n"
    wrong = autocore("audit", "list", "--from", "yesterday", "--data", data)
    assert (wrong.returncode, "is no time" in wrong.stderr) == (1, True)


@pytest.mark.parametrize("name", ["audit.ndjson", "audit.csv"])
def test_an_export_is_checked_elsewhere_with_the_key(data: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    made = autocore("audit", "export", file, "--data", data)
    assert (made.returncode, made.stdout) == (0, f"{file}: 8 rows\n")
    assert file.stat().st_mode & 0o777 == 0o600
    words = ["audit", "verify", "--file", file, "--key", data / "audit.key"]
    assert autocore(*words).returncode == 0
    text = file.read_text()
    file.write_text(text.replace("ana", "eva", 1))
    assert "is not as it was written" in autocore(*words).stdout
    lines = text.splitlines(keepends=True)
    for kept in (lines[:3] + lines[4:], lines[:-1], [*lines[:2], lines[3], lines[2], *lines[4:]]):
        file.write_text("".join(kept))
        done = autocore(*words)
        assert (done.returncode, "the file is not what was exported" in done.stdout) == (1, True)
    again = autocore("audit", "export", file, "--data", data)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)


def test_a_part_can_be_exported_and_checked_too(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "part.ndjson"
    assert "2 rows" in autocore("audit", "export", file, "--text", "switch.1", "--data", data).stdout
    assert autocore("audit", "verify", "--file", file, "--data", data).returncode == 0
    (tmp_path / "other.key").write_bytes(b"another key of 32 bytes, a guess")
    other = autocore("audit", "verify", "--file", file, "--key", tmp_path / "other.key")
    assert (other.returncode, "another key" in other.stdout) == (1, True)


def test_what_is_no_audit_is_said_in_a_sentence(tmp_path: Path, data: Path) -> None:
    nothing = autocore("audit", "verify", "--data", tmp_path / "nowhere")
    assert (nothing.returncode, "there is no" in nothing.stderr) == (2, True)
    (tmp_path / "text.csv").write_text("a,b\n1,2\n")
    text = autocore("audit", "verify", "--file", tmp_path / "text.csv", "--data", data)
    assert (text.returncode, "is no export of the audit" in text.stderr) == (1, True)
    (data / "audit.key").write_bytes(b"short")
    key = autocore("audit", "export", tmp_path / "x.csv", "--data", data)
    assert (key.returncode, "is no key of an audit" in key.stderr) == (1, True)
    (data / "audit.copied").touch()
    waits = autocore("audit", "verify", "--data", data)
    assert (waits.returncode, "start the gateway once" in waits.stderr) == (2, True)
