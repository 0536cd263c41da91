"""Names: how ids are made from what people and devices write, which may be read, and which is nearest. Pure functions."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Iterable, Mapping

from autocore.core.errors import InvalidData

HIDDEN = "it holds a character that cannot be seen or turns words round; type it anew"
_HIDING = (  # control characters, Unicode's Bidi_Control, what has no width; joiners stay: Persian, Hindi and emoji need them
    "\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
VISIBLE = re.compile(rf"[^{_HIDING}]*\Z")
MAX_ID_LENGTH = 64  # protocol.md: a device id is [a-z0-9][a-z0-9_-]{0,63}

_KEPT = frozenset(string.ascii_lowercase + string.digits)
_DEVICE_KEPT = _KEPT | {"_", "-"}


def N_(text: str) -> str:  # noqa: N802  # the name that gettext's tools look for
    """Mark `text` for translation and give it unchanged: it is translated where it is shown."""
    return text


def slug(text: str) -> str:
    """Give the lower-case id made from `text`: ASCII letters and digits stay, each run of others is one `_`.

    `Engine RPM` becomes `engine_rpm`, `Água (°C)` becomes `gua_c`; text without a single letter or digit becomes ``.
    """
    folded = "".join(char if char in _KEPT else " " for char in text.lower())
    return "_".join(folded.split())[:MAX_ID_LENGTH]


def readable(text: str, longest: int = 500) -> str:
    """Give a device's word as people can read it: one line, nothing hidden in it, white space as one space, `longest` at most."""
    return " ".join(re.sub(f"[{_HIDING}]", "", " ".join(text.split())).split())[:longest].rstrip()


def check_readable(words: Mapping[str, object]) -> None:
    """Refuse words of people, by their fields, in which something is hidden; raises InvalidData."""
    for field, text in words.items():
        if isinstance(text, str) and not VISIBLE.match(text):
            raise InvalidData(HIDDEN, field=field)


def is_device_id(text: str) -> bool:
    """Say whether `text` is a device id as protocol.md defines it."""
    return 0 < len(text) <= MAX_ID_LENGTH and text[0] in _KEPT and all(char in _DEVICE_KEPT for char in text)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give the known name most like `name`, or None when none is near.

    Near means a difflib ratio of at least 0.6, or the same last part after the dot (`sensor.rpm`, `sensor.engine_rpm`).
    """
    candidates = list(known)
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if close:
        return close[0]
    tail = name.rpartition(".")[2]
    return next((one for one in candidates if tail and one.endswith(f"_{tail}")), None)
