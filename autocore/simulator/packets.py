"""The few MQTT 3.1.1 packets that a load generator sends and reads, as bytes. Pure functions."""

from __future__ import annotations

CONNACK = 0x20
PUBACK = 0x40
PINGRESP = 0xD0
HEADER_LENGTH = 2

PINGREQ_PACKET = b"\xc0\x00"
DISCONNECT_PACKET = b"\xe0\x00"

_CLEAN_SESSION = 0x02
_HAS_PASSWORD = 0x40
_HAS_USERNAME = 0x80


def connect_packet(client_id: str, username: str | None, password: str | None) -> bytes:
    """Give CONNECT for a clean session without keep-alive: a generator that has fallen behind is not thrown out."""
    flags = _CLEAN_SESSION
    payload = _text(client_id)
    if username is not None:
        flags |= _HAS_USERNAME
        payload += _text(username)
        if password is not None:
            flags |= _HAS_PASSWORD
            payload += _text(password)
    return _packet(0x10, _text("MQTT") + bytes((4, flags, 0, 0)) + payload)


def publish_head(topic: str, payload_length: int) -> bytes:
    """Give a PUBLISH of QoS 0 up to its payload."""
    body = _text(topic)
    return b"\x30" + _length(len(body) + payload_length) + body


def acknowledged_publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """Give a PUBLISH of QoS 1."""
    return _packet(0x32, _text(topic) + packet_id.to_bytes(2, "big") + payload)


def split(stream: bytearray) -> list[bytes]:
    """Take the whole packets off the front of `stream`; all that a generator gets are shorter than 128 bytes."""
    packets: list[bytes] = []
    while len(stream) >= HEADER_LENGTH and len(stream) >= (end := HEADER_LENGTH + stream[1]):
        packets.append(bytes(stream[:end]))
        del stream[:end]
    return packets


def _packet(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + _length(len(body)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _length(length: int) -> bytes:
    digits = bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(digits)
