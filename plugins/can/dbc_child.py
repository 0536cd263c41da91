"""Read a DBC file from standard input and write what it says to standard output, as JSON. A process of its own.

It runs under limits of memory and processor time, because such files come from strangers (security.md 10). It imports
nothing of the gateway, and the gateway imports nothing of it but its name.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

MEMORY_BYTES = 768 * 1024 * 1024  # cantools itself takes 40 MB; a file of 4 MB parses within 400
PROCESSOR_S = 30
MOST_MESSAGES = 10_000
MOST_SIGNALS = 50_000
LONGEST_NAME = 128
LONGEST_TABLE = 1_000


def restrict() -> None:
    """Take only so much memory and time, and write no file."""
    for limit, amount in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (amount, amount))


def read(content: bytes) -> dict[str, Any]:
    """Give `{"messages": […]}`, or `{"problem": sentence}`."""
    try:
        from cantools.database import load_string  # noqa: PLC0415  # after the limits are set
    except ImportError:
        return {"problem": "reading DBC files needs the package cantools; install it"}
    try:
        # Strict reading would refuse files with overlapping signals, of which many exist and work.
        database: Any = load_string(_text(content), database_format="dbc", strict=False)
    except MemoryError:
        return {"problem": "reading it takes too much memory"}
    except Exception as error:  # noqa: BLE001  # whatever a parser makes of a stranger's file becomes a sentence
        return {"problem": _sentence(error)}
    messages = list(database.messages)
    if len(messages) > MOST_MESSAGES or sum(len(one.signals) for one in messages) > MOST_SIGNALS:
        return {"problem": f"it has more than {MOST_MESSAGES} messages or {MOST_SIGNALS} signals; split it"}
    if not messages:
        return {"problem": "it describes no message"}
    return {"messages": [_message(one) for one in messages]}


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")  # what the editors of these files write


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    if text.startswith('DBC: "') and text.endswith('"'):
        text = text[6:-1]
    text = text[:200] or type(error).__name__
    return f"it is no DBC file: {text[:1].lower()}{text[1:]}"


def _message(one: Any) -> dict[str, Any]:
    return {
        "name": str(one.name)[:LONGEST_NAME],
        "id": one.frame_id,
        "is_extended": bool(one.is_extended_frame),
        "length": one.length,
        "signals": [_signal(signal) for signal in one.signals],
    }


def _signal(one: Any) -> dict[str, Any]:
    table = list((one.choices or {}).items())[:LONGEST_TABLE]
    return {
        "name": str(one.name)[:LONGEST_NAME],
        "start": one.start,
        "length": one.length,
        "is_little": one.byte_order == "little_endian",
        "is_signed": bool(one.is_signed),
        "is_float": bool(one.is_float),
        "scale": one.scale,
        "offset": one.offset,
        "unit": str(one.unit)[:LONGEST_NAME] if one.unit else None,
        "words": {str(raw): str(word)[:LONGEST_NAME] for raw, word in table},
        "multiplexer": one.multiplexer_signal,
        "multiplexer_values": list(one.multiplexer_ids or []),
    }


def main() -> None:
    """Do it."""
    restrict()
    answer = read(sys.stdin.buffer.read())
    try:
        text = json.dumps(answer, allow_nan=False)
    except ValueError:
        text = json.dumps({"problem": "it has a scale or an offset that is no finite number"})
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
