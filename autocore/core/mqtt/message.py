"""One MQTT message as it arrived, and the careful ways to read it."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from autocore.core.errors import InvalidData

MAX_PAYLOAD_BYTES = 64 * 1024  # protocol.md: JSON payloads are at most 64 KiB

DEEPEST = 32  # levels; whatever keeps, masks or shows a document again goes down as deep as it is
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')

T = TypeVar("T")
_any = msgspec.json.Decoder()
_typed: dict[Any, msgspec.json.Decoder[Any]] = {}


class Message(msgspec.Struct, frozen=True, gc=False):
    """What arrived.

    Args:
        topic: the topic it was published on.
        payload: the bytes as they came.
        qos: 0, 1 or 2.
        retain: True when the broker kept it and gives it to a new subscription: it says nothing about now.
        arrived_ns: monotonic time.
        is_resent: the broker sent it before and heard no acknowledgement (MQTT's DUP).
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    arrived_ns: int = 0
    is_resent: bool = False

    def json(self) -> Any:
        """Give the payload as plain JSON values.

        Raises:
            InvalidData: it is no JSON, holds a number beyond a double, or is larger than 64 KiB.
        """
        return self._read(_any)

    def decode(self, kind: type[T]) -> T:
        """Give the payload as a msgspec type; unknown fields are ignored.

        Raises:
            InvalidData: it is not of that type; `field` names the first wrong place.
        """
        decoder = _typed.get(kind)
        if decoder is None:
            decoder = _typed[kind] = msgspec.json.Decoder(kind)
        answer: T = self._read(decoder)
        return answer

    def text(self) -> str:
        """Give the payload as text.

        Raises:
            InvalidData: it is no UTF-8, or is larger than 64 KiB.
        """
        self._check_size()
        try:
            return self.payload.decode()
        except UnicodeDecodeError:
            raise InvalidData("the payload is no UTF-8 text", field="payload") from None

    def _read(self, decoder: msgspec.json.Decoder[Any]) -> Any:
        self._check_size()
        check_depth(self.payload)
        try:
            return decoder.decode(self.payload)
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at `")
            raise InvalidData(reason[:1].lower() + reason[1:], field=place.rstrip("`").removeprefix("$").lstrip(".")) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidData(f"the payload is no JSON: {error}", field="payload") from None

    def _check_size(self) -> None:
        if len(self.payload) > MAX_PAYLOAD_BYTES:
            raise InvalidData(f"the payload has {len(self.payload)} bytes, at most {MAX_PAYLOAD_BYTES}", field="payload")


def check_depth(text: bytes, field: str = "payload") -> None:
    """Refuse JSON that is nested deeper than 32 levels, before it is decoded; raises InvalidData. Other text may pass."""
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return  # nearly all: no string has to be told from what is around it
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", _STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise InvalidData(f"this is nested deeper than {DEEPEST} levels", field=field)
