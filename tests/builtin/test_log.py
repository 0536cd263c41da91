"""The log: one line a thing, in a file too, without secrets, and the disk never holds anybody up."""

from __future__ import annotations

import logging
import queue
from pathlib import Path

import pytest

from autocore.builtin import log


def test_lines_go_to_the_terminal_and_the_file_and_hide_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger("autocore").level
    log.hide("hunter2hunter2")
    log.hide("abc")  # too short to be hidden: it would blank words
    stop = log.start("info", {"autocore.mqtt": "error"}, folder=tmp_path, environ={})
    logging.getLogger("autocore.relays").info("board %s is back with %s abc", "main", "hunter2hunter2")
    logging.getLogger("autocore.relays").debug("not said")
    logging.getLogger("autocore.mqtt").warning("not said either")
    stop()
    (line,) = (tmp_path / "logs/autocore.log").read_text().splitlines()
    assert line.endswith("INFO    autocore.relays: board main is back with *** abc")
    assert line in capsys.readouterr().err
    assert logging.getLogger("autocore").level == before


def test_lines_that_come_faster_than_the_disk_are_counted() -> None:
    full: queue.Queue[logging.LogRecord] = queue.Queue(1)
    border = log._Bounded(full)
    record = logging.LogRecord("autocore", logging.INFO, "", 0, "a", None, None)
    border.enqueue(record)
    border.enqueue(record)
    assert border.dropped == 1


def test_colours_only_where_somebody_sees_them() -> None:
    record = logging.LogRecord("autocore", logging.ERROR, "", 0, "the broker is away", None, None)
    assert "\x1b[31m" in log._Lines(is_coloured=True).format(record)
    assert "\x1b" not in log._Lines(is_coloured=False).format(record)


def test_lines_that_the_disk_refused_are_counted_and_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = log._File(tmp_path / "autocore.log", encoding="utf-8")
    file.setFormatter(log._Lines(is_coloured=False))

    def say(words: str) -> None:
        file.handle(logging.LogRecord("autocore", logging.INFO, "", 0, words, None, None))

    class Full:
        def write(self, _text: str) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    say("one")
    (tmp_path / "autocore.log").rename(tmp_path / "first.log")
    (tmp_path / "autocore.log").mkdir()  # it cannot be opened
    file.stream = Full()
    say("two")
    say("three")
    (tmp_path / "autocore.log").rmdir()
    say("four")
    file.close()
    lines = (tmp_path / "autocore.log").read_text().splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == ["four", "2 lines are missing before this"]
    assert capsys.readouterr().err == ""


def test_what_a_stranger_sends_begins_no_line_and_steers_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stop = log.start("info", {}, folder=tmp_path, environ={})
    logging.getLogger("autocore.mqtt").warning("refused %s", "a\n2026-01-01 ERROR forged\r\x1b[2J\u202e\0b")
    logging.getLogger("autocore.mqtt").warning("long %s", "x" * 1_000_000)
    try:
        int("oil")
    except ValueError:
        logging.getLogger("autocore.mqtt").exception("the handler failed")
    stop()
    written = (tmp_path / "logs" / "autocore.log").read_text()
    assert "refused a 2026-01-01 ERROR forged [2Jb\n" in written
    assert len(written) < 10_000
    assert "the handler failed\nTraceback (most recent call last):\n  File " in written, "a traceback keeps its lines"
    assert written == capsys.readouterr().err
