"""The short form of R2, and the rules of the disk that it is played on."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults import shim
from tests.faults.disk import Disk
from tests.faults.r2_power_cut import run
from tests.faults.shim import Op


def test_every_cut_of_a_short_life_starts_with_what_was_acknowledged() -> None:
    found = run(11, acts=8, share=0.02, lanes=0)
    assert found.failures == []
    assert found.runs > 5


def name(kind: str, root: Path, one: str, two: str = "", inode: int = 0) -> Op:
    return Op(kind, inode, 0, f"{root / one}\0{root / two if two else ''}".encode())


def test_what_was_synced_stays_and_what_was_not_may_go(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    folder = Op("D", 1, 0, str(tmp_path).encode())
    for op in (
        name("C", tmp_path, "a", inode=7),
        Op("W", 7, 0, b"first"),
        Op("S", 7, 0, b""),
        folder,
        Op("W", 7, 5, b" second"),
        name("C", tmp_path, "a.new", inode=8),
        Op("W", 8, 0, b"fresh"),
        name("R", tmp_path, "a.new", "a"),
    ):
        disk.apply(op)
    dice = random.Random(1)
    assert disk.cut(dice, "none") == {"a": b"first"}
    assert disk.cut(dice, "all") == {"a": b"fresh"}
    seen = [disk.cut(dice, "some") for _ in range(200)]
    for one in seen:
        content = one["a"] or b""  # renamed, but never synced: it may be empty
        assert content in (b"first second", b"fresh") or content.removeprefix(b"first").strip(b"\0") == b""
    assert {"a": b"first"} in seen
    assert {"a": b""} in seen
    disk.apply(folder)
    assert set(disk.cut(dice, "none")) == {"a"}


def test_a_write_is_torn_into_sectors(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    for op in (
        name("C", tmp_path, "a", inode=7),
        Op("D", 1, 0, str(tmp_path).encode()),
        Op("W", 7, 0, b"o" * 8192),
        Op("S", 7, 0, b""),
        Op("W", 7, 0, b"n" * 8192),
    ):
        disk.apply(op)
    dice = random.Random(2)
    seen = {disk.cut(dice, "some")["a"] for _ in range(50)}
    assert all(content is not None and len(content) == 8192 for content in seen)
    assert any(b"on" in (content or b"") or b"no" in (content or b"") for content in seen)


def test_the_shim_writes_down_what_a_process_does(tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415  # this test only
    import sys  # noqa: PLC0415

    root, log = tmp_path / "root", tmp_path / "log"
    code = (
        "import os, ctypes; f = open('a', 'wb'); f.write(b'hello'); f.flush(); os.fsync(f.fileno());"
        "os.rename('a', 'b'); ctypes.CDLL(None).autocore_mark(b'done'); os.unlink('b')"
    )
    environ = shim.environment(shim.build(tmp_path), root, log=log)
    subprocess.run([sys.executable, "-c", code], cwd=root, env=environ, check=True)
    ops = list(shim.read_log(log))
    assert [op.kind for op in ops] == ["C", "W", "S", "R", "A", "U"]
    assert ops[1].data == b"hello"
    assert ops[3].names == (str(root / "a"), str(root / "b"))
