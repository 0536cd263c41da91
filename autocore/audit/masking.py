"""What never stands in the audit or in an event: secrets, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MASKED = frozenset({"pin", "password", "token", "secret", "code"})


def masked(data: Mapping[str, Any], secrets: frozenset[str] = MASKED) -> dict[str, Any]:
    """Give `data` with every secret in it, as the names `secrets` say, replaced by `***`."""
    return {
        key: "***" if str(key).lower() in secrets else masked(value, secrets) if isinstance(value, Mapping) else value
        for key, value in data.items()
    }
