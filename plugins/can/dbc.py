"""What a DBC file says, and how it is found out: in a child process, never in the gateway's own.

The gateway decodes with its own small decoder from what the child found; cantools never meets the bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import msgspec

from autocore.api import InvalidData

from .fields import Field, Meaning, Selector
from .frames import key_of

CHILD = Path(__file__).with_name("dbc_child.py")
LARGEST_BYTES = 4 * 1024 * 1024  # the largest file in the field has about two
LARGEST_ANSWER_BYTES = 32 * 1024 * 1024
CHILD_LIMIT_S = 60.0  # the child's processor time ends sooner; this is for one that only waits
DEEPEST_MULTIPLEXER = 8


class Cache(Protocol):
    """What is asked of the host's cache."""

    def get(self, key: str, default: Any = None) -> Any:
        """Give a value, or `default`."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""


class DbcSignal(msgspec.Struct, frozen=True):
    """One signal of a message, as the file describes it."""

    name: str
    start: int
    length: int
    is_little: bool
    is_signed: bool
    is_float: bool
    scale: int | float
    offset: int | float
    unit: str | None
    words: dict[int, str]
    multiplexer: str | None
    multiplexer_values: list[int]


class DbcMessage(msgspec.Struct, frozen=True):
    """One message."""

    name: str
    id: int
    is_extended: bool
    length: int
    signals: list[DbcSignal]

    @property
    def key(self) -> int:
        """The number by which its frames are known."""
        return key_of(self.id, is_extended=self.is_extended)

    def meaning(self, signal: DbcSignal) -> Meaning:
        """Give where a signal of this message lies and what it means.

        Raises:
            InvalidData: the file puts it, or one of its multiplexers, where no payload is.
        """
        return Meaning(_field(signal), signal.words, signal.unit, tuple(self._selectors(signal)))

    def _selectors(self, signal: DbcSignal) -> Iterator[Selector]:
        for _ in range(DEEPEST_MULTIPLEXER):
            if signal.multiplexer is None:
                return
            above = next((one for one in self.signals if one.name == signal.multiplexer), None)
            if above is None:
                raise InvalidData(f"{signal.name} is multiplexed by {signal.multiplexer}, which {self.name} does not have")
            yield Selector(_field(above), frozenset(signal.multiplexer_values))
            signal = above
        raise InvalidData(f"the multiplexers of {signal.name} name each other")


class Dbc(msgspec.Struct, frozen=True):
    """A whole file."""

    messages: list[DbcMessage]

    @property
    def signal_count(self) -> int:
        """How many signals it describes."""
        return sum(len(one.signals) for one in self.messages)


class _Answer(msgspec.Struct):
    messages: list[DbcMessage] = []
    problem: str | None = None


async def read_dbc(content: bytes) -> Dbc:
    """Give what a DBC file says.

    Raises:
        InvalidData: it is too large, no DBC file, or takes too much memory or time.
    """
    if len(content) > LARGEST_BYTES:
        raise InvalidData(f"a DBC file has at most {LARGEST_BYTES // 1024} KiB; split it")
    try:
        answer = msgspec.json.decode(await _ask_child(content), type=_Answer)
    except msgspec.DecodeError:
        raise InvalidData("reading it took more memory or time than a DBC file may take; split it") from None
    if answer.problem is not None:
        raise InvalidData(answer.problem)
    return Dbc(answer.messages)


async def known_dbc(content: bytes, cache: Cache) -> Dbc:
    """Give what a DBC file says, from the cache when the same bytes were read before: a child process takes a second on a Pi.

    Raises:
        InvalidData: see `read_dbc`; what cannot be read is not kept.
    """
    key = await asyncio.to_thread(_key_of, content)
    kept = await asyncio.to_thread(cache.get, key)
    if isinstance(kept, str):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(kept, type=Dbc)
    dbc = await read_dbc(content)
    await asyncio.to_thread(cache.set, key, msgspec.json.encode(dbc).decode())
    return dbc


def _key_of(content: bytes) -> str:
    """Give the name of a file's bytes as this program reads them: another reader reads anew."""
    mark = hashlib.sha256(CHILD.read_bytes())
    with contextlib.suppress(PackageNotFoundError):
        mark.update(version("cantools").encode())
    mark.update(content)
    return f"dbc {mark.hexdigest()}"


async def _ask_child(content: bytes) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",  # neither the environment nor the current folder says what it imports
        str(CHILD),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath},
    )
    try:
        async with asyncio.timeout(CHILD_LIMIT_S):
            answer = await _talk(child, content)
            await child.wait()
            return answer
    except TimeoutError:
        return b""
    finally:
        if child.returncode is None:  # it takes too long, or nobody waits any more
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _talk(child: asyncio.subprocess.Process, content: bytes) -> bytes:
    if child.stdin is None or child.stdout is None:
        return b""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended before it read all; its answer says why
        child.stdin.write(content)
        await child.stdin.drain()
        child.stdin.close()
    answer = bytearray()
    while block := await child.stdout.read(65_536):
        answer += block
        if len(answer) > LARGEST_ANSWER_BYTES:
            child.kill()
            return b""
    return bytes(answer)


def _field(one: DbcSignal) -> Field:
    return Field(one.start, one.length, one.is_little, one.is_signed, one.is_float, one.scale, one.offset)
