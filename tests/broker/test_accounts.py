"""The broker's access list, without a broker: nobody is given what is another's, and what is not ours stays."""

from __future__ import annotations

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from autocore.broker.accounts import GATEWAY, Account, document, new_password, seal
from autocore.broker.grants import CAPABILITIES, PUBLISH, SUBSCRIBE, rights_of, rights_to_join
from autocore.core.mqtt.topics import matches

IDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
GRANTS = st.sets(st.sampled_from(sorted(CAPABILITIES)))
OF_THE_GATEWAY = (
    "devices/{id}/command",
    "devices/{id}/welcome",
    "devices/{id}/config",
    "relays/{id}/command",
    "relays/{id}/heartbeat",
    "display/{id}/values",
    "config/update",
    "config/theme",
    "gateway/status",
    "entities/{id}/state",
    "events/{id}",
)
ITS_OWN = (
    "devices/{id}/status",
    "telemetry/{id}/data",
    "relays/{id}/state",
    "display/{id}/hold",
    "can/{id}/data",
    "api/{id}/request",
)


def may(rights, kind: str, topic: str) -> bool:
    return any(one.kind == kind and matches(one.topic, topic) for one in rights)


@given(IDS, IDS, GRANTS)
def test_no_grant_lets_a_device_speak_as_another_or_as_the_gateway(device: str, other: str, granted: set[str]) -> None:
    rights = rights_of("autocore", device, granted)
    for topic in OF_THE_GATEWAY:
        assert not may(rights, PUBLISH, f"autocore/{topic.format(id=device)}")
        assert not may(rights, PUBLISH, f"autocore/{topic.format(id=other)}")
    if other != device:
        for topic in ITS_OWN:
            assert not may(rights, PUBLISH, f"autocore/{topic.format(id=other)}")
    assert not may(rights, PUBLISH, "$CONTROL/dynamic-security/v1")
    assert not any(one.kind == PUBLISH and "#" in one.topic for one in rights)


@given(IDS, IDS, GRANTS)
def test_no_grant_lets_a_device_hear_what_is_meant_for_another(device: str, other: str, granted: set[str]) -> None:
    rights = rights_of("autocore", device, granted)
    if other != device:
        for topic in (
            "devices/{id}/command",
            "devices/{id}/config",
            "relays/{id}/command",
            "telemetry/{id}/data",
            "api/{id}/response",
        ):
            assert not may(rights, SUBSCRIBE, f"autocore/{topic.format(id=other)}")
    assert may(rights, SUBSCRIBE, f"autocore/devices/{device}/welcome")
    assert not may(rights, SUBSCRIBE, "autocore/enrol/ABCDEFGHJK/answer")


def test_who_wants_to_join_may_ask_and_hear_the_answer_and_nothing_else() -> None:
    assert rights_to_join("autocore", "ABC") == [
        (PUBLISH, "autocore/enrol/ABC/request"),
        (SUBSCRIBE, "autocore/enrol/ABC/answer"),
    ]


def test_the_file_is_made_anew_and_accounts_of_others_stay() -> None:
    password = new_password()
    sealed = seal(password)
    devices = [Account("cabin", sealed, rights_of("autocore", "cabin", ()))]
    known = {
        "clients": [
            {"username": "explorer", "roles": [{"rolename": "laptop"}]},
            {"username": "winch", "roles": [{"rolename": "device-winch"}]},  # was retired while the gateway was off
            {"username": GATEWAY, "roles": "nonsense"},
            {"username": "enrol", "roles": [{"rolename": "joining"}]},
        ],
        "roles": [{"rolename": "laptop"}, {"rolename": "device-winch"}, {"rolename": "joining"}, {}],
        "groups": [{"groupname": "anonymous", "clients": [{"username": "winch"}]}, {"groupname": "mine"}],
    }
    made = document(sealed, devices, known, allows_anonymous=False)
    assert [one["username"] for one in made["clients"]] == ["explorer", GATEWAY, "cabin"]
    assert [one.get("rolename") for one in made["roles"]] == ["laptop", None, "gateway", "anonymous", "device-cabin"]
    assert [one["groupname"] for one in made["groups"]] == ["mine", "anonymous"]
    assert made["clients"][2]["clientid"] == "cabin"
    again = document(sealed, devices, {name: made[name] for name in ("clients", "roles", "groups")}, allows_anonymous=False)
    assert again == made
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(sealed.salt), sealed.iterations)
    assert base64.b64encode(digest).decode() == sealed.digest


def test_strangers_on_this_machine_may_do_all_but_control_the_broker() -> None:
    role = next(one for one in document(seal("x"), (), {}, allows_anonymous=True)["roles"] if one["rolename"] == "anonymous")
    denied = [one["topic"] for one in role["acls"] if not one["allow"]]
    assert set(denied) == {"$CONTROL/#"}
    assert min(one["priority"] for one in role["acls"] if not one["allow"]) > max(
        one["priority"] for one in role["acls"] if one["allow"]
    )
