"""Every error that AutoCore raises on purpose: one tree, one sentence each, the data as attributes.

The message says what, where and what to do. `code` is the stable word that machines compare (the REST `code`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a configuration file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class AutocoreError(Exception):
    """The root of the tree: catch it to catch whatever the gateway says on purpose."""

    code: ClassVar[str] = "error"


class ConfigError(AutocoreError):
    """One fault in the configuration.

    Args:
        message: what is wrong and what to do, in one sentence.
        path: the dotted key, e.g. `relays.boards[0].channels`; empty for a whole file.
        at: where it stands, None when it stands nowhere (a key that is missing has its parent's place).
    """

    code = "config"

    def __init__(self, message: str, *, path: str = "", at: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.at = at

    def __str__(self) -> str:
        where = f"{self.at} " if self.at else ""
        key = f"{self.path}: " if self.path else ""
        return f"{where}{key}{self.message}"


class ConfigFaults(AutocoreError):
    """All faults of a configuration at once, in the order in which they stand in the files."""

    code = "config"

    def __init__(self, faults: Sequence[ConfigError]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class UnknownName(AutocoreError):
    """Nothing bears that name; `nearest` is the known name most like it, or None.

    Args:
        what: the kind of thing, e.g. `entity`, `service`, `plugin`.
        name: the name that was asked for.
        nearest: see `autocore.core.names.nearest`.
    """

    code = "unknown"

    def __init__(self, what: str, name: str, nearest: str | None = None) -> None:
        hint = f"; did you mean {nearest}?" if nearest else ""
        super().__init__(f"there is no {what} {name}{hint}")
        self.what = what
        self.name = name
        self.nearest = nearest


class NameTaken(AutocoreError):
    """Two things would bear one name."""

    code = "taken"


class InvalidData(AutocoreError):
    """Input of the wrong shape; `field` is the dotted path to the first wrong place, empty for the whole."""

    code = "invalid"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message = message
        self.field = field


class NotAuthenticated(AutocoreError):
    """Nobody, or nobody any more: no credentials, wrong ones, expired or revoked ones."""

    code = "not_authenticated"


class PermissionDenied(AutocoreError):
    """Somebody, but not somebody who may do this."""

    code = "forbidden"


class TooManyAttempts(AutocoreError):
    """A limiter is closed for `retry_after_s` more seconds."""

    code = "too_many"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Refused(AutocoreError):
    """A command that will not be carried out now; the reason is for a person, `code` for a program.

    Codes in use: `offline`, `stopped`, `hold_only`, `condition`, `refused` (the board said no), and those of `decisions.md`.
    """

    def __init__(self, message: str, *, code: str = "refused") -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # an instance narrows the class's word


class NoAnswer(AutocoreError):
    """A command left, and the device did not answer within `waited_s` seconds; whether it acted is not known."""

    code = "no_answer"

    def __init__(self, message: str, *, waited_s: float) -> None:
        super().__init__(message)
        self.waited_s = waited_s


class StorageError(AutocoreError):
    """A database cannot be opened, migrated, read or written as asked."""

    code = "storage"


class BrokerError(AutocoreError):
    """The MQTT broker cannot be started or reached; the sentence names the setting that changes it."""

    code = "broker"


class StartError(AutocoreError):
    """The gateway cannot start as asked (a port in use, a folder not writable)."""

    code = "start"


class PluginError(AutocoreError):
    """A plugin broke its contract: what it did, and what the contract says."""

    code = "plugin"

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(f"{plugin}: {message}")
        self.plugin = plugin
        self.message = message
