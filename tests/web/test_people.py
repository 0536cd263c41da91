"""People: who is made, changed and removed, what is open, and what each changes of themselves; the password is asked again."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from autocore.testing import Car
from autocore.testing.car import BASE, PASSWORD

OTHER = "four other random words"
PROOF = {"own_password": PASSWORD}
API = "/api/v1"


async def log_in(car: Car, name: str = "ana", password: str = PASSWORD) -> dict[str, str]:
    web = await car.web()
    answer = await web.post(f"{API}/auth/login", json={"username": name, "password": password})
    answer.raise_for_status()
    web.cookies.clear()
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def add(car: Car, name: str, role: str) -> dict[str, str]:
    body = {"username": name, "password": PASSWORD, "role": role, **PROOF}
    (await (await car.web()).post(f"{API}/users", json=body)).raise_for_status()
    return await log_in(car, name)


# ---- Users


async def test_people_come_change_and_go_on_the_page(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    bob = {"username": "bob", "password": "short", "role": "viewer", **PROOF}
    weak = await web.post("/users", data=bob)
    assert (weak.status_code, "use at least 10 characters" in weak.text) == (400, True)
    added = await web.post("/users", data=bob | {"password": OTHER})
    assert "The user is made." in added.text
    assert "bob<small>viewer" in added.text
    promoted = await web.post("/users/bob/role", data={"role": "operator", **PROOF})
    assert "bob<small>operator" in promoted.text
    await log_in(car, "bob", OTHER)
    changed = await web.post("/users/bob/password", data={"password": "five more random words", **PROOF})
    assert "The password is changed." in changed.text
    await log_in(car, "bob", "five more random words")
    gone = await web.post("/users/bob/remove", data=PROOF)
    assert "The user is removed." in gone.text
    assert "bob<small>" not in gone.text


@pytest.mark.parametrize("act", ["", "/ana/role", "/ana/password", "/ana/remove"])
@pytest.mark.parametrize("given", ["", "not my password"])
async def test_nobody_changes_users_without_the_own_password(car: Car, act: str, given: str) -> None:
    await car.start("telemetry:")
    form = {"username": "eve", "password": OTHER, "role": "admin", "own_password": given}
    answer = await (await car.web()).post(f"/users{act}", data=form)
    assert answer.status_code == 403
    assert "this is not your own password" in answer.text
    assert "eve<small>" not in answer.text
    await log_in(car)


async def test_the_last_administrator_is_neither_removed_nor_demoted(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    for path, form in (("role", {"role": "viewer"}), ("remove", {})):
        answer = await web.post(f"/users/ana/{path}", data=form | PROOF)
        assert (answer.status_code, "last administrator" in answer.text) == (400, True)
    assert (await web.patch(f"{API}/users/ana", json={"role": "viewer", **PROOF})).status_code == 400
    assert (await web.request("DELETE", f"{API}/users/ana", json=PROOF)).status_code == 400
    await add(car, "bia", "admin")
    demoted = await web.patch(f"{API}/users/ana", json={"role": "viewer", **PROOF})
    assert demoted.json() == {"username": "ana", "role": "viewer"}
    await car.advance(1)
    assert (await web.get(f"{API}/users")).status_code == 403


async def test_over_rest_a_change_of_users_asks_for_the_own_password_too(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    body = {"username": "eve", "password": OTHER, "role": "admin"}
    for proof in ({}, {"own_password": "not my password"}):
        assert (await web.post(f"{API}/users", json=body | proof)).status_code == 403
        assert (await web.patch(f"{API}/users/ana", json={"role": "viewer"} | proof)).status_code == 403
        assert (await web.post(f"{API}/users/ana/password", json={"password": OTHER} | proof)).status_code == 403
        assert (await web.request("DELETE", f"{API}/users/ana", json=proof)).status_code == 403
    assert [one["username"] for one in (await web.get(f"{API}/users")).json()["items"]] == ["ana"]


async def test_who_guesses_the_own_password_must_wait(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    statuses = [(await web.post("/users/ana/remove", data={"own_password": f"guess {n}"})).status_code for n in range(6)]
    assert statuses == [403] * 5 + [429]


# ---- Sessions


async def test_each_sees_and_ends_own_sessions_and_an_administrator_those_of_all(car: Car) -> None:
    await car.start("telemetry:")
    ana, bob = await car.web(), await add(car, "bob", "viewer")
    await car.advance(1)
    again = await log_in(car, "bob")
    own = (await ana.get(f"{API}/auth/sessions", headers=bob)).json()["items"]
    assert [one["username"] for one in own] == ["bob", "bob"]
    assert [one["is_this"] for one in own] == [False, True]  # the newest first
    every = (await ana.get(f"{API}/auth/sessions")).json()["items"]
    assert sorted(one["username"] for one in every) == ["ana", "bob", "bob"]
    anas = next(one["id"] for one in every if one["username"] == "ana")
    assert (await ana.delete(f"{API}/auth/sessions/{anas}", headers=bob)).status_code == 404
    assert (await ana.delete(f"{API}/auth/sessions/{own[0]['id']}", headers=bob)).status_code == 204
    assert (await ana.get(f"{API}/auth/session", headers=again)).status_code == 401
    assert (await ana.delete(f"{API}/auth/sessions/{own[1]['id']}")).status_code == 204
    assert (await ana.get(f"{API}/auth/session", headers=bob)).status_code == 401


async def test_the_settings_show_own_sessions_and_end_them(car: Car) -> None:
    await car.start("telemetry:")
    web, bob = await car.web(), await add(car, "bob", "viewer")
    other = await log_in(car, "bob")
    page = (await web.get("/settings", headers=bob)).text
    (path,) = re.findall(r'action="(/settings/sessions/[^"]+/end)"', page)
    assert page.count(">this one<") == 1
    every = (await web.get(f"{API}/auth/sessions")).json()["items"]
    anas = next(one["id"] for one in every if one["username"] == "ana")
    assert (await web.post(f"/settings/sessions/{anas}/end", headers=bob)).status_code == 404
    assert "The session is ended." in (await web.post(path, headers=bob)).text
    assert (await web.get("/settings", headers=other)).status_code == 303
    assert (await web.get("/settings", headers=bob)).status_code == 200


@pytest.mark.parametrize("way", ["page", "rest"])
async def test_another_password_ends_the_other_sessions_and_not_this_one(car: Car, way: str) -> None:
    await car.start("telemetry:")
    web, bob = await car.web(), await add(car, "bob", "viewer")
    other = await log_in(car, "bob")
    if way == "page":
        form = {"own_password": PASSWORD, "password": OTHER, "again": "something else"}
        assert "the two passwords differ" in (await web.post("/settings/password", data=form, headers=bob)).text
        done = await web.post("/settings/password", data=form | {"again": OTHER}, headers=bob)
        assert "Your password is changed" in done.text
    else:
        body = {"password": OTHER, "own_password": "wrong password"}
        assert (await web.put(f"{API}/auth/password", json=body, headers=bob)).status_code == 403
        assert (await web.put(f"{API}/auth/password", json=body | PROOF, headers=bob)).status_code == 204
    assert (await web.get(f"{API}/auth/session", headers=bob)).status_code == 200
    assert (await web.get(f"{API}/auth/session", headers=other)).status_code == 401
    assert (await web.get(f"{API}/auth/session")).status_code == 200  # somebody else's
    await log_in(car, "bob", OTHER)


# ---- Tokens


async def test_a_token_is_shown_once_and_says_how_long_it_lives_and_when_it_was_used(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    made = await web.post("/tokens", data={"name": "script", "scopes": "read:*", "days": "1"})
    (text,) = re.findall(r"ac_[\w-]+", made.text)
    assert text not in await car.page("/users")
    for wrong in ("soon", "0", "-3", "99999999999999999999"):
        assert (await web.post("/tokens", data={"name": "script", "days": wrong})).status_code == 400

    async def about() -> dict[str, Any]:
        found: dict[str, Any] = (await web.get(f"{API}/auth/tokens")).json()["items"][0]
        return found

    assert (await about())["used_on"] is None
    today = (await web.get("/api/v1/auth/sessions")).json()["items"][0]["started_at"][:10]
    assert (await web.get(f"{API}/entities", headers={"Authorization": f"Bearer {text}"})).status_code == 200
    await car.core.store("test").set("written", 1)  # what was to be written before it is, too
    assert (await about())["used_on"] == today
    assert (await about())["expires_at"][:10] > today
    assert "token" not in await about()
    await car.advance(86_400 + 1)
    headers = {"Authorization": f"Bearer {text}"}
    async with httpx.AsyncClient(transport=web._transport, base_url=BASE, headers=headers) as program:
        assert (await program.get(f"{API}/entities")).status_code == 401


async def test_a_token_makes_no_token_that_may_more_than_itself(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    made = await web.post(f"{API}/auth/tokens", json={"name": "maker", "scopes": ["users:*", "auth:*"]})
    maker = {"Authorization": f"Bearer {made.json()['token']}"}
    for scopes in ("read:*", ""):
        form = {"name": "wider", "scopes": scopes}
        assert (await web.post("/tokens", data=form, headers=maker)).status_code == 403
    assert (await web.post(f"{API}/auth/tokens", json={"name": "x", "scopes": ["read:*"]}, headers=maker)).status_code == 403


# ---- PIN


async def test_a_pin_is_set_with_the_password_and_is_nowhere_in_clear(car: Car) -> None:
    pin = "730518"
    await car.start("telemetry:\nlogging: {level: debug}")
    web = await car.web()
    assert (await web.get(f"{API}/auth/session")).json()["has_pin"] is False
    assert (await web.put(f"{API}/auth/pin", json={"pin": pin})).status_code == 403
    assert (await web.put(f"{API}/auth/pin", json={"pin": "1234", **PROOF})).status_code == 400
    assert (await web.put(f"{API}/auth/pin", json={"pin": pin, **PROOF})).status_code == 204
    assert (await web.get(f"{API}/auth/session")).json()["has_pin"] is True
    assert "You have a PIN." in await car.page("/settings")
    told = await web.get(f"{API}/events")
    assert "user.pin" in told.text
    await web.post(f"{API}/services/switch/turn_on", json={"entity": "switch.winch", "pin": pin})
    for text in (told.text, (await web.get(f"{API}/audit")).text, (await web.get(f"{API}/events")).text):
        assert pin not in text
    gone = await web.post("/settings/pin/remove", data=PROOF)
    assert "You have no PIN any more." in gone.text
    await car.stop()
    holders = [one for one in (car.folder / "data").rglob("*") if one.is_file() and pin.encode() in one.read_bytes()]
    assert holders == []


async def test_a_trivial_pin_is_refused_at_its_field(car: Car) -> None:
    await car.start("telemetry:")
    answer = await (await car.web()).post("/settings/pin", data={"pin": "2580", **PROOF})
    assert answer.status_code == 400
    assert "one of the first that anybody tries" in answer.text
    assert 'aria-errormessage="pin-pin-error"' in answer.text


async def test_a_password_that_is_asked_again_begins_no_session_and_is_no_log_in(car: Car) -> None:
    await car.start("telemetry:\n")
    web = await car.web()
    before = (await web.get(f"{API}/auth/sessions")).json()["items"]
    told = (await web.get(f"{API}/events?type=auth.logged_in")).json()["items"]
    body = {"username": "bob", "password": OTHER, "role": "viewer", **PROOF}
    assert (await web.post(f"{API}/users", json=body)).is_success
    assert (await web.get(f"{API}/auth/sessions")).json()["items"] == before
    assert (await web.get(f"{API}/events?type=auth.logged_in")).json()["items"] == told
