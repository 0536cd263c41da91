"""What cannot be used is kept: a damaged file is renamed beside its place, never overwritten, and somebody is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from autocore.core.disk import sync_folder

log = logging.getLogger("autocore.damage")


class Damages:
    """Every file that was set aside since the start."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self._tell: Callable[[str], object] | None = None

    def start(self, tell: Callable[[str], object]) -> None:
        """Have `tell` hear every sentence, those of before too: people can be told from now on."""
        self._tell = tell
        for sentence in self.sentences:
            tell(sentence)

    def set_aside(self, file: Path, meaning: str) -> Path:
        """Rename `file` to `<name>.damaged-<n>`, say what that means, and give the new name; raises OSError."""
        number = 1
        while (kept := file.with_name(f"{file.name}.damaged-{number}")).exists():
            number += 1
        file.rename(kept)
        sync_folder(file.parent)
        self.note(f"{file} is damaged and is kept as {kept.name}; {meaning}")
        return kept

    def note(self, sentence: str) -> None:
        """Say what was lost: into the log now, to people as soon as that is possible."""
        log.error("%s", sentence)
        self.sentences.append(sentence)
        if self._tell is not None:
            self._tell(sentence)
