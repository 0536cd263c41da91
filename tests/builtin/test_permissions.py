"""Who may what: least roles, and what the configuration says instead; stopping is never limited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.builtin.permissions import UNLIMITED, Permissions
from autocore.core.config import config_of
from autocore.core.errors import ConfigFaults, PermissionDenied
from autocore.core.model import Caller, Cause, Role
from autocore.core.panels import Panel, PlacedPanel, Slot
from autocore.core.services import Service, ServiceCall


async def nothing(call: ServiceCall) -> None:
    """Do nothing."""


TURN_ON = Service("switch.turn_on", nothing, "core", role=Role.OPERATOR)
CAN = PlacedPanel("can", Path(), Panel("CAN", source="x"))
TRACE = PlacedPanel("can", Path(), Panel("Trace", source="x", key="trace", slot=Slot.NAVIGATION))
LIGHT = {"entity": "switch.cabin_light"}
VIEWERS_PRESS_THE_LIGHT = """
auth:
  permissions:
    viewer: {services: {"switch.turn_*": {entities: [switch.cabin_*]}}}
    operator: {panels: {can: false}, services: {notify.send: false}}
"""


def permissions_of(text: str) -> Permissions:
    return Permissions(config_of(text).core.auth.permissions)


def somebody(role: Role, *scopes: str, via: str = "rest") -> Caller:
    return Caller(Cause(via, "bia"), role, frozenset(scopes) or None)


def is_permitted(permissions: Permissions, service: Service, data: dict[str, Any], caller: Caller) -> bool:
    try:
        permissions.permit(service, data, caller)
    except PermissionDenied:
        return False
    return True


def test_viewers_press_the_cabin_light_and_nothing_else() -> None:
    permissions = permissions_of(VIEWERS_PRESS_THE_LIGHT)
    viewer = somebody(Role.VIEWER)
    assert is_permitted(permissions, TURN_ON, LIGHT, viewer)
    assert is_permitted(permissions, TURN_ON, {"entity": ["switch.cabin_light", "switch.cabin_fan"]}, viewer)
    for data in (
        {"entity": "switch.winch"},
        {"entity": ["switch.cabin_light", "switch.winch"]},
        {},
        {"entity": 7},
        {"entity": []},
    ):
        assert not is_permitted(permissions, TURN_ON, data, viewer)
    assert is_permitted(permissions, TURN_ON, {"entity": "switch.winch"}, somebody(Role.OPERATOR))


def test_operators_do_not_see_can_and_so_viewers_do_not_either() -> None:
    permissions = permissions_of(VIEWERS_PRESS_THE_LIGHT)
    for placed in (CAN, TRACE):
        assert [permissions.sees(placed, role) for role in Role] == [False, False, True, True]
    assert [permissions.is_hidden("can", role) for role in Role] == [True, True, False, False]
    one = permissions_of("auth: {permissions: {operator: {panels: {can/trace: false}}}}")
    assert [one.sees(TRACE, Role.OPERATOR), one.sees(CAN, Role.OPERATOR), one.is_hidden("can", Role.OPERATOR)] == [
        False,
        True,
        False,
    ]


def test_what_was_given_to_a_role_the_roles_above_may_too() -> None:
    calibrate = Service("relays.calibrate", nothing, "relays", role=Role.ADMIN)
    permissions = permissions_of("auth: {permissions: {operator: {services: {relays.calibrate: true}}}}")
    assert [permissions.call_word(calibrate, role) for role in Role] == [False, True, True, True]


@pytest.mark.parametrize("verb", sorted(UNLIMITED))
def test_nobody_is_kept_from_stopping_or_releasing(verb: str) -> None:
    stop = Service(f"relays.{verb}", nothing, "relays", role=Role.OPERATOR)
    permissions = permissions_of('auth: {permissions: {technician: {services: {"*": false}}}}')
    assert [permissions.call_word(stop, role) for role in Role] == [False, True, True, True]
    assert permissions.call_word(TURN_ON, Role.OPERATOR) is False
    with pytest.raises(ConfigFaults, match="nobody can be kept from it"):
        permissions_of(f"auth: {{permissions: {{operator: {{services: {{relays.{verb}: false}}}}}}}}")


def test_a_token_stays_limited_to_its_scopes_and_a_plugins_own_call_is_no_persons() -> None:
    permissions = permissions_of(VIEWERS_PRESS_THE_LIGHT)
    assert not is_permitted(permissions, TURN_ON, LIGHT, somebody(Role.ADMIN, "read:*"))
    assert is_permitted(permissions, TURN_ON, LIGHT, somebody(Role.VIEWER, "services:switch.*"))
    notify = Service("notify.send", nothing, "core", role=Role.OPERATOR)
    assert not is_permitted(permissions, notify, {}, somebody(Role.OPERATOR))
    assert is_permitted(permissions, notify, {}, somebody(Role.OPERATOR, via="plugin"))
    assert not is_permitted(permissions, notify, {}, somebody(Role.VIEWER, via="plugin"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("auth: {permissions: {admin: {}}}", "config.yaml:1:22 auth.permissions.admin: there is no key admin"),
        ("auth: {permissions: {operater: {}}}", "did you mean operator"),
        ("auth:\n  permissions:\n    viewer:\n      panels: {can: maybe}", "config.yaml:4:16 auth.permissions.viewer.panels.can"),
        ("auth: {permissions: {viewer: {services: {switch.turn_on: switch.x}}}}", "expected true, false or {entities:"),
        ("auth: {permissions: {viewer: {services: {switch.turn_on: {entities: x}}}}}", "auth.permissions.viewer.services"),
    ],
)
def test_what_is_written_wrongly_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigFaults) as error:
        permissions_of(text)
    assert said in str(error.value)


WORDS = st.one_of(st.booleans(), st.just({"entities": ["switch.cabin_light"]}))
SECTIONS = st.dictionaries(
    st.sampled_from(["viewer", "operator", "technician"]),
    st.fixed_dictionaries(
        {"services": st.dictionaries(st.sampled_from(["switch.turn_on", "switch.*", "relays.all_off"]), WORDS)}
    ),
)


@given(SECTIONS, st.sampled_from(Role))
def test_an_administrator_may_everything_and_who_is_not_named_may_what_the_least_role_says(
    section: dict[str, Any], least: Role
) -> None:
    section = {
        role: {"services": {k: v for k, v in one["services"].items() if k != "relays.all_off"}} for role, one in section.items()
    }
    permissions = Permissions(section)
    service = Service("switch.turn_on", nothing, "core", role=least)
    assert permissions.call_word(service, Role.ADMIN) is True
    other = Service("light.turn_on", nothing, "core", role=least)
    assert [permissions.call_word(other, role) for role in Role] == [role >= least for role in Role]


@given(SECTIONS, st.sampled_from(["viewer", "operator", "technician"]))
def test_one_word_for_one_role_never_lets_a_lower_role_do_more_than_a_higher_one(section: dict[str, Any], role: str) -> None:
    words = {k: v for k, v in section.get(role, {"services": {}})["services"].items() if k != "relays.all_off"}
    permissions = Permissions({role: {"services": words}})

    def weight(of: Role) -> int:
        word = permissions.call_word(TURN_ON, of)
        return 1 if isinstance(word, tuple) else 2 * int(word)

    weights = [weight(one) for one in Role]
    assert weights == sorted(weights)
