"""What is told about the live socket is what it understands, and every word that it understands is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from autocore.web.live import Word

PAGE = (Path(__file__).parent.parent.parent / "docs/live.md").read_text()
EXAMPLES = re.findall(r"```json ([→←])\n(.*?)\n```", PAGE, re.DOTALL)


def said(direction: str) -> list[dict[str, object]]:
    return [json.loads(text) for where, text in EXAMPLES if where == direction]


def test_every_word_that_is_understood_has_an_example_that_is_understood() -> None:
    assert len(EXAMPLES) == PAGE.count("```json")
    assert [key for word in said("→") for key in word] == [
        "subscribe",
        "unsubscribe",
        "call",
        "hold",
        "beat",
        "release",
        "ping",
    ]
    assert set(Word.__struct_fields__) == {key for word in said("→") for key in word}
    for word in said("→"):
        for key, value in word.items():
            decoded = msgspec.convert(word, Word)
            assert getattr(decoded, key) is not None
            if isinstance(value, dict):  # nothing in it is a slip of the pen
                assert set(value) <= set(type(getattr(decoded, key)).__struct_fields__)


def test_every_word_that_it_says_is_told() -> None:
    sources = [Path(__file__).parent.parent.parent / "autocore/web" / name for name in ("live.py", "holding.py")]
    pattern = re.compile(r'(?:send|_tell)\(\{"(\w+)":|\{"(event)":')
    spoken = {key for file in sources for found in pattern.findall(file.read_text()) for key in found if key}
    assert spoken == {key for word in said("←") for key in word}
