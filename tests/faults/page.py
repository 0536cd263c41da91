"""The table in docs/reliability.md, drawn from the JSON files of the full runs.

`python -m tests.faults.page` (or `script/reliability`) draws it anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.faults.record import FOLDER, ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- drawn from docs/reliability/*.json by script/reliability -->", "<!-- end -->"
HEAD = ("Test", "Day", "Version", "Seed", "Runs", "Failures", "Figures")


def records() -> list[dict[str, Any]]:
    """Give what the full runs wrote, by the number of the test."""
    found = [json.loads(file.read_text()) for file in FOLDER.glob("R*.json")]
    return sorted(found, key=lambda one: int("".join(char for char in one["id"] if char.isdigit())))


def table() -> str:
    """Give the table."""
    rows = [HEAD, tuple("---" for _ in HEAD), *(_row(one) for one in records())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def drawn(text: str) -> str:
    """Give the page with the table that belongs there."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    figures = ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in record["figures"].items())
    identity = record["id"]
    return (
        f"[{identity}](#{identity.lower()})",
        record["date"][:10],
        record["commit"][:8],
        str(record["seed"]),
        _number(record["runs"]),
        _number(record["failures"]),
        figures,
    )


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}".replace(",", " ")  # a thin space would not be found by who searches


def main(page: Path = PAGE) -> None:
    """Draw the table anew."""
    page.write_text(drawn(page.read_text()))


if __name__ == "__main__":
    main()
    sys.exit(0)
