"""Colours: contrast as WCAG counts it, suggestions that pass, sixteen bits that stay near."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autocore_plugins.themes.adapt import hex_of_rgb565, rgb565
from autocore_plugins.themes.builtin import BUILT_IN
from autocore_plugins.themes.contrast import PAIRS, channels, check, failing, hex_of, is_dark, luminance, ratio, suggest
from autocore_plugins.themes.theme import COLOURS, Theme

byte = st.integers(0, 255)
colour = st.builds(hex_of, byte, byte, byte)
colours = st.fixed_dictionaries(dict.fromkeys(COLOURS, colour))


@given(colour, colour)
def test_contrast_is_the_same_both_ways_and_lies_between_1_and_21(one: str, other: str) -> None:
    assert ratio(one, other) == ratio(other, one)
    assert 1 <= ratio(one, other) <= 21 + 1e-9


@pytest.mark.parametrize(
    ("front", "back", "expected"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.478), ("#767676", "#ffffff", 4.542), ("#ff0000", "#000000", 5.252)],
    ids=["black on white", "just not readable", "just readable", "red on black"],
)
def test_contrast_is_what_others_measure(front: str, back: str, expected: float) -> None:
    assert ratio(front, back) == pytest.approx(expected, abs=0.001)


@given(colour)
def test_a_colour_is_dark_where_white_is_easier_to_read_than_black(ground: str) -> None:
    white, black = ratio("#ffffff", ground), ratio("#000000", ground)
    if abs(white - black) > 0.02:  # the boundary is rounded to three digits
        assert is_dark(ground) == (white > black)


@given(colours)
def test_what_is_suggested_passes_on_the_ground_that_failed(given_colours: dict[str, str]) -> None:
    for finding in check(given_colours):
        assert finding.passes == (finding.suggestion is None)
        if finding.suggestion is not None:
            assert ratio(finding.suggestion, given_colours[finding.back]) >= finding.needed


@given(colours)
def test_a_suggestion_passes_on_every_ground_of_the_colour_when_any_mixture_does(given_colours: dict[str, str]) -> None:
    for finding in failing(given_colours):
        grounds = [given_colours[back] for front, back, _ in PAIRS if front == finding.front]
        if suggest(given_colours[finding.front], grounds, finding.needed) is not None:
            assert all(ratio(finding.suggestion or "", ground) >= finding.needed for ground in grounds)


@given(colour, st.lists(colour, min_size=1, max_size=2), st.sampled_from([3.0, 4.5]))
@settings(max_examples=30)  # every mixture is tried
def test_no_mixture_nearer_than_the_suggested_one_passes(front: str, grounds: list[str], needed: float) -> None:
    passing = []
    for target in (0, 255):
        for step in range(256):
            mixed = hex_of(*(round(one + (target - one) * step / 255) for one in channels(front)))
            if all(ratio(mixed, ground) >= needed for ground in grounds):
                passing.append(sum((a - b) ** 2 for a, b in zip(channels(front), channels(mixed), strict=True)))
    suggested = suggest(front, grounds, needed)
    if suggested is None:
        assert passing == []
    else:
        assert sum((a - b) ** 2 for a, b in zip(channels(front), channels(suggested), strict=True)) == min(passing)


@given(colour)
def test_nothing_is_mixed_into_a_colour_that_passes(front: str) -> None:
    assert suggest(front, [front], 1.0) == front


def test_a_ratio_just_too_small_is_not_shown_as_enough() -> None:
    text = {**BUILT_IN["AutoCore Light"].colours, "text_primary": "#767676", "background": "#fefefe"}
    finding = next(one for one in check(text) if (one.front, one.back) == ("text_primary", "background"))
    assert finding.ratio == pytest.approx(4.502, abs=0.01)
    assert finding.shown <= finding.ratio


@given(colour)
def test_sixteen_bits_show_nearly_the_colour_that_was_meant(meant: str) -> None:
    number = rgb565(meant)
    assert 0 <= number <= 0xFFFF
    (red, green, blue), (red_shown, green_shown, blue_shown) = channels(meant), channels(hex_of_rgb565(number))
    assert abs(red - red_shown) <= 4
    assert abs(green - green_shown) <= 2
    assert abs(blue - blue_shown) <= 4


@given(st.integers(0, 0xFFFF))
def test_a_number_of_sixteen_bits_comes_back_as_itself(number: int) -> None:
    assert rgb565(hex_of_rgb565(number)) == number


@pytest.mark.parametrize("theme", BUILT_IN.values(), ids=lambda theme: theme.name)
def test_every_built_in_theme_can_be_read(theme: Theme) -> None:
    assert failing(theme.colours) == []


@pytest.mark.parametrize("theme", BUILT_IN.values(), ids=lambda theme: theme.name)
def test_the_admin_can_write_in_every_sign_of_a_built_in_theme(theme: Theme) -> None:
    words = ("primary", "success", "warning", "error", "info")
    weak = [
        (name, back)
        for name in words
        for back in ("background", "surface")
        if ratio(theme.colours[name], theme.colours[back]) < 4.5
    ]
    assert weak == []


def test_night_red_has_nearly_no_green_or_blue_light() -> None:
    night = BUILT_IN["Night Red"]
    for name, value in night.colours.items():
        red, green, blue = channels(value)
        assert green <= red * 0.55, name
        assert blue <= red * 0.5, name
    assert luminance(night.background) == 0
