"""A device gone mad: `python -m tests.faults.flood` publishes so many readings a second, and comes back when thrown out.

It prints one line of JSON at its end: what it sent, and how often it was thrown out. The password is read from the first line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import sys
import time

from autocore.simulator import packets

TICK_S = 0.005
ANSWER_S = 10.0
AGAIN_S = 0.2
FIRST = 1_000_000  # seven digits from the first number to the last, so that a packet's length is known beforehand


class Flood:
    """One connection, made again whenever it is lost."""

    def __init__(self, place: tuple[str, int], device: str, username: str | None, password: str | None, qos: int) -> None:
        self.sent = 0
        self.thrown_out = 0
        self._place = place
        self._qos = qos
        self._topic = f"autocore/telemetry/{device}/data"
        self._hello = packets.connect_packet(device, username, password)
        body = b'{"n": '
        self._head = packets.publish_head(self._topic, len(body) + len(f"{FIRST}}}")) + body
        self._line: socket.socket | None = None

    def run(self, rate: float, seconds: float) -> None:
        """Send `rate` a second for `seconds` seconds, however often it is thrown out."""
        began = time.monotonic()
        while (gone_s := time.monotonic() - began) < seconds:
            due = round(gone_s * rate)
            block = b"".join(self._packet(number) for number in range(self.sent, due))
            try:
                line = self._connected()
                line.sendall(block)
                self._hear(line)
            except OSError:
                self._lose()
            self.sent = due
            time.sleep(max(0.0, TICK_S - (time.monotonic() - began - gone_s)))
        if self._line is not None:
            with contextlib.suppress(OSError):
                self._line.sendall(packets.DISCONNECT_PACKET)
            self._line.close()

    def _packet(self, number: int) -> bytes:
        if self._qos:
            return packets.acknowledged_publish(self._topic, b'{"n": %d}' % (FIRST + number), 1 + number % 65_535)
        return self._head + b"%d}" % (FIRST + number)

    def _hear(self, line: socket.socket) -> None:
        """Take the acknowledgements, and forget them."""
        line.setblocking(False)
        try:
            while line.recv(65_536):
                pass
            raise OSError("closed")
        except BlockingIOError:
            line.settimeout(ANSWER_S)

    def _connected(self) -> socket.socket:
        if self._line is None:
            line = socket.create_connection(self._place, timeout=ANSWER_S)
            line.sendall(self._hello)
            if line.recv(4)[3:] != b"\0":
                line.close()
                raise OSError("refused")
            self._line = line
        return self._line

    def _lose(self) -> None:
        self.thrown_out += 1
        if self._line is not None:
            self._line.close()
            self._line = None
        time.sleep(AGAIN_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--username")
    parser.add_argument("--qos", type=int, choices=(0, 1), default=0)
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    password = sys.stdin.readline().strip() if options.username else None
    flood = Flood((options.host, options.port), options.device, options.username, password, options.qos)
    flood.run(options.rate, options.seconds)
    print(json.dumps({"sent": flood.sent, "thrown_out": flood.thrown_out}))


if __name__ == "__main__":
    main()
