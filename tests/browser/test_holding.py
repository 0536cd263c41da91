"""A thumb on the winch, in a real browser: it pulls while the thumb is there, and stops when it, or the page, is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Vehicle

WINCH = "Hold Winch"
TRIES = 8


@pytest.fixture
def winch(page: Page) -> Page:
    page.goto("/relays")
    expect(button(page)).to_be_enabled()
    expect(button(page)).to_have_attribute("aria-pressed", "false")
    return page


def button(page: Page):
    return page.get_by_role("button", name=WINCH)


def press(page: Page) -> None:
    """Press, and again as a person does when a machine that is busy answers too late: a board refuses what is 300 ms old."""
    button(page).scroll_into_view_if_needed()
    box = button(page).bounding_box()
    assert box is not None
    assert box["height"] >= 64  # for gloves
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until_on(page, page.mouse.down, page.mouse.up)


def until_on(page: Page, down: Callable[[], None], up: Callable[[], None]) -> None:
    for _ in range(TRIES):
        down()
        with contextlib.suppress(AssertionError):
            expect(button(page)).to_have_attribute("aria-pressed", "true", timeout=1_500)
            return
        up()
    raise AssertionError(page.locator("ac-hold").inner_text())


def is_off(page: Page) -> None:
    expect(button(page)).to_have_attribute("aria-pressed", "false")


def test_it_pulls_while_it_is_pressed(winch: Page) -> None:
    for _ in range(TRIES):
        press(winch)
        winch.wait_for_timeout(1_500)  # three times as long as it would last without beats
        if button(winch).get_attribute("aria-pressed") == "true":
            break
        expect(winch.locator("ac-hold .refusal")).to_have_text("It let go. Press again.")
        winch.mouse.up()
    winch.mouse.up()
    is_off(winch)
    expect(winch.locator("ac-hold .refusal")).to_be_empty()


def test_the_space_bar_holds_too(winch: Page) -> None:
    button(winch).focus()
    until_on(winch, lambda: winch.keyboard.down(" "), lambda: winch.keyboard.up(" "))
    winch.keyboard.up(" ")
    is_off(winch)


@pytest.mark.parametrize(
    "away",
    [
        "window.dispatchEvent(new Event('blur'))",
        "window.dispatchEvent(new Event('pagehide'))",
        "document.querySelector('ac-hold button').dispatchEvent(new PointerEvent('pointercancel'))",
        "document.querySelector('ac-hold button').blur()",
        "document.querySelector('ac-hold').remove()",
    ],
    ids=["another window", "page hidden", "a call", "another field", "the button goes"],
)
def test_whatever_may_mean_that_the_thumb_is_gone_lets_go(winch: Page, vehicle: Vehicle, away: str) -> None:
    press(winch)
    button(winch).focus()
    winch.evaluate(away)
    winch.wait_for_timeout(100)
    winch.mouse.up()
    winch.goto("/relays")
    is_off(winch)


def test_a_thumb_that_stays_is_not_taken_for_a_wish_for_a_menu(winch: Page) -> None:
    press(winch)
    asked = "document.querySelector('ac-hold button').dispatchEvent(new MouseEvent('contextmenu', {cancelable: true}))"
    assert winch.evaluate(asked) is False, "the menu of a long press comes, and takes the pointer away"
    winch.wait_for_timeout(100)
    expect(winch.locator("ac-hold")).to_have_class("is-held")
    winch.mouse.up()
    is_off(winch)


def test_a_tab_that_is_lost_stops_the_winch(winch: Page, browser: Browser, vehicle: Vehicle, state: dict[str, object]) -> None:
    context = browser.new_context(storage_state=state, base_url=vehicle.base, locale="en-GB")  # type: ignore[arg-type]  # its own answer
    onlooker = context.new_page()
    onlooker.goto("/relays")
    press(winch)
    expect(button(onlooker)).to_have_attribute("aria-pressed", "true")
    winch.goto("about:blank")  # without a word of goodbye from the button
    is_off(onlooker)
    context.close()


def test_the_second_thumb_is_refused_with_the_name_of_the_first(
    winch: Page, browser: Browser, vehicle: Vehicle, state: dict[str, object]
) -> None:
    context = browser.new_context(storage_state=state, base_url=vehicle.base, locale="en-GB")  # type: ignore[arg-type]  # its own answer
    other = context.new_page()
    other.goto("/relays")
    press(winch)
    expect(button(other)).to_have_attribute("aria-pressed", "true")
    button(other).focus()
    other.keyboard.down(" ")
    expect(other.locator("ac-hold .refusal")).to_have_text("Winch is held by ana")
    other.keyboard.up(" ")
    expect(button(winch)).to_have_attribute("aria-pressed", "true")
    winch.mouse.up()
    is_off(winch)
    context.close()
