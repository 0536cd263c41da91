"""Whoever has the database and not the key cannot touch the audit unseen; whoever just drives is never suspected."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autocore.audit.chain import Link, Reason, encoded, head_bytes, read_head
from autocore.audit.files import HEAD, KEY
from autocore.audit.lived import DAY_NS
from autocore.audit.retention import Keep
from autocore.core.clock import EARLIEST_WALL_NS
from tests.audit.conftest import Vehicle, by_hand, record, seqs

FIELDS = "boot, at_ns, who, via, address, service, data, outcome, detail, latency_s"


async def test_a_chain_that_nobody_touched_is_intact_over_starts(vehicle: Vehicle) -> None:
    await vehicle.drive(3, 0, 5)
    verdict = vehicle.verify()
    assert (verdict.is_intact, verdict.rows, verdict.checked) == (True, 9, 9)
    assert [mark.reason for mark in verdict.marks] == ["new"]
    assert vehicle.losses == []
    for name in (KEY, HEAD):
        assert (vehicle.folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE audit SET who = 'eva' WHERE seq = {row}", "changed"),
        ("UPDATE audit SET data = data || ' ' WHERE seq = {row}", "changed"),
        ("UPDATE audit SET latency_s = latency_s + 1e-9 WHERE seq = {row}", "changed"),
        ("UPDATE audit SET at_ns = at_ns + 1 WHERE seq = {row}", "changed"),
        ("UPDATE audit SET mac = x'00' WHERE seq = {row}", "changed"),
        ("UPDATE audit SET mac = randomblob(32) WHERE seq = {row}", "changed"),
        ("UPDATE audit SET kind = 'gap' WHERE seq = {row}", "changed"),
        ("UPDATE audit SET number = number + 1000 WHERE seq = {row}", "changed"),
        ("UPDATE audit SET who = 'an', via = 'arest' WHERE seq = {row}", "changed"),
        (
            f"INSERT INTO audit SELECT seq + 500000, {FIELDS}, kind, number, mac FROM audit WHERE seq = {{row}}",
            "inserted",
        ),
    ],
)
async def test_each_change_is_named_at_its_row(vehicle: Vehicle, change: str, what: str) -> None:
    await vehicle.drive(8)
    row = seqs(vehicle.folder)[4]
    with by_hand(vehicle.folder) as connection:
        connection.execute(change.format(row=row))
    wanted = row + 500_000 if what == "inserted" else row
    assert vehicle.found()[:1] == [(what, wanted)]


async def test_what_is_taken_out_is_named_at_the_row_behind_it(vehicle: Vehicle) -> None:
    await vehicle.drive(9)
    rows = seqs(vehicle.folder)
    with by_hand(vehicle.folder) as connection:
        connection.execute("DELETE FROM audit WHERE seq BETWEEN ? AND ?", (rows[3], rows[5]))
    assert vehicle.found() == [("missing", rows[6])]
    assert vehicle.verify().faults[0].lost == 3


async def test_what_is_put_between_two_rows_is_named(vehicle: Vehicle) -> None:
    await vehicle.drive(3, 3)
    rows = seqs(vehicle.folder)
    between = rows[3] + 1
    with by_hand(vehicle.folder) as connection:
        connection.execute(
            f"INSERT INTO audit SELECT ?, {FIELDS}, kind, number + 1, randomblob(32) FROM audit WHERE seq = ?",
            (between, rows[3]),
        )
    assert vehicle.found() == [("inserted", between)]


async def test_a_row_without_a_signature_is_named(vehicle: Vehicle) -> None:
    await vehicle.drive(4)
    with by_hand(vehicle.folder) as connection:
        connection.execute(
            "INSERT INTO audit (seq, boot, at_ns, who, via, address, service, data, outcome, detail, latency_s)"
            " VALUES (900000, 1, 1, 'eva', 'rest', '', 'a.b', '{}', 'done', '', 0.0)"
        )
    assert vehicle.found() == [("unsigned", 900_000)]


async def test_two_rows_that_changed_places_are_named(vehicle: Vehicle) -> None:
    await vehicle.drive(6)
    first, second = seqs(vehicle.folder)[3:5]
    with by_hand(vehicle.folder) as connection:
        connection.execute("UPDATE audit SET seq = -1 WHERE seq = ?", (first,))
        connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (first, second))
        connection.execute("UPDATE audit SET seq = ? WHERE seq = -1", (second,))
    assert [what for what, _ in vehicle.found()] == ["order", "order"]
    assert vehicle.found()[0][1] == first


@pytest.mark.parametrize("amount", [1, 4, 9], ids=["one", "some", "all"])
async def test_newest_rows_that_are_cut_off_are_seen_by_the_head(vehicle: Vehicle, amount: int) -> None:
    await vehicle.drive(8)
    rows = seqs(vehicle.folder)
    with by_hand(vehicle.folder) as connection:
        connection.execute("DELETE FROM audit WHERE seq >= ?", (rows[-amount],))
    assert [(one.what, one.lost) for one in vehicle.verify().faults] == [("cut_off", amount)]
    await vehicle.drive(2)
    assert vehicle.losses == ["cut_off"]
    verdict = vehicle.verify()
    assert [(one.what, one.lost) for one in verdict.faults] == [("cut_off", amount)]
    assert verdict.checked == verdict.rows


async def test_an_older_copy_of_the_database_is_seen(vehicle: Vehicle) -> None:
    await vehicle.drive(3)
    shutil.copy(vehicle.folder / "state.db", vehicle.folder / "older.db")
    await vehicle.drive(3)
    shutil.copy(vehicle.folder / "older.db", vehicle.folder / "state.db")
    assert [what for what, _ in vehicle.found()] == ["cut_off"]
    await vehicle.drive(0)
    assert vehicle.losses == ["cut_off"]


async def test_a_head_of_before_and_a_database_of_now_are_what_a_crash_leaves(vehicle: Vehicle) -> None:
    await vehicle.drive(2)
    audit = await vehicle.start()
    for number in range(4):
        audit.remember(record(number))
        await audit.flush()
    await vehicle.crash()
    assert vehicle.verify().is_intact
    await vehicle.drive(1)
    assert (vehicle.verify().is_intact, vehicle.losses) == (True, [])


async def test_a_head_that_is_gone_or_somebody_elses_is_a_finding(vehicle: Vehicle) -> None:
    await vehicle.drive(3)
    told = (vehicle.folder / HEAD).read_bytes()
    (vehicle.folder / HEAD).write_bytes(told.replace(b'"number": 4', b'"number": 2'))
    assert [what for what, _ in vehicle.found()] == ["head_damaged"]
    (vehicle.folder / HEAD).unlink()
    assert [what for what, _ in vehicle.found()] == ["head_missing"]
    await vehicle.drive(1)
    assert vehicle.losses == ["head_missing"]
    assert [what for what, _ in vehicle.found()] == ["head_missing"]


async def test_a_damaged_head_is_kept_and_the_gateway_starts(vehicle: Vehicle) -> None:
    await vehicle.drive(3)
    (vehicle.folder / HEAD).write_bytes(b"{")
    await vehicle.drive(1)
    assert (vehicle.folder / f"{HEAD}.damaged-1").read_bytes() == b"{"
    assert vehicle.losses == ["head_damaged"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "key_missing"),
        (b"short", "key_damaged"),
        (bytes(32), "key_damaged"),
        (b"another key of 32 bytes, a guess", "other_key"),
    ],
    ids=["missing", "short", "zeros", "another"],
)
async def test_a_key_that_is_gone_or_another_is_a_finding_and_the_chain_begins_anew(
    vehicle: Vehicle, content: bytes | None, what: str
) -> None:
    await vehicle.drive(4)
    (vehicle.folder / KEY).unlink()
    if content is not None:
        (vehicle.folder / KEY).write_bytes(content)
    assert [one for one, _ in vehicle.found()] == [what]
    await vehicle.drive(2)
    assert vehicle.losses == [what]
    verdict = vehicle.verify()
    assert [one.what for one in verdict.faults] == [what]
    assert (verdict.older, verdict.checked) == (5, 3)
    with by_hand(vehicle.folder) as connection:
        connection.execute("UPDATE audit SET who = 'eva' WHERE seq = ?", (seqs(vehicle.folder)[-1],))
    assert "changed" in [one for one, _ in vehicle.found()]


async def test_all_rows_thrown_away_with_the_head_are_still_missed(vehicle: Vehicle) -> None:
    await vehicle.drive(4)
    with by_hand(vehicle.folder) as connection:
        connection.execute("DELETE FROM audit")
    (vehicle.folder / HEAD).unlink()
    assert [what for what, _ in vehicle.found()] == ["head_missing"]
    await vehicle.drive(2)
    assert vehicle.losses == ["head_missing"]
    assert not vehicle.verify().is_intact


@pytest.mark.parametrize("reason", [Reason.RESTORED, Reason.COPY])
async def test_what_the_gateway_put_in_place_itself_is_a_named_gap_and_no_forgery(vehicle: Vehicle, reason: Reason) -> None:
    await vehicle.drive(3)
    shutil.copy(vehicle.folder / "state.db", vehicle.folder / "older.db")
    await vehicle.drive(3)
    shutil.copy(vehicle.folder / "older.db", vehicle.folder / "state.db")
    vehicle.explained = lambda: reason
    await vehicle.drive(2)
    vehicle.explained = lambda: None
    await vehicle.drive(1)
    verdict = vehicle.verify()
    assert verdict.is_intact
    assert [(mark.reason, mark.data["lost"]) for mark in verdict.gaps] == [(reason, 3)]
    assert vehicle.losses == [reason]


async def test_a_backup_without_the_key_on_a_blank_machine_begins_a_chain_that_says_so(vehicle: Vehicle, tmp_path: Path) -> None:
    await vehicle.drive(4)
    blank = Vehicle(tmp_path / "blank")
    blank.folder.mkdir()
    shutil.copy(vehicle.folder / "state.db", blank.folder / "state.db")
    blank.explained = lambda: Reason.RESTORED
    await blank.drive(2)
    verdict = blank.verify()
    assert (verdict.is_intact, verdict.older, verdict.checked) == (True, 5, 3)
    assert [mark.reason for mark in verdict.gaps] == ["restored"]


async def test_a_backup_with_the_key_on_a_blank_machine_goes_on(vehicle: Vehicle, tmp_path: Path) -> None:
    await vehicle.drive(4)
    blank = Vehicle(tmp_path / "blank")
    blank.folder.mkdir()
    for name in ("state.db", KEY):
        shutil.copy(vehicle.folder / name, blank.folder / name)
    blank.explained = lambda: Reason.RESTORED
    await blank.drive(2)
    verdict = blank.verify()
    assert (verdict.is_intact, verdict.older, verdict.checked) == (True, 0, 8)


async def test_rows_of_before_the_chain_are_taken_in_once_as_they_are(vehicle: Vehicle) -> None:
    await vehicle.drive(0)
    with by_hand(vehicle.folder) as connection:
        connection.execute("DELETE FROM audit")
        for seq in (11, 12, 13):
            connection.execute(
                "INSERT INTO audit (seq, boot, at_ns, who, via, address, service, data, outcome, detail, latency_s)"
                " VALUES (?, 1, 1, 'ana', 'rest', '', 'a.b', '{}', 'done', CAST(x'ff41' AS TEXT), 0)",
                (seq,),
            )
    for name in (KEY, HEAD):
        (vehicle.folder / name).unlink()
    assert vehicle.verify().is_intact  # there is no chain yet
    await vehicle.drive(2)
    verdict = vehicle.verify()
    assert (verdict.is_intact, verdict.checked) == (True, 6)
    assert [(mark.reason, mark.data["accepted"]) for mark in verdict.marks] == [("upgraded", 3)]
    with by_hand(vehicle.folder) as connection:
        connection.execute("UPDATE audit SET who = 'eva' WHERE seq = 12")
    assert vehicle.found() == [("changed", 12)]


async def test_retention_removes_the_oldest_behind_a_checkpoint(tmp_path: Path) -> None:
    vehicle = Vehicle(tmp_path, Keep(40, None))
    for _ in range(6):
        await vehicle.drive(20)
    verdict = vehicle.verify()
    assert verdict.is_intact
    assert verdict.rows < 65  # it is tidied at each start, and after 500 rows
    removed = [mark for mark in verdict.marks if mark.kind == "removed"]
    assert removed
    assert verdict.first is not None
    assert removed[-1].data["last_seq"] < verdict.first
    with by_hand(tmp_path) as connection:
        connection.execute("DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)")
    assert [what for what, _ in vehicle.found()] == ["missing"]


async def test_a_chain_that_was_cut_at_its_beginning_without_retention_is_seen(vehicle: Vehicle) -> None:
    await vehicle.drive(9)
    with by_hand(vehicle.folder) as connection:
        connection.execute("DELETE FROM audit WHERE number < 4")
    assert [what for what, _ in vehicle.found()][:1] == ["missing"]


async def test_the_disk_takes_nothing_and_then_everything(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("autocore.audit.files.write_file", full)
        audit = await vehicle.start()
        audit.remember(record(1))
        await audit.flush()
        assert audit.is_failing
        written = seqs(vehicle.folder)
    assert written == []
    await audit.flush()
    assert not audit.is_failing
    await vehicle.stop()
    assert (vehicle.verify().is_intact, vehicle.verify().checked) == (True, 2)


def test_no_two_rows_are_encoded_alike() -> None:
    rows = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc", ""),
        ("abc",),
        (1, "2"),
        ("1", 2),
        (12,),
        ("12",),
        (None, ""),
        ("", None),
        (1.0,),
        (1,),
    ]
    assert len({encoded(row) for row in rows}) == len(rows)


def test_a_head_can_be_read_only_as_it_was_written() -> None:
    key, link = b"k" * 32, Link(7, b"m" * 32, 9)
    head = read_head(key, head_bytes(key, link))
    assert head is not None
    assert (head.link, head.is_good) == (link, True)
    other = read_head(b"o" * 32, head_bytes(key, link))
    assert other is not None
    assert not other.is_good
    for content in (b"", b"null", b"[]", b'{"seq": 1}', head_bytes(key, link).replace(b"7", b'"7"', 1), b"\xff"):
        assert read_head(key, content) is None


async def test_a_forged_row_from_the_future_spoils_no_row_that_is_written_after_it(vehicle: Vehicle) -> None:
    await vehicle.drive(3)
    with by_hand(vehicle.folder) as connection:
        row = connection.execute(
            f"SELECT {FIELDS}, kind, number + 1, randomblob(32) FROM audit ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        connection.execute(f"INSERT INTO audit VALUES (?, {', '.join('?' * len(row))})", (1 << 62, *row))
    await vehicle.drive(3, 3)
    assert [seq for _, seq in vehicle.found()] == [1 << 62]


async def test_a_flood_that_pushes_the_row_of_the_head_out_is_no_forgery(tmp_path: Path) -> None:
    vehicle = Vehicle(tmp_path, Keep(20, None))
    await vehicle.drive(2)
    audit = await vehicle.start()
    audit._head_ns = vehicle.clock.monotonic_ns()  # it was written just now
    for number in range(700):
        audit.remember(record(number))
    await audit.flush()
    audit._wants_tidying = True
    await audit.flush()
    await vehicle.crash()
    verdict = vehicle.verify()
    assert verdict.first is not None
    assert verdict.first > audit._head.seq
    assert verdict.is_intact
    await vehicle.drive(1)
    assert (vehicle.verify().is_intact, vehicle.losses) == (True, [])


def day(number: int) -> int:
    return EARLIEST_WALL_NS + number * DAY_NS


async def test_rows_go_when_the_vehicle_has_lived_long_enough(tmp_path: Path) -> None:
    vehicle = Vehicle(tmp_path, Keep(50_000, 60))
    for number in (0, 25, 50, 75):
        vehicle.clock.set_wall(day(number))
        await vehicle.drive(2)
    verdict = vehicle.verify()
    assert (verdict.is_intact, verdict.rows) == (True, 7)  # of 9 and a checkpoint, those of the first day went
    assert verdict.marks[-1].data["rows"] == 3


@pytest.mark.parametrize("years", [-56, 12, 50])
async def test_a_clock_that_is_decades_off_takes_no_row_away(tmp_path: Path, years: int) -> None:
    vehicle = Vehicle(tmp_path, Keep(50_000, 60))
    for number in (0, years * 365, 1, years * 365 + 1, 2):
        vehicle.clock.set_wall(day(number))
        await vehicle.drive(2)
    verdict = vehicle.verify()
    assert (verdict.is_intact, verdict.rows) == (True, 11)
