"""Clients that can stop reading: of the live socket, of the broker, of a download. Nothing reads behind their back."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from autocore.simulator import packets
from tests.faults.gateway import HOST

SMALL = 131_072  # bytes that the kernel takes for one that does not read
PIECE = 262_144
LOOK_S = 0.2
FIRST_S = 10.0
SUBSCRIBED = 5  # bytes of a SUBACK for one filter
PUBLISH = 3


def connect(port: int, buffer_bytes: int | None = None) -> socket.socket:
    """Give a connection whose receive buffer has this size; the kernel's own choice for None."""
    line = socket.socket()
    if buffer_bytes is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    line.settimeout(FIRST_S)
    line.connect((HOST, port))
    return line


class LiveReader:
    """A client of the live socket that reads when it is told to.

    Args:
        port: of the gateway.
        token: opens it.
        buffer_bytes: see `connect`.
    """

    def __init__(self, port: int, token: str, buffer_bytes: int | None = None) -> None:
        self._line = connect(port, buffer_bytes)
        self._protocol = ClientProtocol(parse_uri(f"ws://{HOST}:{port}/api/v1/live"), max_size=None)
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {token}"
        self._protocol.send_request(request)
        self._flush()
        self._text = b""
        while self._protocol.state is State.CONNECTING:
            self._protocol.receive_data(self._line.recv(1))  # no byte of the first frame is taken with the head
        self._protocol.events_received()

    @property
    def closed(self) -> str | None:
        """Why the gateway closed it, None while it did not."""
        if self._protocol.state is State.OPEN:
            return None
        return f"{self._protocol.close_code} {self._protocol.close_reason}"

    def say(self, **word: Any) -> None:
        """Send a word to the gateway."""
        self._protocol.send_text(json.dumps(word).encode())
        self._flush()

    def words(self, limit_s: float) -> Iterator[dict[str, Any]]:
        """Give what the gateway says, until it is silent for the limit or the connection is over."""
        self._line.settimeout(limit_s)
        while self.closed is None:
            try:
                data = self._line.recv(PIECE)
            except TimeoutError:
                return
            except ConnectionError:
                data = b""
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            for event in self._protocol.events_received():
                assert isinstance(event, Frame)
                if event.opcode in (Opcode.TEXT, Opcode.CONT):
                    self._text += bytes(event.data)
                    if event.fin:
                        yield json.loads(self._text)
                        self._text = b""
            with contextlib.suppress(OSError):  # the answers to its pings; it may be gone
                self._flush()

    def close(self) -> None:
        """Go, without a word."""
        self._line.close()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._line.sendall(data)


def values_in(word: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values that a word of the live socket brings, by entity."""
    states = (word.get("changes") or word.get("snapshot") or {}).get("states", [])
    return {one["id"]: one["value"] for one in states}


class Onlooker:
    """Somebody whose page is open, and who sees everything in time.

    Args:
        reader: what it looks through.
        entity: whose value is a number that is published once.
        sent: when each number was published, by `time.monotonic`.
    """

    def __init__(self, reader: LiveReader, entity: str, sent: Mapping[int, float]) -> None:
        self.late_s: list[float] = []
        self.newest = -1
        self._reader = reader
        self._entity = entity
        self._sent = sent
        self._is_over = threading.Event()
        reader.say(subscribe={"patterns": ["*"]})
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def closed(self) -> str | None:
        """Why it sees nothing more."""
        return self._reader.closed

    def close(self) -> None:
        """Look away."""
        self._is_over.set()
        self._thread.join()
        self._reader.close()

    def _run(self) -> None:
        while not self._is_over.is_set() and self.closed is None:
            for word in self._reader.words(LOOK_S):
                if self._is_over.is_set():
                    return
                value = values_in(word).get(self._entity)
                if value is not None and round(value) != self.newest:
                    self.newest = round(value)
                    self.late_s.append(time.monotonic() - self._sent[self.newest])


class Subscriber:
    """An MQTT client that reads when it is told to, and acknowledges what it reads.

    Args:
        port: of the broker.
        name: its client id.
        filter_: what it subscribes to.
        qos: with which.
        buffer_bytes: see `connect`.
    """

    def __init__(self, port: int, name: str, filter_: str, *, qos: int = 0, buffer_bytes: int | None = None) -> None:
        self.name = name
        self.is_gone = False
        self._line = connect(port, buffer_bytes)
        self._line.sendall(packets.connect_packet(name, None, None))
        assert self._line.recv(4)[3:] == b"\0", f"the broker does not let {name} in"
        body = b"\0\1" + len(filter_).to_bytes(2, "big") + filter_.encode() + bytes([qos])
        self._line.sendall(b"\x82" + bytes([len(body)]) + body)
        assert self._line.recv(SUBSCRIBED, socket.MSG_WAITALL)[0] == 0x90, "it has no subscription"
        self._rest = bytearray()

    def ping(self) -> None:
        """Say that it lives, as a client does whose screen hangs while its library works on."""
        with contextlib.suppress(OSError):
            self._line.sendall(b"\xc0\0")

    def messages(self, limit_s: float) -> Iterator[tuple[str, bytes]]:
        """Give topic and payload of what comes, until the broker is silent for the limit or the connection is over."""
        self._line.settimeout(limit_s)
        while True:
            try:
                data = self._line.recv(PIECE)
            except TimeoutError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self.is_gone = True
                return
            self._rest += data
            yield from self._taken()

    def close(self) -> None:
        """Go, without a word."""
        self._line.close()

    def _taken(self) -> Iterator[tuple[str, bytes]]:
        place = 0
        while (found := _packet(self._rest, place)) is not None:
            head, start, place = found
            if head >> 4 == PUBLISH:
                length = int.from_bytes(self._rest[start : start + 2], "big")
                topic, body = self._rest[start + 2 : start + 2 + length].decode(), start + 2 + length
                if head & 6:
                    with contextlib.suppress(OSError):  # the broker may have closed it; what it sent before is read
                        self._line.sendall(b"\x40\2" + bytes(self._rest[body : body + 2]))
                    body += 2
                yield topic, bytes(self._rest[body:place])
        del self._rest[:place]


def _packet(data: bytearray, place: int) -> tuple[int, int, int] | None:
    """Give the first byte of a packet, and where its body begins and ends; None while it is not whole."""
    length, shift, at = 0, 0, place + 1
    while at < len(data):
        length |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return (data[place], at, at + length) if at + length <= len(data) else None
    return None


class Download:
    """A file that is taken from the gateway, when it is told to.

    Args:
        port: of the gateway.
        token: opens it.
        path: under `/api/v1`.
    """

    def __init__(self, port: int, token: str, path: str) -> None:
        self.is_whole = False
        self._line = connect(port, SMALL)
        head = f"GET /api/v1{path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        self._line.sendall(head.encode())
        self.first = self._line.recv(12, socket.MSG_WAITALL)

    def take(self, limit_s: float) -> bytes:
        """Give the rest; `is_whole` says whether it came to its end."""
        self._line.settimeout(limit_s)
        pieces: list[bytes] = []
        with contextlib.suppress(OSError):  # then it is not whole
            while data := self._line.recv(PIECE):
                pieces.append(data)
                if data.endswith(b"0\r\n\r\n"):
                    self.is_whole = True
                    break
        return b"".join(pieces)

    def close(self) -> None:
        """Take no more of it."""
        self._line.close()


class Sampler:
    """Looks at a figure twice a second, and keeps the highest."""

    def __init__(self, look: Callable[[], float]) -> None:
        self.highest = look()
        self._look = look
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> float:
        """Look no more, and give the highest."""
        self._is_over.set()
        self._thread.join()
        return self.highest

    def _run(self) -> None:
        while not self._is_over.wait(LOOK_S):
            self.highest = max(self.highest, self._look())
