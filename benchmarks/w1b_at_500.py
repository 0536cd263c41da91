"""W1b: the cost of a vehicle's usual 500 messages a second."""

from __future__ import annotations

from benchmarks.measure import report
from benchmarks.w1_ingest import sustained


def main() -> None:
    """Run 500 msg/s for 20 s."""
    held, _, cost, memory = sustained(500, 20)
    report("w1b_at_500", "CPU-s per 10 000", [cost], rss_mb=memory, held=held)


if __name__ == "__main__":
    main()
