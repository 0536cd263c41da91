"""Logging: short lines for whoever owns the vehicle, on the terminal and in a rotating file. The disk never holds up the loop."""

from __future__ import annotations

import logging
import queue
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path

from autocore.core.names import readable

WAITING = 10_000  # lines that may wait for the disk; beyond it they are counted and left out
LONGEST_LINE = 4_000  # of a sentence; a traceback is as long as it is
SHORTEST_SECRET = 4  # a shorter one would blank ordinary words
_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Never write `secret` into a log, wherever it turns up."""
    if len(secret) >= SHORTEST_SECRET:
        _hidden.add(secret)


class _Sentences(logging.Formatter):
    """The sentence alone, before its traceback is put to it.

    What devices and strangers send stands in sentences: it may neither begin a line of its own nor steer a terminal.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the formatter's door
        return readable(record.message, LONGEST_LINE)


class _Lines(logging.Formatter):
    """One line: UTC time, level, part, sentence."""

    converter = staticmethod(time.gmtime)

    def __init__(self, *, is_coloured: bool) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self._is_coloured = is_coloured

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in _hidden:
            line = line.replace(secret, "***")
        if self._is_coloured and record.levelno >= logging.WARNING:
            line = f"\x1b[{31 if record.levelno >= logging.ERROR else 33}m{line}\x1b[0m"
        return line


class _Bounded(QueueHandler):
    """Hands lines over without ever waiting."""

    def __init__(self, lines: queue.Queue[logging.LogRecord]) -> None:
        super().__init__(lines)
        self.setFormatter(_Sentences())
        self.dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


class _File(RotatingFileHandler):
    """A log file on a disk that may be full: a line that it does not take is counted, and said when it takes lines again."""

    lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        before = self.lost
        super().emit(record)
        if before and self.lost == before:
            self.lost = 0
            super().emit(
                logging.makeLogRecord(
                    {"name": "autocore", "levelname": "WARNING", "msg": f"{before} lines are missing before this"}
                )
            )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # the handler's door
        self.lost += 1
        stream, self.stream = self.stream, None  # what is stuck in its buffer would come twice; it is opened again
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.close()


def start(
    level: str,
    levels: Mapping[str, str],
    *,
    folder: Path | None,
    max_mb: int = 10,
    keep: int = 10,
    environ: Mapping[str, str],
) -> Callable[[], None]:
    """Log from now on; the answer writes what waits and puts things back.

    Args:
        level: `debug`, `info`, `warning` or `error`, for everything of AutoCore.
        levels: other levels for parts, e.g. `{autocore.mqtt: debug}`.
        folder: where `logs/autocore.log` is written; None writes no file.
        max_mb: how large the file grows before a new one begins.
        keep: how many old ones stay.
        environ: for `NO_COLOR`.
    """
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_Lines(is_coloured=sys.stderr.isatty() and "NO_COLOR" not in environ))
    handlers: list[logging.Handler] = [terminal]
    if folder is not None:
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        file = _File(folder / "logs" / "autocore.log", maxBytes=max_mb * 1_000_000, backupCount=keep, encoding="utf-8")
        file.setFormatter(_Lines(is_coloured=False))
        handlers.append(file)
    lines: queue.Queue[logging.LogRecord] = queue.Queue(WAITING)
    border = _Bounded(lines)
    listener = QueueListener(lines, *handlers)
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    root.handlers = [border]
    root.setLevel(logging.WARNING)
    wanted = {"autocore": level, **levels}
    levels_before = {name: logging.getLogger(name).level for name in wanted}
    for name, word in wanted.items():
        logging.getLogger(name).setLevel(word.upper())
    listener.start()

    def stop() -> None:
        listener.stop()
        if border.dropped:
            print(f"{border.dropped} log lines were left out: they came faster than the disk", file=sys.stderr)  # noqa: T201
        for handler in handlers:
            handler.close()
        root.setLevel(before[0])
        root.handlers = before[1]
        for name, number in levels_before.items():
            logging.getLogger(name).setLevel(number)

    return stop
