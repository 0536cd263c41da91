"""What a full run found, as `docs/reliability/<id>.json`; and the options that every full run understands."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reliability"
SHOWN = 20  # failures that are written down in words; all of them are counted


@dataclass
class Findings:
    """What one run, or several of them together, showed."""

    runs: int = 0
    failures: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def fail(self, sentence: str) -> None:
        """Note a failure, and say it at once."""
        self.failures.append(sentence)
        print(f"FAILED: {sentence}", flush=True)

    def add(self, name: str, amount: float = 1) -> None:
        """Add to a figure."""
        self.figures[name] = round(self.figures.get(name, 0) + amount, 3)

    def worst(self, name: str, value: float) -> None:
        """Keep the highest value of a figure whose name begins with `worst`."""
        self.figures[name] = round(max(self.figures.get(name, 0), value), 3)

    def take(self, other: Findings) -> None:
        """Add what another run showed: the worst of what is called so, the sum of the rest."""
        self.runs += other.runs
        self.failures += other.failures
        for name, value in other.figures.items():
            if name.startswith("worst"):
                self.worst(name, value)
            else:
                self.add(name, value)


def commit() -> str:
    """Give the commit that is tested, with `+` when files were changed since."""
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True, check=False)
    return (done.stdout.strip() or "unknown") + ("+" if changed.stdout.strip() else "")


def write(identity: str, seed: int, found: Findings, seconds: float, figures: Mapping[str, Any]) -> Path:
    """Write a full run down, and give the file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    document = {
        "id": identity,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "seed": seed,
        "runs": found.runs,
        "failures": len(found.failures),
        "failed": found.failures[:SHOWN],
        "seconds": round(seconds),
        "figures": {**found.figures, **figures},
    }
    file = FOLDER / f"{identity}.json"
    file.write_text(json.dumps(document, indent=2) + "\n")
    return file


def run_as_command(
    identity: str,
    description: str | None,
    full: Callable[[argparse.Namespace], Findings],
    *,
    runs: int,
    arguments: Sequence[str] | None = None,
) -> None:
    """Be `python -m tests.faults.<name> [--full] [--runs N] [--seed S] [--lanes L]`; a run that fails ends with 1.

    Args:
        identity: of the test, e.g. `R1`.
        description: what it does.
        full: does it.
        runs: how many when `--full` stands there without a number; a tenth of a hundredth of it otherwise.
        arguments: instead of the command line's.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help=f"all {runs} runs, written to docs/reliability/{identity}.json")
    parser.add_argument("--runs", type=int, help="how many runs instead")
    parser.add_argument("--seed", type=int, default=20260101, help="what the dice begin with")
    parser.add_argument("--lanes", type=int, default=1, help="how many at the same time")
    options = parser.parse_args(arguments)
    options.runs = options.runs or (runs if options.full else max(1, runs // 100))
    started = time.monotonic()
    found = full(options)
    seconds = time.monotonic() - started
    if options.full:
        print(write(identity, options.seed, found, seconds, {}).relative_to(ROOT))
    print(json.dumps({"id": identity, "runs": found.runs, "failures": len(found.failures), "figures": found.figures}))
    raise SystemExit(1 if found.failures else 0)
