"""What waits for the disk: a reading costs one append here. It knows no file; `History` writes what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from autocore.core.clock import MS
from autocore.core.config.sections import Recording
from autocore.core.entities import Entity
from autocore.core.model import Position, State
from autocore.history.columns import Batch, Kept, Run
from autocore.history.policy import Track, rule_for
from autocore.history.rollup import HOUR_MS

MOST_WAITING = 2_000_000  # rows kept while the disk does not take them: 33 s at 60 000 a second, about 250 MB
BOOT_BITS = 20  # a million spans for each start; below them lie the readings of versions before spans
UNKNOWN_SERIES = 10_000  # numbers left free after damage: series whose names were lost may have had them
BATCH_ROWS = 20_000  # in one row of the file and one commit: about 110 kB
MOST_IN_SPAN = 400_000  # an hour at 111 readings a second; finishing a span holds them all in memory, about 40 MB

Row = tuple[int, int, int, Kept]
"""(series, seq, mono_ns, value)"""


class Piece(NamedTuple):
    """What goes to the disk in one commit."""

    span: int
    rows: list[Row]


class Recorder:
    """Takes reports, decides by the rules what is kept, and numbers the spans.

    Args:
        rules: `history: {record: …}`.
        boot: the present start of the gateway.
        most_in_span: how many readings one span may hold.
    """

    def __init__(self, rules: Sequence[Recording], boot: int, most_in_span: int = MOST_IN_SPAN) -> None:
        self.dropped = 0
        """Readings lost because the disk took none for too long."""
        self.span = boot << BOOT_BITS
        """The span that is being written: a start never uses the number of another, whatever was lost."""
        self.without_raw: set[int] = set()
        """Series of which only roll-ups are kept."""
        self._rules = rules
        self._most_in_span = most_in_span
        self._rows: list[Row] = []
        self._writing: list[Row] = []
        self._series: dict[str, int] = {}
        self._next = 1
        self._new: list[tuple[int, str]] = []
        self._naming: list[tuple[int, str]] = []
        self._span_began_ms: int | None = None
        self._span_rows = 0

    def resume(self, series: dict[str, int]) -> None:
        """Go on with the series that an earlier start numbered."""
        self._series = series
        self._next = max(series.values(), default=0) + 1

    def adopt(self, series: dict[str, int]) -> dict[str, int]:
        """Go on in a new file: give all series that it has to know, those of the lost one with the numbers they had there."""
        self._series = {**series, **self._series}
        self._next = max(self._series.values(), default=0) + UNKNOWN_SERIES
        return self._series

    def record(self, entity: Entity, old: State, state: State) -> None:
        """Take one report: by itself a number always, text and booleans when they changed, the loss of an entity as a gap."""
        track = entity.series
        if track is None:
            track = entity.series = self._track(entity)
        if not track.is_kept or not track.takes(old, state, self.span):
            return
        told = state.value if state.available else None
        value = str(told) if isinstance(told, Position) else told
        self._rows.append((track.number, state.seq, state.updated_ns if state.available else state.changed_ns, value))

    def number_of(self, entity_id: str) -> int | None:
        """Give the series of an entity, None when nothing of it was ever kept."""
        return self._series.get(entity_id)

    @property
    def waiting(self) -> int:
        """How many readings are not on disk yet."""
        return len(self._rows) + len(self._writing)

    @property
    def has_new(self) -> bool:
        """Whether anything came since the last `take`."""
        return bool(self._rows)

    def take(self) -> tuple[list[tuple[int, str]], list[Piece]]:
        """Give the new names and what waits, in pieces for one commit each; it waits on until `written` or `give_back`."""
        self._writing, self._rows = self._rows, []
        self._naming, self._new = self._new, []
        pieces: list[Piece] = []
        for first in range(0, len(self._writing), BATCH_ROWS):
            rows = self._writing[first : first + BATCH_ROWS]
            pieces.append(Piece(self._span_for(rows), rows))
        return self._naming, pieces

    def written(self, piece: Piece) -> None:
        """A piece is on disk, and with it the names."""
        del self._writing[: len(piece.rows)]
        self._naming = []

    def give_back(self) -> int:
        """The disk took no more: what was not written waits again; the oldest beyond `MOST_WAITING` are dropped and counted."""
        self._rows = self._writing + self._rows
        self._new = self._naming + self._new
        self._writing, self._naming = [], []
        too_many = max(0, len(self._rows) - MOST_WAITING)
        del self._rows[:too_many]
        self.dropped += too_many
        return too_many

    def waiting_of(self, series: int) -> Run:
        """Give what waits of one series."""
        run = Run([], [], [])
        for one, seq, mono_ns, value in (*self._writing, *self._rows):
            if one == series:
                run.seqs.append(seq)
                run.times_ms.append(mono_ns // MS)
                run.values.append(value)
        return run

    def _track(self, entity: Entity) -> Track:
        rule = rule_for(self._rules, entity) if entity.is_recorded else Recording("*", record="never")
        if rule.record == "never":
            return Track(0, rule)
        number = self._series.get(entity.id)
        if number is None:
            number = self._series[entity.id] = self._next
            self._next += 1
            self._new.append((number, entity.id))
        if rule.record == "roll-ups only":
            self.without_raw.add(number)
        else:
            self.without_raw.discard(number)
        return Track(number, rule)

    def _span_for(self, rows: Sequence[Row]) -> int:
        first_ms = rows[0][2] // MS
        if self._span_began_ms is None:
            self._span_began_ms = first_ms
        elif first_ms - self._span_began_ms >= HOUR_MS or self._span_rows + len(rows) > self._most_in_span:
            self.span += 1
            self._span_began_ms, self._span_rows = first_ms, 0
        self._span_rows += len(rows)
        return self.span


def batch_of(rows: Sequence[Row]) -> Batch:
    """Give rows as the columns of a batch."""
    series, seqs, times_ns, values = zip(*rows, strict=True)
    return Batch(list(series), list(seqs), [one // MS for one in times_ns], list(values))
