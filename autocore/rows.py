"""Columns of a database that may be damaged, read as bytes: what can still be read of them."""

from __future__ import annotations

import json
from typing import Any


def text_of(raw: bytes | None) -> str:
    """Give what stands in a column of text, read as bytes (`CAST(… AS BLOB)`); a flipped bit in it spoils one letter."""
    return "" if raw is None else raw.decode(errors="replace")


def facts_of(raw: bytes | None) -> dict[str, Any]:
    """Give what stands in a column of JSON, read as bytes; where it is none any more, its text as `damaged`."""
    try:
        found = json.loads(raw or b"{}")
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"damaged": text_of(raw)}
