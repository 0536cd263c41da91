"""A cache on disk (diskcache) that holds JSON only. What is in it may vanish at any time; nothing here is a record.

diskcache pickles what its JSONDisk does not know, and unpickles what it finds: a tampered file would run code. This Disk
stores text and refuses every other mode (tried, dependencies.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from autocore.core.errors import StorageError

LIMIT_BYTES = 50_000_000


class Cache:
    """The cache of one gateway; each plugin sees the keys under its own name.

    Args:
        folder: made for its owner only, at the first use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: Any = None

    def get(self, owner: str, key: str, default: Any = None) -> Any:
        """Give a value, or `default` when it is not (or no longer) there."""
        text = self._open().get(f"{owner}:{key}")
        try:
            return default if text is None else msgspec.json.decode(text)
        except msgspec.DecodeError:  # somebody wrote into the file: then it is simply not there
            return default

    def set(self, owner: str, key: str, value: Any, expires_after_s: float | None = None) -> None:
        """Keep a value of JSON types, for `expires_after_s` seconds or until room is needed."""
        self._open().set(f"{owner}:{key}", msgspec.json.encode(value).decode(), expire=expires_after_s)

    def close(self) -> None:
        """Close the file."""
        if self._cache is not None:
            self._cache.close()

    def _open(self) -> Any:
        if self._cache is None:
            from diskcache import Cache as DiskCache  # noqa: PLC0415  # only who caches pays for the import
            from diskcache import Disk  # noqa: PLC0415

            class TextDisk(Disk):  # type: ignore[misc]  # diskcache ships no types
                """Text in, text out."""

                def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:  # noqa: FBT001  # diskcache's signature
                    if mode == PICKLED:
                        return None
                    return super().fetch(mode, filename, value, read)

            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._cache = DiskCache(str(self._folder), disk=TextDisk, size_limit=LIMIT_BYTES)
            except OSError as error:
                raise StorageError(f"the cache {self._folder} cannot be opened: {error.strerror}") from error
        return self._cache


PICKLED = 4  # diskcache.core.MODE_PICKLE


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
