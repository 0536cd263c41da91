"""Malformed input: topics and payloads that no board of good will sends. Hypothesis strategies; they know no gateway.

What is valid comes from docs/protocol.md, whose examples are read here; everything else is made of it, one fault at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from autocore.core.mqtt.message import MAX_PAYLOAD_BYTES
from autocore.core.mqtt.topics import MAX_BYTES, matches
from tests.faults.record import ROOT

DEEP = 10_000
TWO_MB = 2_000_000
_NESTED = re.compile(rb'"@nested (\d+)@"')
_EXAMPLE = re.compile(r"^```json (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

EXAMPLES: list[tuple[str, Any]] = [
    (topic, json.loads(text)) for topic, text in _EXAMPLE.findall((ROOT / "docs" / "protocol.md").read_text())
]
"""Topic and document of every example of the protocol."""

NO_JSON: list[bytes] = [
    b"NaN",
    b"Infinity",
    b"[-Infinity]",
    b"1e400",
    b"[1e400]",
    b'{"rpm": 1e400}',
    b'{"rpm": NaN, "coolant": Infinity}',
    b'{"value": -1e999, "sensor": "rpm"}',
    b"9" * 5_000,
    b'{"rpm": ' + b"9" * 5_000 + b"}",
    b"[" * DEEP + b"]" * DEEP,
    b"[" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b"\xff\xfe",
    b'{"rpm": "\xc3\x28"}',
    b'{"\xed\xa0\x80": 1}',
    b'{"rpm": "\\ud800"}',
    b'{"rpm": "\\q"}',
    b'{"rpm": "a\x00b"}',
    b'{"rpm": "a\nb"}',
    b"\x00",
    b"{\x00}",
    b"\xef\xbb\xbf{}",
    '{"rpm": 1}'.encode("utf-16"),
    b'{"rpm": 1}}',
    b'{"rpm": 1',
    b'{"rpm" 1}',
    b"{'rpm': 1}",
    b"[1,]",
    b'{"rpm": 01}',
    b'{"rpm": +1}',
    b'{"rpm": .5}',
    b'{"rpm": 0x10}',
    b"online",
    b"true false",
    b" ",
    b'"' + b"x" * MAX_PAYLOAD_BYTES + b'"',
    b'{"rpm": 1' + b" " * MAX_PAYLOAD_BYTES + b"}",
    b'{"text": "' + b"x" * TWO_MB + b'"}',
    b"\x00" * TWO_MB,
    b"[" * TWO_MB,
]
"""Payloads that are no JSON, or not as it may be here: none of them may change anything."""

KNOWN_IDS = ("relay_board_1", "engine", "trailer", "dash", "K7QM2XFDPA")
IDS = st.one_of(
    st.sampled_from(KNOWN_IDS),
    st.sampled_from(
        [
            "",
            " ",
            "Engine",
            "a" * 64,
            "a" * 65,
            "a" * 5_000,
            "_x",
            "-",
            "..",
            "%s%n",
            "{root}",
            "{id}",
            "$SYS",
            "é",
            "車",
            "\u202eenigne",
            "\u2066x\u2069",
            "a\u200bb",
            "x\x1b[31m",
            "a\nb",
            "a\rb",
            "\x01",
            "\x7f",
            "\x85",
            "\ufeff",
            "\ufffe",
            "\U0010ffff",
            "'; drop table entity; --",
            "<img src=x onerror=alert(1)>",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/+#\0"), max_size=40),
)
"""Ids in topics: such as there are, and such as no board has."""

HOSTILE_TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\x1b[2J\x1b[31mroot",
    "line\r\nSet-Cookie: a=b",
    "\u202eevil",
    "\u2066a\u2069\u202d",
    "\u200b\u200f",
    "\ufeff",
    "🚐" * 100,
    "%(name)s %s %n {0} {root}",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "=cmd|' /C calc'!A0",
    "NaN",
    "1e400",
    "9" * 400,
    "9" * 4_300,
    "0x" + "f" * 400,
    "١٢٣",
    "²",
    "x" * 201,
    "x" * 60_000,
]
HOSTILE_NUMBERS = [
    0,
    -1,
    1,
    -0.0,
    0.1,
    5e-324,
    1.7e308,
    -1.7e308,
    1e300,
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    10**308,
    10**400,
    10**4_000,
]


def nested(depth: int) -> str:
    """Give what `text_of` writes as objects in lists in objects, `depth` deep; an encoder could not go down so far."""
    return f"@nested {depth}@"


VALUES = st.one_of(
    st.sampled_from(
        [None, True, False, [], {}, [[]], {"": ""}, ["x"] * 300, [0] * 20_000, {str(one): one for one in range(3_000)}]
    ),
    st.sampled_from(HOSTILE_NUMBERS),
    st.sampled_from(HOSTILE_TEXTS),
    st.sampled_from([nested(7), nested(40), nested(300), nested(600), nested(900)]),
    st.text(max_size=60).filter(lambda text: not re.search("[\ud800-\udfff]", text)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
)
"""What may stand in JSON, and is rarely what belongs there."""


def topics_of(filter_: str) -> st.SearchStrategy[str]:
    """Give topics that match a filter, with ids of every kind where it has a wildcard."""
    wild = {"#": st.one_of(IDS, st.just("a/b/c")), "+": IDS}
    parts = [wild.get(level, st.just(level)) for level in filter_.split("/")]
    return st.tuples(*parts).map("/".join).filter(lambda topic: topic and len(topic.encode()) <= MAX_BYTES)


def longest_topic(filter_: str) -> str:
    """Give the longest topic that MQTT can carry and that matches a filter with one `+`."""
    return filter_.replace("+", "x" * (MAX_BYTES - len(filter_.encode()) + 1), 1)


def examples_of(filter_: str) -> list[Any]:
    """Give the documents of the protocol for the topics that a filter matches."""
    return [document for topic, document in EXAMPLES if matches(filter_, topic)]


def _places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in items:
        yield from _places(value, (*path, key))


def _changed(document: Any, path: tuple[Any, ...], change: Any) -> Any:
    if not path:
        return change(document)
    copy: Any = dict(document) if isinstance(document, dict) else list(document)
    made = _changed(copy[path[0]], path[1:], change)
    if made is _GONE:
        del copy[path[0]]
    else:
        copy[path[0]] = made
    return copy


_GONE = object()


@st.composite
def mutants(draw: st.DrawFn, documents: list[Any]) -> bytes:
    """Give a document with one fault: a field of another value or missing, one too many, one twice, a name that is none."""
    document = draw(st.sampled_from(documents))
    path = draw(st.sampled_from(list(_places(document))))
    kind = draw(st.sampled_from(["replace", "replace", "replace", "drop", "add", "rename", "twice"]))
    if kind == "replace" or not path:
        return text_of(_changed(document, path, lambda _old: draw(VALUES)))
    if kind == "drop":
        return text_of(_changed(document, path, lambda _old: _GONE))
    if kind == "twice":
        old = text_of(document)
        extra = json.dumps({str(path[-1]): draw(VALUES)}).encode()
        return old[:-1] + b", " + extra[1:] if isinstance(document, dict) else b"[" + old + b", " + extra + b"]"
    name = draw(st.one_of(st.sampled_from(HOSTILE_TEXTS), st.just("extra")))

    def grow(old: Any) -> Any:
        if isinstance(old, dict):
            return (
                {**old, name: draw(VALUES)}
                if kind == "add"
                else {name if n == 0 else k: v for n, (k, v) in enumerate(old.items())}
            )
        return [*old, draw(VALUES)] if isinstance(old, list) else {name: old}

    return text_of(_changed(document, path, grow))


def text_of(document: Any) -> bytes:
    """Give a document as JSON."""
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return _NESTED.sub(lambda found: _deep(int(found[1])), text)


def _deep(depth: int) -> bytes:
    return b'{"a": [' * (depth // 2) + b"1" + b"]}" * (depth // 2)


def no_json() -> st.SearchStrategy[bytes]:
    """Give payloads that no reader of JSON takes: those of `NO_JSON`, and bytes at random that are none."""
    return st.one_of(st.sampled_from(NO_JSON), st.binary(min_size=1, max_size=300).filter(_is_no_json))


def _is_no_json(payload: bytes) -> bool:
    try:
        json.loads(payload.decode())
    except (ValueError, RecursionError):
        return True
    return False


def extremes() -> list[tuple[str, bytes]]:
    """Give documents that are valid JSON and go to the borders of every field: depth, size, words that people may see."""
    made: list[tuple[str, Any]] = []
    for depth in (7, 30, 33, 200, 500, 900, 980):
        deep = nested(depth)
        made += [
            ("autocore/devices/engine/error", {"code": "x", "message": "m", "context": {"a": deep}}),
            ("autocore/devices/engine/register", {"type": "ecu", "channels": deep}),
            ("autocore/telemetry/engine/data", {"a": deep}),
            ("autocore/api/dash/request", {"id": 1, "service": "switch.turn_on", "data": {"a": deep}}),
            ("tele/fridge/SENSOR", {"ENERGY": {"Power": deep}}),
        ]
    for number in HOSTILE_NUMBERS:
        made += [("autocore/devices/engine/status", {"status": "online", "session": "s", key: number}) for key in _AMOUNTS]
        made += [
            ("autocore/telemetry/engine/data", {"sensor": "q", "value": number, "unit": unit}) for unit in ("F", None, "\u202e")
        ]
        made += [
            ("autocore/api/dash/request", {"id": number, "get": "entities"}),
            ("autocore/api/dash/request", {"id": 1, "get": f"entities?limit={str(number)[:400]}"}),
            ("autocore/config/request", {"device": "relay_board_1", "have": number}),
            ("autocore/relays/relay_board_1/state", {"channels": {str(number): True}, "seq": number}),
            ("autocore/telegram/send", {"text": "x", "chat": number}),
            ("autocore/can/trailer/data", {"id": number, "data": "00"}),
            ("tele/fridge/LIST", {"sensors": [{"value": number}]}),
        ]
    for text in HOSTILE_TEXTS:
        made += [("autocore/api/dash/request", {"id": text[:100], "get": f"{path}{text}"[:2_000]}) for path in _PATHS]
        made += [("autocore/devices/engine/register", {"type": "ecu", key: text[:200]}) for key in _WORDS]
        made += [
            ("autocore/api/dash/request", {"id": 1, "service": "switch.turn_on", "token": text[:200]}),
            ("autocore/devices/relay_board_9/register", {"type": "relay_board", "name": text[:200], "channels": 3}),
            ("autocore/devices/engine/register", {"type": "ecu", "capabilities": [text[:200]] * 32, "channels": 16}),
            ("autocore/devices/engine/status", {"status": "error", "reason": text[:200]}),
            ("autocore/devices/engine/status", {"status": "online", "session": text[:64] or "x"}),
            ("autocore/devices/engine/error", {"code": text[:200], "message": text[:500], "context": {text[:500]: text}}),
            ("autocore/devices/engine/ack", {"id": text[:200], "status": "refused", "reason": text[:200]}),
            ("autocore/notify", {"text": text[:1_000] or "a", "title": text[:50]}),
            ("autocore/telegram/send", {"text": text[:1_000] or "a", "title": text[:50]}),
            ("autocore/can/data", {"bus": text, "id": text, "data": text}),
            ("autocore/relays/relay_board_1/state", {"channels": {text: True}, "cause": text}),
            ("autocore/telemetry/engine/data", {text: 1, f"x{text}": text, "y": {text: {text: 2}}}),
        ]
    return [(topic, text_of(document)) for topic, document in made]


_AMOUNTS = ("uptime_s", "rssi_dbm", "free_memory_bytes", "ask")
_WORDS = ("name", "type", "mac", "firmware", "hardware")
_PATHS = ("", "entities/", "entities?text=", "events?cursor=", "../", "%00", "//", "entities/%ff%fe")
