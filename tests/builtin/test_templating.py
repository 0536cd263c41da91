"""Templates read states, and cannot be made to do anything else, or to run for long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.builtin.templating import Template
from autocore.core.errors import InvalidData
from autocore.core.model import State

STATES = {"sensor.a": 2.5, "sensor.b": 4, "binary_sensor.door": True, "sensor.gear": "D"}


def lookup(entity_id: str) -> State | None:
    if entity_id not in STATES:
        return None
    return State(STATES[entity_id], available=True, changed_ns=0, updated_ns=0, boot=1, seq=1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{{ states("sensor.a") + states("sensor.b") }}', 6.5),
        ('{{ (states("sensor.a") * 100)|round(1) }}', 250.0),
        ('{{ is_state("binary_sensor.door", "on") }}', True),
        ('{{ is_state("sensor.gear", "D") }}', True),
        ('{% if states("sensor.b") > 3 %}high{% else %}low{% endif %}', "high"),
        ('{{ states("sensor.missing") }}', None),
        ('{{ states("sensor.missing")|float(7) }}', 7.0),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", 12),
        ("{{ 2 ** 10 }}", 1024),
    ],
)
def test_it_works_values_out(text: str, value: Any) -> None:
    assert Template(text).value(lookup) == value


def test_it_knows_which_entities_it_names() -> None:
    template = Template('{{ states("sensor.a") }} {% if is_state("binary_sensor.door", "on") %}x{% endif %}')
    assert template.entities == {"sensor.a", "binary_sensor.door"}


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ states.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 9 ** 101 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'x'|center(1000000000) }}",
        "{{ range(1000000) }}",
        "{% for a in range(900) %}{% for b in range(900) %}{% for c in range(900) %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% include 'secrets.yaml' %}",
        "{% set a = 'xx' %}" + "{% set a = a + a %}" * 100 + "{{ a }}",
        "{{ 'a' ~ 'b' }}",
        "{{ missing }}",
        "{{ 1 / 0 }}",
        "{{ states('sensor.gear') + 1 }}",
        "{{ unclosed",
        "x" * 5000,
        "{{ cycler }}{{ lipsum() }}",
        "{{ states|attr('__globals__') }}",
    ],
    ids=lambda text: text[:40],
)
def test_what_goes_too_far_is_one_sentence(text: str) -> None:
    with pytest.raises(InvalidData):
        Template(text).render(lookup)


@given(st.text(alphabet="{}%|()[]'\"*+-/~.,_ abcdefghijklmnopqrstuvwxyz0123456789\n", max_size=80))
def test_any_text_renders_or_is_refused(text: str) -> None:
    try:
        Template("{{ " + text + " }}").render(lookup)
    except InvalidData:
        return
