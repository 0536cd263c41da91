"""A theme: what it may say, what becomes of it on each type of device, and how it travels."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.panels import Look
from autocore_plugins.themes.adapt import DEVICE_TYPES, adapt
from autocore_plugins.themes.builtin import BUILT_IN
from autocore_plugins.themes.contrast import hex_of
from autocore_plugins.themes.exchange import document_of, theme_in
from autocore_plugins.themes.faults import BadTheme
from autocore_plugins.themes.theme import COLOURS, FONTS, ROUNDEST_PX, SHADOWS, Theme, theme_of
from tests.plugins.themes.samples import FOREST

byte = st.integers(0, 255)
names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)
themes = st.builds(
    Theme,
    names,
    *[st.builds(hex_of, byte, byte, byte) for _ in COLOURS],
    st.integers(0, 32),
    st.sampled_from(SHADOWS),
    st.sampled_from(FONTS),
)


def test_themes_and_looks_know_the_same_words() -> None:
    assert (COLOURS, SHADOWS, FONTS, ROUNDEST_PX) == (Look.COLOURS, Look.SHADOWS, Look.FONTS, Look.ROUNDEST_PX)


@given(themes)
def test_a_theme_written_down_reads_back_as_itself(theme: Theme) -> None:
    assert theme_of(theme.name, theme.fields()) == theme
    assert theme_of(theme.name, json.loads(json.dumps(theme.fields()))) == theme


@given(themes)
def test_an_exported_theme_is_imported_as_itself(theme: Theme) -> None:
    assert theme_in(json.dumps(document_of(theme))) == theme
    assert theme_in(document_of(theme), "Other").fields() == theme.fields()


@given(themes)
def test_every_theme_can_be_worn(theme: Theme) -> None:
    look = theme.look()
    assert (look.primary, look.shadow, look.font) == (theme.primary, theme.shadow_style, theme.font_family)


def test_three_digits_and_capitals_are_made_six_small_ones() -> None:
    theme = theme_of("Forest", {**FOREST, "primary": "#ABC"})
    assert (theme.primary, theme.surface) == ("#aabbcc", "#ffffff")


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"primary": None}, "primary", "in quotes"),
        ({"primary": "red"}, "primary", "no colour"),
        ({"primary": "#12345"}, "primary", "no colour"),
        ({"primary": "#12345g"}, "primary", "no colour"),
        ({"error": 0xFF0000}, "error", "no colour"),
        ({"primary": "#fff;} body {"}, "primary", "no colour"),
        ({"border_radius": 33}, "border_radius", "0 to 32"),
        ({"border_radius": -1}, "border_radius", "0 to 32"),
        ({"border_radius": 1.5}, "border_radius", "0 to 32"),
        ({"border_radius": True}, "border_radius", "0 to 32"),
        ({"shadow_style": "huge"}, "shadow_style", "none, soft"),
        ({"font_family": ["x"]}, "font_family", "system, serif"),
        ({"wheels": 4, "doors": 5}, "doors", "doors, wheels"),
    ],
)
def test_what_is_wrong_with_a_theme_is_said_at_its_field(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(BadTheme, match=words) as caught:
        theme_of("Forest", {**FOREST, **change})
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "a\nb", "a\x00b", None, 7, "\u202egnp"])
def test_a_name_that_nobody_can_read_is_refused(name: Any) -> None:
    with pytest.raises(BadTheme) as caught:
        theme_of(name, FOREST)
    assert caught.value.field == "name"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ("", "document"),
        ("{", "document"),
        (b"\xff\xfe", "document"),
        ("[" * 20_000, "document"),
        ("[]", "document"),
        ("null", "document"),
        ("{}", "document"),
        ("NaN", "document"),
        ("x" * 70_000, "document"),
        ({"type": "autocore_theme", "version": 2, "theme": {}}, "version"),
        ({"type": "autocore_theme", "version": "1", "theme": {}}, "version"),
        ({"type": "autocore_theme", "version": True, "theme": {}}, "version"),
        ({"type": "autocore_theme", "version": 1, "theme": [], "colour": 1}, "colour"),
        ({"type": "autocore_theme", "version": 1, "theme": []}, "theme"),
        ({"type": "autocore_theme", "version": 1, "theme": {"name": "A", "wheels": 4}}, "wheels"),
        ({"type": "autocore_theme", "version": 1, "theme": FOREST}, "name"),
    ],
)
def test_a_document_that_is_no_theme_is_refused(document: Any, field: str) -> None:
    with pytest.raises(BadTheme) as caught:
        theme_in(document)
    assert caught.value.field == field


@given(
    st.one_of(
        st.binary(), st.text(), st.recursive(st.none() | st.text() | st.integers(), lambda one: st.dictionaries(st.text(), one))
    )
)
def test_garbage_is_refused_and_nothing_else_happens(document: Any) -> None:
    with pytest.raises(BadTheme):
        theme_in(document)


def test_the_fonts_and_columns_of_each_type_of_device_are_the_specified_ones() -> None:
    worn = {name: adapt(BUILT_IN["AutoCore Light"], device).style for name, device in DEVICE_TYPES.items()}
    assert list(worn) == ["mobile", "display_small", "display_large", "web"]
    assert (worn["mobile"].font_size_base, worn["display_small"].font_size_base) == (14, 12)
    assert [DEVICE_TYPES[name].columns for name in worn] == [2, 2, 4, 4]


@given(themes)
def test_a_small_display_gets_sixteen_bits_no_shadow_and_small_corners(theme: Theme) -> None:
    small = adapt(theme, DEVICE_TYPES["display_small"])
    assert small.colors_rgb565 is not None
    assert set(small.colors_rgb565) == set(small.colors) == set(COLOURS)
    assert small.style.shadow_style == "none"
    assert small.style.border_radius == min(theme.border_radius_px, 8)
    phone = adapt(theme, DEVICE_TYPES["mobile"])
    assert (phone.colors_rgb565, phone.style.border_radius, phone.style.shadow_style) == (
        None,
        theme.border_radius_px,
        theme.shadow_style,
    )
