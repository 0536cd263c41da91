"""Templates that people write: Jinja in a sandbox with limits, over the states of entities (security.md 9).

CPython cannot interrupt one big multiplication, so what could grow is bounded before it runs: text, output, ranges, numbers,
strings, how deep loops nest, and which filters there are. A template reads; it cannot change anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from autocore.core.errors import InvalidData
from autocore.core.model import State, Value

LONGEST_TEMPLATE = 4_096
LONGEST_OUTPUT = 16_384
LONGEST_TEXT = 10_000
LARGEST_NUMBER = 1e100
LONGEST_RANGE = 1_000
DEEPEST_LOOPS = 2
_FILTER_WORDS = (
    "abs batch bool capitalize d default first float int last length list lower max min reject rejectattr replace round "
    "select selectattr slice sort string sum title trim truncate unique upper"
)
FILTERS = frozenset(_FILTER_WORDS.split())
_REFUSED: tuple[tuple[type[nodes.Node], str], ...] = (
    (nodes.Macro, "macros"),
    (nodes.CallBlock, "call blocks"),
    (nodes.Include, "include"),
    (nodes.Import, "import"),
    (nodes.FromImport, "import"),
    (nodes.Extends, "extends"),
    (nodes.Concat, "~ (use + with |string)"),
)

Lookup = Callable[[str], State | None]
"""Gives the state of an entity, None when there is none of that id."""


class Template:
    """One template; made once, rendered often.

    Args:
        text: Jinja, e.g. `{{ states("sensor.a") + states("sensor.b") }}`.

    Raises:
        InvalidData: it cannot be read, or uses what is not allowed here; the sentence says what and where.
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_TEMPLATE:
            raise InvalidData(f"a template has at most {LONGEST_TEMPLATE} characters", field="template")
        try:
            tree = _environment().parse(text)
            self._template = _environment().from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise InvalidData(f"line {error.lineno}: {error.message}", field="template") from None
        _check(tree)
        self.text = text
        self.entities = frozenset(_named(tree))
        """The entities that it names in words, so that whoever renders it knows when to do it again."""

    def render(self, lookup: Lookup, values: Mapping[str, Any] | None = None) -> str:
        """Give the text.

        Args:
            lookup: gives states.
            values: further names, e.g. what triggered an automation.

        Raises:
            InvalidData: it asks for what it may not have, or grows beyond its limits.
        """

        def states(entity_id: str) -> Value:
            state = lookup(entity_id)
            return None if state is None or not state.available else state.value

        def is_state(entity_id: str, value: Value) -> bool:
            return _word(states(entity_id)) == _word(value)

        try:
            parts, length = [], 0
            for part in self._template.generate(**(values or {}), states=states, is_state=is_state):
                length += len(part)
                if length > LONGEST_OUTPUT:
                    raise InvalidData(f"it gives more than {LONGEST_OUTPUT} characters", field="template")
                parts.append(part)
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise InvalidData(f"it cannot be worked out: {error}", field="template") from error
        return "".join(parts)

    def value(self, lookup: Lookup, values: Mapping[str, Any] | None = None) -> float | int | str | bool | None:
        """Give what the text means: a number, true or false, nothing (`None` or empty), or the text itself."""
        text = self.render(lookup, values).strip()
        if text in ("", "None"):
            return None
        if text in ("True", "False"):
            return text == "True"
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        return text


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox with bounded arithmetic."""

    intercepted_binops = frozenset(["+", "*", "**", "%", "//", "/", "-"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Work an operator out, unless the result would be too large."""
        if operator in ("*", "**", "%") and not (_is_number(left) and _is_number(right)):
            raise jinja2.TemplateRuntimeError(f"{operator} is for numbers")
        if operator == "**" and (abs(left) > 1e6 or abs(right) > 100):  # noqa: PLR2004  # its result stays a number people read
            raise jinja2.TemplateRuntimeError("this power is too large")
        answer = super().call_binop(context, operator, left, right)
        if isinstance(answer, (str, list, tuple)) and len(answer) > LONGEST_TEXT:
            raise jinja2.TemplateRuntimeError(f"this is longer than {LONGEST_TEXT}")
        if _is_number(answer) and abs(answer) > LARGEST_NUMBER:
            raise jinja2.TemplateRuntimeError("this number is too large")
        return answer


@lru_cache(maxsize=1)
def _environment() -> _Sandbox:
    environment = _Sandbox(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters = {name: one for name, one in environment.filters.items() if name in FILTERS}
    environment.filters["float"] = _float
    environment.globals = {"range": _range, "abs": abs, "min": min, "max": max, "round": round}
    return environment


def _float(value: Any, default: Any = 0.0) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise jinja2.TemplateRuntimeError(f"a range has at most {LONGEST_RANGE} numbers")
    return numbers


def _check(tree: nodes.Template) -> None:
    for kind, words in _REFUSED:
        found = tree.find(kind)
        if found is not None:
            raise InvalidData(f"line {found.lineno}: {words} cannot be used here", field="template")
    for loop in tree.find_all(nodes.For):
        if loop.recursive or _depth(loop) > DEEPEST_LOOPS:
            raise InvalidData(f"line {loop.lineno}: loops nest at most {DEEPEST_LOOPS} deep", field="template")


def _depth(loop: nodes.For) -> int:
    inner = [_depth(one) for child in loop.iter_child_nodes() for one in _loops(child)]
    return 1 + max(inner, default=0)


def _loops(node: nodes.Node) -> Iterable[nodes.For]:
    if isinstance(node, nodes.For):
        yield node
    else:
        yield from node.find_all(nodes.For)


def _named(tree: nodes.Template) -> Iterable[str]:
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("states", "is_state") and call.args:
            first = call.args[0]
            if isinstance(first, nodes.Const) and isinstance(first.value, str):
                yield first.value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _word(value: Any) -> str:
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
