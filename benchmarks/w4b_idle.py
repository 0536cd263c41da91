"""W4b: the memory of an idle gateway with all five plugins, with a Telegram bot without a network, and once all was looked at."""

from __future__ import annotations

import statistics
import time
import urllib.request

from benchmarks.measure import Gateway, gateway, report

CONFIG = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
logging: {level: error}
telemetry:
relays:
can: {buses: [{name: main, interface: virtual, channel: w4b}]}
themes:
system:
"""
BARE = f"{CONFIG}telegram:\n"
PAIRED = (
    f"{CONFIG}telegram: {{token: '123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', base_url: 'http://127.0.0.1:9', chats: [7]}}\n"
)
PAGES = (
    "",
    "telemetry",
    "relays",
    "can",
    "themes",
    "telegram",
    "entities",
    "devices",
    "monitoring",
    "logs",
    "plugins",
    "configuration",
)
RUNS = 3
SETTLE_S = 5.0


def main() -> None:
    """Start it three times each way."""
    idle, paired, looked_at = [], [], []
    for _ in range(RUNS):
        with gateway(BARE) as bench:
            time.sleep(SETTLE_S)
            idle.append(bench.rss_mb())
        with gateway(PAIRED) as bench:
            time.sleep(SETTLE_S)
            paired.append(bench.rss_mb())
            look(bench)
            looked_at.append(bench.rss_mb())
    report("w4b_idle", "MB", idle, paired_mb=statistics.median(paired), every_page_mb=statistics.median(looked_at))


def look(bench: Gateway) -> None:
    """Open every page once, as an administrator."""
    headers = {"Authorization": f"Bearer {bench.token()}"}
    time.sleep(1)  # users that the command line changes are seen within a second
    for page in ("", *PAGES):
        address = f"http://127.0.0.1:{bench.http_port}/{page}"
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
            answer.read()


if __name__ == "__main__":
    main()
