"""The DBC files that the gateway knows: those of the configuration, those that somebody uploaded, and the demonstration's."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from autocore.api import InvalidData, PluginHost, Refused, UnknownName, delete_file, slug, write_file

from .dbc import LARGEST_BYTES, Dbc, DbcMessage, DbcSignal, known_dbc
from .section import Pick

MOST_UPLOADS = 20
DEMO_FILE = Path(__file__).with_name("demo.dbc")


@dataclass(frozen=True, slots=True)
class DbcFile:
    """One file.

    Args:
        name: without folder; uploaded ones are found by it.
        origin: `config`, `panel` or `demo`.
        dbc: what it says, None when it cannot be read.
        problem: why not.
    """

    name: str
    origin: str
    dbc: Dbc | None = None
    problem: str | None = None


Found = tuple[DbcFile, DbcMessage, DbcSignal]


class Shelf:
    """All DBC files by name.

    Args:
        host: whose folders they lie in.
        configured: paths below the configuration folder.
        has_demo: whether the demonstration's file is one of them.
    """

    def __init__(self, host: PluginHost, configured: tuple[str, ...], *, has_demo: bool) -> None:
        self._host = host
        self._configured = configured
        self._has_demo = has_demo
        self._files: dict[str, DbcFile] = {}
        self._turn = asyncio.Lock()  # one child process at a time

    def __iter__(self) -> Iterator[DbcFile]:
        """Give the files in the order in which signals are looked for in them."""
        return iter(self._files.values())

    def signals(self) -> Iterator[Found]:
        """Give every signal of every file."""
        for file in self:
            for message in file.dbc.messages if file.dbc else ():
                for signal in message.signals:
                    yield file, message, signal

    def find(self, pick: Pick) -> Found:
        """Give the signal that somebody picked.

        Raises:
            InvalidData: no file has it, or several of its messages have.
        """
        found = [
            (file, message, signal)
            for file, message, signal in self.signals()
            if signal.name == pick.signal and pick.message in (None, message.name) and pick.dbc in (None, file.name)
        ]
        wanted = f"{pick.message}.{pick.signal}" if pick.message else pick.signal
        if not found:
            raise InvalidData(f"no DBC file has a signal {wanted}")
        messages = sorted({message.name for _, message, _ in found})
        if len(messages) > 1:
            raise InvalidData(f"several messages have a signal {wanted}; say which: message: {messages[0]}")
        return found[0]

    async def load(self) -> None:
        """Read all files, one after the other; what cannot be read stays with its reason."""
        async with self._turn:
            if self._has_demo:
                await self._load(DEMO_FILE, "demo")
            for name in self._configured:
                place = (self._host.config_folder / name).resolve()
                if place.is_relative_to(self._host.config_folder.resolve()):
                    await self._load(place, "config")
                else:
                    self._fail(name, "config", "it lies outside the configuration folder; copy it there")
            for path in sorted(self._host.data_folder.glob("*.dbc"))[:MOST_UPLOADS]:
                await self._load(path, "panel")

    async def add(self, filename: str, content: bytes) -> DbcFile:
        """Take an uploaded file: read it first, and keep it when it is one. One of the same name takes its place.

        Raises:
            InvalidData: its name is none, or it is too large or no DBC file.
            Refused: the name is the configuration's, or there are too many.
        """
        name = upload_name(filename)
        async with self._turn:
            known = self._files.get(name)
            if known is not None and known.origin != "panel":
                raise Refused(f"{name} stands in the configuration; rename the file", code="taken")
            if known is None and sum(one.origin == "panel" for one in self) >= MOST_UPLOADS:
                raise Refused(f"there are {MOST_UPLOADS} uploaded DBC files already; remove one", code="full")
            dbc = await known_dbc(content, self._host.cache)
            await asyncio.to_thread(write_file, self._host.data_folder / name, content)
            file = self._files[name] = DbcFile(name, "panel", dbc)
        self._host.log.info("%s was uploaded: %d messages, %d signals", name, len(dbc.messages), dbc.signal_count)
        return file

    async def forget(self, name: str) -> None:
        """Delete an uploaded file.

        Raises:
            UnknownName: there is none of that name.
            Refused: it is not an uploaded one.
        """
        async with self._turn:
            file = self._files.get(name)
            if file is None:
                raise UnknownName("DBC file", name)
            if file.origin != "panel":
                raise Refused(f"{name} stands in the configuration; take it out there", code="taken")
            await asyncio.to_thread(delete_file, self._host.data_folder / name)
            del self._files[name]

    async def _load(self, path: Path, origin: str) -> None:
        try:
            dbc = await known_dbc(await asyncio.to_thread(_read, path), self._host.cache)
        except InvalidData as error:
            self._fail(path.name, origin, error.message)
        except OSError as error:
            self._fail(path.name, origin, f"it cannot be opened: {error.strerror}")
        else:
            self._files[path.name] = DbcFile(path.name, origin, dbc)

    def _fail(self, name: str, origin: str, problem: str) -> None:
        self._files[name] = DbcFile(name, origin, problem=problem)
        self._host.log.warning("the DBC file %s is not used: %s", name, problem)


def upload_name(filename: str) -> str:
    """Give the name under which an uploaded file is kept: letters, digits and `_` of its own name.

    Raises:
        InvalidData: it does not end in `.dbc`, or nothing of it is left.
    """
    path = PurePosixPath(PureWindowsPath(filename[:255]).name)
    stem = slug(path.stem)
    if path.suffix.lower() != ".dbc" or not stem:
        raise InvalidData("expected a file whose name ends in .dbc; write e.g. vehicle.dbc", field="file")
    return f"{stem}.dbc"


def _read(path: Path) -> bytes:
    if not path.is_file():  # a pipe would keep the thread for ever
        raise FileNotFoundError(errno.ENOENT, "no such file")
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES + 1)
