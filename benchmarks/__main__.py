"""`python -m benchmarks`: run every benchmark and print the table."""

from __future__ import annotations

import json
import subprocess
import sys

NAMES = (
    "w1_ingest",
    "w1b_at_500",
    "w2_command",
    "w2l_command_loaded",
    "w2h_hold",
    "w3_event",
    "w4_start",
    "w4b_idle",
    "w5_bus",
    "w7_history",
    "w10_bytes",
)


def main() -> None:
    """Run one after the other: they would disturb each other."""
    print(f"{'benchmark':<20}{'figure':>12}  unit")
    for name in NAMES:
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], capture_output=True, text=True, check=True)
        line = json.loads(done.stdout.strip().splitlines()[-1])
        more = {key: value for key, value in line.items() if key not in ("benchmark", "figure", "unit", "runs", "versions")}
        print(f"{name:<20}{line['figure']:>12}  {line['unit']}  {more}")


if __name__ == "__main__":
    main()
