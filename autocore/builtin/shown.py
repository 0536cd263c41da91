"""A file of the configuration as it may be shown: what is secret in it is blotted out, wherever and however it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

BLOT = "***"
WORDS = ("password", "passphrase", "token", "secret", "secret_key", "api_key", "pin")
_IN_URL = re.compile(r"(?<=://)([^\s:/@\"']*):([^\s/@\"']+)(?=@)")
_IN_LINE = re.compile(rf"(?i)\b([a-z_]*(?:{'|'.join(WORDS)})[\"']?\s*:\s*)(?!\s*[!|>&*])([^\s#][^\n]*)")


def is_secret(key: str) -> bool:
    """Say whether the value of a key is one that nobody should read, e.g. `token` or `bot_token`."""
    return key.lower() in WORDS or key.lower().endswith(tuple(f"_{word}" for word in WORDS))


def shown(text: str) -> str:
    """Give a YAML file as it is written, with `***` for each secret and for each password in an address.

    A value that only names a secret (`!secret`, `!env`, `!include`) stays. Of a file that is no YAML every line that looks
    like a secret is blotted out to its end.
    """
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return _IN_URL.sub(rf"\1:{BLOT}", _IN_LINE.sub(rf"\1{BLOT}", text))
    for start, end in sorted(_places(tree), reverse=True):
        text = f'{text[:start]}"{BLOT}"{text[end:]}'  # in quotes, so that it stays YAML
    return _IN_URL.sub(rf"\1:{BLOT}", text)


def _places(tree: yaml.Node | None) -> Iterator[tuple[int, int]]:
    waiting, seen = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        if not isinstance(node, yaml.MappingNode):
            continue
        for key, value in node.value:
            if not is_secret(str(key.value)):
                waiting.append(value)
            elif value.tag.startswith("tag:") and id(value) not in seen:  # not `!secret`: its own tags are no global ones
                seen.add(id(value))
                yield value.start_mark.index, value.end_mark.index
