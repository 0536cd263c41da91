"""A cache on disk (diskcache) that holds JSON only. What is in it may vanish at any time; nothing here is a record.

It never raises because of its disk: what cannot be read is not there, what cannot be written is not kept, and both are counted. A
folder that is deleted under it, or damaged, is made anew.

diskcache pickles what its JSONDisk does not know, and unpickles what it finds: a tampered file would run code. This Disk
stores text and refuses every other mode (tried, dependencies.md).
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

LIMIT_BYTES = 50_000_000
BUSY_S = 0.2  # for another thread's write; whoever asks would rather make the value than wait
SEAL_CHARS = 16
_NOTHING = object()

log = logging.getLogger("autocore.cache")


class Cache:
    """The cache of one gateway; each plugin sees the keys under its own name.

    Args:
        folder: made for its owner only, at the first use.
    """

    def __init__(self, folder: Path) -> None:
        self.failures = 0
        """How often it was not there for whoever asked, because of its disk."""
        self._folder = folder
        self._cache: Any = None
        self._file: tuple[int, int] | None = None
        self._broken: tuple[type[Exception], ...] = (sqlite3.Error, OSError, ValueError)
        self._is_failing = False
        self._turn = threading.Lock()

    def get(self, owner: str, key: str, default: Any = None) -> Any:
        """Give a value, or `default` when it is not (or no longer) there."""
        name = f"{owner}:{key}"
        text = self._try(lambda cache: cache.get(name))
        # The seal tells a value that was kept from what a dying card, or somebody's hand, made of it.
        if not isinstance(text, str) or text[:SEAL_CHARS] != _seal(name, text[SEAL_CHARS:]):
            return default
        return msgspec.json.decode(text[SEAL_CHARS:])

    def set(self, owner: str, key: str, value: Any, expires_after_s: float | None = None) -> None:
        """Keep a value of JSON types, for `expires_after_s` seconds or until room is needed."""
        name, text = f"{owner}:{key}", msgspec.json.encode(value).decode()
        if self._try(lambda cache: cache.set(name, _seal(name, text) + text, expire=expires_after_s)):
            self._is_failing = False

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._let_go()

    def _try(self, work: Callable[[Any], Any]) -> Any:
        """Do `work` with the open cache; a second time on a new one, and then give None."""
        problem: Exception | None = None
        for _ in range(2):
            try:
                return work(self._open())
            except self._broken as error:
                problem = error
                # Not a full or a busy disk: those are OperationalError, and what is there is good.
                self._begin_anew(is_damaged=type(error) is sqlite3.DatabaseError)
        self.failures += 1
        if not self._is_failing:
            log.warning("the cache %s cannot be used, so everything is made anew each time: %s", self._folder, problem)
        self._is_failing = True
        return None

    def _begin_anew(self, *, is_damaged: bool) -> None:
        with self._turn:
            self._let_go()
            if is_damaged:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _let_go(self) -> None:
        if self._cache is not None:
            with suppress(*self._broken):
                self._cache.close()
        self._cache = None

    def _open(self) -> Any:
        with self._turn:
            if self._cache is not None and _identity(self._folder / "cache.db") != self._file:
                self._let_go()  # the folder was deleted: what is open is the ghost of a file
            if self._cache is None:
                self._cache = self._opened()
                self._file = _identity(self._folder / "cache.db")
            return self._cache

    def _opened(self) -> Any:
        from diskcache import Cache as DiskCache  # noqa: PLC0415  # only who caches pays for the import
        from diskcache import Disk, Timeout  # noqa: PLC0415

        class TextDisk(Disk):  # type: ignore[misc]  # diskcache ships no types
            """Text in, text out."""

            def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:  # noqa: FBT001  # diskcache's signature
                if mode == PICKLED:
                    return None
                return super().fetch(mode, filename, value, read)

        self._broken = (sqlite3.Error, OSError, ValueError, Timeout)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DiskCache(str(self._folder), timeout=BUSY_S, disk=TextDisk, size_limit=LIMIT_BYTES)


PICKLED = 4  # diskcache.core.MODE_PICKLE


def _seal(name: str, text: str) -> str:
    return hashlib.blake2b(f"{name}\0{text}".encode(), digest_size=SEAL_CHARS // 2).hexdigest()


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


class OwnedCache:
    """The cache as one plugin sees it."""

    def __init__(self, cache: Cache, owner: str) -> None:
        self._cache = cache
        self._owner = owner

    def get(self, key: str, default: Any = None) -> Any:
        """Give a value, or `default` when it is not (or no longer) there."""
        return self._cache.get(self._owner, key, default)

    def set(self, key: str, value: Any, expires_after_s: float | None = None) -> None:
        """Keep a value of JSON types, for `expires_after_s` seconds or until room is needed."""
        self._cache.set(self._owner, key, value, expires_after_s)

    def get_or_make(self, key: str, make: Callable[[], T]) -> T:
        """Give the value of `key`, of JSON types; what is not there is made by `make()` and kept."""
        found = self.get(key, _NOTHING)
        if found is _NOTHING:
            found = make()
            self.set(key, found)
        value: T = found
        return value
