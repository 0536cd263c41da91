"""What a backup says of itself, and which names may stand in one. Pure: no files.

A name is `config/…` or `data/…`; everything that is not named here is refused, whoever wrote the file.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

import msgspec

from autocore.core.errors import InvalidData

FORMAT = 1
FILE = "manifest.json"
LARGEST = 16_000_000  # bytes of a manifest: some 60 000 files
MOST_FILES = 50_000
LONGEST_NAME = 400
SECRETS_FILE = "secrets.yaml"
DATABASES = ("state.db", "history.db")
CODE_SUFFIXES = frozenset({".py", ".pyc", ".pyo", ".pyd", ".so", ".pth"})
"""What Python loads, wherever it lies: the web never writes it."""
CONFIG_SUFFIXES = frozenset({".yaml", ".yml", ".dbc", ".arxml", ".kcd", ".sym", ".cdd", ".json", ".csv", ".txt", ".pem", ".crt"})
"""What a configuration is made of; anything else beside it may be a part of a program."""


class Kind(StrEnum):
    """What a file in a backup is."""

    CONFIG = "config"
    CODE = "code"
    DATABASE = "database"
    FILES = "files"
    SECRET = "secret"  # noqa: S105  # a word


class Why(StrEnum):
    """Why something was left out."""

    SECRET = "secret"  # noqa: S105  # a word
    """It leaves only in an encrypted backup."""
    HISTORY = "history"
    """It was not asked for."""
    LINK = "link"
    """A link leads to somewhere else."""
    UNREADABLE = "unreadable"
    """It could not be read."""


class FileEntry(msgspec.Struct, frozen=True):
    """One file: its name, its bytes, and their SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str
    kind: Kind
    is_database: bool = False


class LeftOut(msgspec.Struct, frozen=True):
    """One file that is not in the backup."""

    name: str
    why: Why


class Created(msgspec.Struct, frozen=True):
    """When it was made: wall time (ISO 8601, null when the clock was never right), start of the gateway, sequence number."""

    wall: str | None = None
    boot: int | None = None
    seq: int | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself: `manifest.json`."""

    format: int
    created: Created
    version: str
    vehicle: str
    schemas: dict[str, dict[str, int]]
    """By database, the version of each component of it."""
    files: list[FileEntry]
    left_out: list[LeftOut] = []
    is_encrypted: bool = False

    @property
    def has_history(self) -> bool:
        """Whether the readings are in it."""
        return any(one.name == "data/history.db" for one in self.files)

    @property
    def bytes(self) -> int:
        """How large the files are, unpacked."""
        return sum(one.size for one in self.files)


class _Format(msgspec.Struct):
    format: int


def encode(manifest: Manifest) -> bytes:
    """Give the bytes of `manifest.json`."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode(content: bytes) -> Manifest:
    """Read `manifest.json`.

    Raises:
        InvalidData: it is none, names a file that has no place in a backup, or comes from a newer AutoCore.
    """
    try:
        found = msgspec.json.decode(content, type=_Format).format
        if found > FORMAT:
            raise InvalidData(f"the backup has format {found}, this AutoCore knows {FORMAT}; install a newer one")
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise InvalidData("the backup is damaged: its manifest cannot be read") from error
    names = [one.name for one in manifest.files]
    if len(names) > MOST_FILES or len(set(names)) != len(names):
        raise InvalidData("the backup is damaged: a name stands in its manifest twice, or there are too many")
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for one in manifest.files:
        if kind_of(one.name) is not one.kind or one.size < 0 or one.name in folders:
            raise InvalidData(f"the backup holds {one.name[:LONGEST_NAME]!r}, which has no place in one")
    return manifest


def kind_of(name: str) -> Kind | None:
    """Give what a file of this name is; None when it has no place in a backup."""
    parts = name.split("/")
    is_plain = (
        len(name) <= LONGEST_NAME
        and "\\" not in name
        and name.isprintable()
        and all(part not in ("", ".", "..") and len(part.encode("utf-8", "surrogatepass")) <= 255 for part in parts)  # noqa: PLR2004  # NAME_MAX
    )
    if not is_plain or len(parts) < 2:  # noqa: PLR2004  # a root and a name
        return None
    root, *rest = parts
    return _kind_in_config(rest) if root == "config" else _kind_in_data(rest) if root == "data" else None


def _kind_in_config(rest: list[str]) -> Kind:
    if rest[0] == "plugins" and len(rest) > 1:
        return Kind.CODE
    if rest == [SECRETS_FILE] or rest[-1].endswith(".key"):
        return Kind.SECRET
    return Kind.CONFIG if PurePosixPath(rest[-1].lower()).suffix in CONFIG_SUFFIXES else Kind.CODE


def _kind_in_data(rest: list[str]) -> Kind | None:
    if len(rest) == 1:
        return Kind.DATABASE if rest[0] in DATABASES else Kind.SECRET if rest[0].endswith(".key") else None
    if rest[0] == "ca" or rest in (["broker", "gateway.secret"], ["broker", "accounts.json"]):
        return Kind.SECRET
    if rest[0] != "plugins":
        return None
    if len(rest) == 2:  # noqa: PLR2004  # directly in the folder
        return Kind.DATABASE if rest[1].endswith(".db") else None
    return (
        Kind.CODE
        if PurePosixPath(rest[-1].lower()).suffix in CODE_SUFFIXES
        else Kind.SECRET
        if rest[-1].endswith(".key")
        else Kind.FILES
    )
