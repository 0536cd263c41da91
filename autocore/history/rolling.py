"""The roll-ups of the span that is being written, up to date with every flush: a chart needs none of its readings."""

from __future__ import annotations

import threading

from autocore.history.columns import Batch, by_series
from autocore.history.rollup import MINUTE_MS, RollUp, joined, minutes_of, pack_roll_ups, unpack_roll_ups

MOST_OPEN = 8  # minutes of a series kept as they are; more are packed, or a thousand series would take 14 MB


class Rolling:
    """Minutes of every series of one span; fed in the writer's thread, asked in any."""

    def __init__(self) -> None:
        self.span = 0
        self.last_seq = 0
        """The newest reading that is in it."""
        self._minutes: dict[int, list[RollUp]] = {}
        self._packed: dict[int, list[bytes]] = {}
        self._lock = threading.Lock()

    def add(self, span: int, batch: Batch) -> None:
        """Take a batch; readings that it has already are left out, and a new span begins anew."""
        with self._lock:
            if span != self.span:
                self.span, self._minutes, self._packed = span, {}, {}
            fresh = [place for place, seq in enumerate(batch.seqs) if seq > self.last_seq]
            if not fresh:
                return
            if len(fresh) < len(batch.seqs):
                batch = Batch(*([column[place] for place in fresh] for column in batch))  # type: ignore[arg-type]  # column by column
            for series, run in by_series([batch]).items():
                self._append(series, minutes_of(run))
            self.last_seq = batch.seqs[-1]

    def minutes(self, series: int) -> list[RollUp]:
        """Give the minutes of one series so far."""
        with self._lock:
            packed = [part for data in self._packed.get(series, ()) for part in unpack_roll_ups(data)]
            return packed + self._minutes.get(series, [])

    def _append(self, series: int, parts: list[RollUp]) -> None:
        known = self._minutes.setdefault(series, [])
        for part in parts:
            if known and known[-1].first_ms // MINUTE_MS == part.first_ms // MINUTE_MS:
                known[-1] = joined([known[-1], part])
            else:
                known.append(part)
        if len(known) > MOST_OPEN:
            self._packed.setdefault(series, []).append(pack_roll_ups(known[:-1]))
            del known[:-1]
