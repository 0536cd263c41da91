"""Malformed lines: what comes to the ports of a gateway and is no good HTTP, WebSocket or MQTT. Bytes, and sockets for them."""

from __future__ import annotations

import base64
import random
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.faults.gateway import HOST
from tests.faults.malformed import NO_JSON, nested, text_of

ANSWER_S = 5.0
SILENT_S = 0.3  # for what gets no answer; it is read only so that a reset is not taken for one
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")

WITH_BODY = [
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/tokens"),
    ("POST", "/api/v1/users"),
    ("POST", "/api/v1/services/switch/turn_on"),
    ("POST", "/api/v1/services/notify/send"),
    ("PATCH", "/api/v1/entities/switch.left_1"),
    ("PATCH", "/api/v1/devices/left"),
    ("POST", "/api/v1/devices"),
    ("PUT", "/api/v1/config/derived"),
    ("POST", "/api/v1/backup"),
    ("POST", "/devices/left/call"),
    ("POST", "/entities/switch.left_1"),
    ("POST", "/login"),
]
"""Routes that take a body."""

CONTENT_TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/msgpack",
    "application/x-yaml",
    "text/plain; charset=utf-7",
    "application/json; charset=nonsense",
    "",
    "\xff/\xfe",
]

BODIES = [
    *(one for one in NO_JSON if len(one) < 70_000),
    text_of(nested(40)),
    text_of({"entity": nested(900)}),
    b'{"entity": "switch.left_1", "entity": "switch.right_1", "entity": 7}',
    b'{"name": "\\u202eleft"}',
    b'{"name": "a\\u0000b"}',
    b'{"name": "' + b"x" * 60_000 + b'"}',
    b'{"name": 7, "area": [], "limits": {"warn_above": 1e308, "hysteresis": -1}}',
    b'{"username": ' + b"9" * 400 + b"}",
    b"alias=%ff%fe&area=%00&name=%E2%80%AEx",
    b"a=" + b"&a=" * 5_000,
    b'--x\r\nContent-Disposition: form-data; name="a"; filename="../../x"\r\n\r\n' + b"\0" * 100,
    b"--x--",
]
"""Bodies that no route takes as they are; none of them may change anything."""

PATHS = [
    "/%00",
    "/entities/%00",
    "/api/v1/entities/%00",
    "/api/v1/entities/%ff%fe",
    "/api/v1/entities/%",
    "/api/v1/entities/%zz",
    "/api/v1/entities/%E2%80%AE",
    "/api/v1/entities/..%2f..%2fetc%2fpasswd",
    "/../../etc/passwd",
    "/static/..%2f..%2fconfig.yaml",
    "/static/%00.css",
    "//evil.example/x",
    "/api/v1/entities?cursor=%00&limit=1&kind=%ff",
    "/api/v1/entities?limit=1e400",
    "/api/v1/entities?limit=NaN",
    "/api/v1/entities?limit=" + "9" * 5_000,
    "/api/v1/events?cursor=" + "9" * 400,
    "/api/v1/events?from=NaN&to=1e400",
    "/api/v1/events?from=-1e308",
    "/api/v1/audit?from=99999999999999999999&to=0001-01-01T00:00:00",
    "/api/v1/entities/switch.left_1/history?from=1e308&to=-1e308&points=9",
    "/api/v1/entities/switch.left_1/history?from=inf",
    "/api/v1/" + "a/" * 4_000,
    "/" + "x" * 30_000,
    "/?" + "&" * 20_000,
    "/entities?text=%F0%28%8C%28",
    "/logs?text=%00&class=%ff",
    "*",
    "http://evil.example/api/v1/entities",
]

HEADERS = [
    "Content-Length: -1",
    "Content-Length: 1e9",
    "Content-Length: 99999999999999999999999",
    "Content-Length: \xb2",
    "Content-Length: 5\r\nContent-Length: 6",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Transfer-Encoding: nonsense",
    "Cookie: " + "a=b; " * 2_000,
    'Cookie: autocore_session="\\"; a[=;;;=',
    "Cookie: \xff\xfe=\x01",
    "Authorization: Bearer \xff\xfe",
    "Authorization: Bearer " + "x" * 20_000,
    "Authorization: Bearer a.b.c",
    "Authorization: Basic ####",
    "Accept-Language: " + "de-" * 2_000,
    "Accept-Language: \xff;q=NaN, en;q=1e400",
    "Accept: */*;q=x, \x01",
    "Origin: http://[::1",
    "Origin: \xff",
    "Host: [::",
    "Host: evil.example",
    "Idempotency-Key: " + "k" * 10_000,
    "If-None-Match: \x7f",
    "Range: bytes=-1-x,9999999999999999999-",
    "X-\x00: 1",
    ": nameless",
    "Name with spaces : 1",
    " folded",
    "X: " + "y" * 200_000,
    "\r\n".join(f"X-{number}: 1" for number in range(3_000)),
    "Expect: nonsense",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
]

HALVES = [
    b"",
    b"G",
    b"GET /api/v1/entities HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{",
    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{",
]
"""Requests that are never ended."""

NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00" * 1_000,
    b"\xff" * 70_000,
    b"\n" * 5_000,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\nHost: localhost\n\n",
    b"NONSENSE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
]

FRAMES = [
    b"\x00\x01\x02\x03",
    b"\xff" * 64,
    b"\x81\x05hello",
    b"\x83\x80\0\0\0\0",
    b"\xf1\x80\0\0\0\0",
    b"\x81\xff" + struct.pack(">Q", 2**63) + b"\0\0\0\0",
    b"\x81\xff" + struct.pack(">Q", 2_000_000) + b"\0\0\0\0" + b"x" * 100_000,
    b"\x89\xfe" + struct.pack(">H", 200) + b"\0\0\0\0" + b"p" * 200,
    b"\x80\x80\0\0\0\0",
    b"\x01\x80\0\0\0\0\x01\x80\0\0\0\0",
    b"\x88\x82\0\0\0\0\x00\x00",
    b"\x88\x81\0\0\0\0\x03",
    b"\x88\x84\0\0\0\0\x03\xe8\xff\xff",
]
"""Frames that break the rules of RFC 6455."""

WORDS = [
    *(one for one in NO_JSON if len(one) < 70_000),
    b"{}",
    b"[]",
    b'{"subscribe": 7}',
    b'{"subscribe": {"entities": [1]}}',
    b'{"subscribe": {"patterns": ["[", "[!", "' + b"*" * 190 + b'a"]}}',
    b'{"subscribe": {"since": ' + b"9" * 400 + b"}}",
    b'{"unsubscribe": {"kinds": ["\\ud83d"]}}',
    b'{"call": {"id": ' + b"9" * 400 + b', "service": "switch.turn_on"}}',
    b'{"call": {"id": "\\u0000", "service": "\\u202e", "data": {"a": null}}}',
    b'{"call": {"id": 1, "service": "switch.turn_on", "data": ' + text_of({"a": nested(900)}) + b"}}",
    b'{"ping": ' + b"9" * 400 + b"}",
    b'{"ping": 1.5}',
]
"""Words that a client of the live socket can say, and should not."""

PACKETS = [
    b"",
    b"\x00",
    b"\x10",
    b"\x10\xff\xff\xff\xff\x7f",
    b"\x10\xff\xff\xff\x7f" + b"x" * 10_000,
    b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00" + b"\x30\xff\xff\xff\x7f",
    b"\x10\x0c\x00\x04MQTT\x09\xff\x00\x3c\x00\x00",
    b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01\xff",
    b"\x30\x05\x00\x03a/b",
    b"\xf0\x00" * 500,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
]
"""What no broker takes for the beginning of a connection."""


@dataclass(frozen=True, slots=True)
class Door:
    """A port of a gateway that speaks HTTP.

    Args:
        port: where.
        token: of somebody who may do everything.
    """

    port: int
    token: str

    def ask(self, method: str, path: str, *, head: str = "", body: bytes = b"", kind: str = "application/json") -> int | None:
        """Send a request with everything that belongs into it, and `head` beside; gives the status, None without an answer."""
        lines = [f"{method} {path} HTTP/1.1", f"Authorization: Bearer {self.token}", "Connection: close"]
        lines += [] if head.startswith("Host:") else [f"Host: {HOST}:{self.port}"]
        lines += [] if head.startswith(("Content-Length", "Transfer-Encoding")) else [f"Content-Length: {len(body)}"]
        lines += [f"Content-Type: {kind}"] if body else []
        is_whole = head == "" or not head.startswith(("Content-Length", "Transfer-Encoding", "Expect", "Upgrade"))
        text = "\r\n".join([*lines, *([head] if head else []), "", ""]).encode("latin-1", "replace") + body
        return self.send(text, ANSWER_S if is_whole else SILENT_S)

    def send(self, text: bytes, within_s: float = SILENT_S) -> int | None:
        """Send bytes on a new connection; gives the status of the answer, None when there is none in time."""
        with socket.create_connection((HOST, self.port), timeout=ANSWER_S) as line:
            with suppress(OSError):  # it may have been refused before it was sent to its end
                line.sendall(text)
            line.settimeout(within_s)
            found = _STATUS.match(_read(line, 12))
        return int(found[1]) if found else None

    def open(self, text: bytes) -> socket.socket:
        """Begin a request and leave it."""
        line = socket.create_connection((HOST, self.port), timeout=ANSWER_S)
        line.sendall(text)
        return line

    def live(self) -> socket.socket:
        """Open the live socket."""
        line = socket.create_connection((HOST, self.port), timeout=ANSWER_S)
        key = base64.b64encode(b"sixteen bytes ok").decode()
        lines = ["GET /api/v1/live HTTP/1.1", f"Host: {HOST}:{self.port}", f"Authorization: Bearer {self.token}"]
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", ""]
        line.sendall("\r\n".join(lines).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n") and (piece := line.recv(1)):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 101"), f"the live socket does not open: {answer!r}"
        return line

    def frame(self, frames: bytes) -> None:
        """Send frames on a new live socket, and go when it says nothing more."""
        with self.live() as line, suppress(OSError):
            line.settimeout(SILENT_S)
            line.sendall(frames)
            while line.recv(65_536):
                pass


def masked(opcode: int, payload: bytes) -> bytes:
    """Give a frame as a client sends it; its mask changes nothing."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | size])
    else:
        head = b"\xfe" + struct.pack(">H", size) if size < 65_536 else b"\xff" + struct.pack(">Q", size)
    return bytes([0x80 | opcode]) + head + b"\0\0\0\0" + payload


def knock(port: int, packet: bytes) -> None:
    """Send bytes to the broker, and go."""
    with socket.create_connection((HOST, port), timeout=ANSWER_S) as line, suppress(OSError):
        line.sendall(packet)


def requests(dice: random.Random) -> Iterator[tuple[str, str, str, bytes, str]]:
    """Give method, path, further head, body and content type of requests that are not as they should be, in any order."""
    made = [("GET", path, "", b"", "") for path in PATHS]
    made += [(method, "/api/v1/entities", head, b"", "") for head in HEADERS for method in ("GET", "POST")]
    made += [(method, path, "", body, "application/json") for method, path in WITH_BODY for body in BODIES]
    made += [(method, path, "", BODIES[3], kind) for method, path in WITH_BODY for kind in CONTENT_TYPES]
    dice.shuffle(made)
    yield from made


def _read(line: socket.socket, amount: int) -> bytes:
    answer = b""
    with suppress(OSError):
        while len(answer) < amount and (piece := line.recv(amount - len(answer))):
            answer += piece
    return answer
