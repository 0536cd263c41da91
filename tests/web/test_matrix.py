"""Every route, plugins' too, asked as nobody, as each role and with limited tokens: the answer is what the route declares.

The routes are those of the running application, and behind the guards stands a marker instead of the handlers: nothing is
done, and no answer of a handler can be taken for one of the guard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import httpx
import pytest
from litestar import Litestar, Response, get
from litestar.routes import HTTPRoute, WebSocketRoute
from litestar.routes.base import BaseRoute

from autocore.core.errors import PermissionDenied
from autocore.core.model import INTERNAL, Role, needs
from autocore.testing import Car
from autocore.testing.car import BASE
from autocore.web.access import DELEGATED, guard
from autocore.web.gate import CALLER
from tests.web.test_people import API, add, log_in

TANK = '''
from litestar import get, post

from autocore.api import Role, hookimpl, needs


@hookimpl
def routes():
    @get("/level", opt=needs(Role.VIEWER, "tank:read"))
    async def level() -> dict[str, int]:
        return {"level": 40}

    @post("/empty")
    async def empty() -> None:
        """Say nothing about who may."""

    return [level, empty]
'''
CONFIG = "telemetry:\nrelays:\nsystem:\ncan: {demo: true}\nthemes:\ntelegram:\nderived:\nbattery:\ntank:\n"
THROUGH = 218  # what no handler and no guard answers
SAMPLES = {"int": "7", "float": "1.5", "uuid": "00000000-0000-4000-8000-000000000000"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Asked:
    """A route with one method."""

    method: str
    path: str
    is_open: bool
    role: Role | None
    action: str | None


def app_of(car: Car) -> Litestar:
    """Give the application behind the gate."""
    assert car._gateway is not None
    app: Litestar = car._gateway.site._app
    return app


def asked_of(routes: list[BaseRoute]) -> Iterator[Asked]:
    """Give every HTTP route with every method that it takes."""
    for route in routes:
        if isinstance(route, HTTPRoute):
            path = "/" + "/".join(
                one if isinstance(one, str) else SAMPLES.get(one.type.__name__, "zz") for one in route.path_components
            )
            for method, (handler, _) in route.route_handler_map.items():
                if method in METHODS:  # OPTIONS is Litestar's own; the guard refuses it
                    opt = handler.opt
                    yield Asked(method, path, bool(opt.get("is_open")), opt.get("role"), opt.get("action"))


def is_allowed(asked: Asked, role: Role | None, scopes: tuple[str, ...] = ()) -> bool:
    if asked.is_open:
        return True
    if role is None or asked.role is None or asked.action is None or role < asked.role:
        return False
    return not scopes or asked.action == DELEGATED or any(fnmatchcase(asked.action, one) for one in scopes)


@pytest.fixture
async def whole(car: Car) -> Car:
    """A vehicle with every plugin and one of its own."""
    (car.folder / "plugins").mkdir()
    (car.folder / "plugins" / "tank.py").write_text(TANK)
    await car.start(CONFIG)
    return car


async def callers(car: Car) -> dict[str, tuple[dict[str, str], Role | None, tuple[str, ...]]]:
    """Give everybody who may ask: headers, role, scopes."""
    web = await car.web()
    found: dict[str, tuple[dict[str, str], Role | None, tuple[str, ...]]] = {
        "nobody": ({}, None, ()),
        "admin": (await log_in(car), Role.ADMIN, ()),
    }
    for role in (Role.VIEWER, Role.OPERATOR, Role.TECHNICIAN):
        name = role.name.lower()
        found[name] = (await add(car, name, name), role, ())
    for scopes in (("read:*",), ("pages:*", "can:*"), ("services:switch.*",)):
        made = await web.post(f"{API}/auth/tokens", json={"name": "limited", "scopes": scopes})
        found[f"a token for {scopes}"] = ({"Authorization": f"Bearer {made.json()['token']}"}, Role.ADMIN, scopes)
    return found


async def test_every_route_answers_each_role_as_it_declares(whole: Car, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(asked_of(app_of(whole).routes))
    everybody = await callers(whole)

    async def through(*_: Any, **__: Any) -> Any:
        return Response(None, status_code=THROUGH).to_asgi_response(app=None, request=_Request())  # type: ignore[arg-type]

    monkeypatch.setattr(HTTPRoute, "_call_handler_function", through)
    transport = (await whole.web())._transport
    wrong: list[str] = []
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        for asked in every:
            for name, (headers, role, scopes) in everybody.items():
                status = (await client.request(asked.method, asked.path, headers=headers)).status_code
                is_page = asked.method == "GET" and not asked.path.startswith(("/api/", "/schema/", "/metrics"))
                refusal = (303 if is_page else 401) if role is None else 403
                expected = THROUGH if is_allowed(asked, role, scopes) else refusal
                if status != expected:
                    wrong.append(f"{asked.method} {asked.path} as {name}: {status}, not {expected}")
    assert wrong == []
    assert len(every) > 120
    assert {"/api/v1/tank/level", "/api/v1/tank/empty", "/api/v1/live"} & {one.path for one in every} == {
        "/api/v1/tank/level",
        "/api/v1/tank/empty",
    }


class _Request:
    """As much of a request as an empty answer wants to know."""

    method = "GET"

    class url:  # noqa: N801  # a name of Litestar's
        path = "/"


async def test_every_route_says_who_may_use_it_plugins_too(whole: Car) -> None:
    silent = [one for one in asked_of(app_of(whole).routes) if not one.is_open and not (one.role and one.action)]
    sockets = [one.route_handler.opt for one in app_of(whole).routes if isinstance(one, WebSocketRoute)]
    assert silent == []
    assert sockets
    assert all(one.get("role") and one.get("action") for one in sockets)
    (empty,) = [one for one in asked_of(app_of(whole).routes) if one.path.endswith("tank/empty")]
    assert empty.role is Role.ADMIN


async def test_only_these_routes_are_open_to_anybody(whole: Car) -> None:
    assert {one.path for one in asked_of(app_of(whole).routes) if one.is_open} == {
        "/health",
        "/ready",
        "/login",
        "/setup",
        "/look.css",
        "/static/zz",
        "/api/v1/auth/login",
        "/api/v1/auth/setup",
    }


def test_a_route_that_says_nothing_is_open_to_nobody() -> None:
    @get("/forgotten")
    async def forgotten() -> None:
        """Say nothing about who may."""

    @get("/half", opt={"role": Role.VIEWER})
    async def half() -> None:
        """Say half of it."""

    class Connection:
        scope: ClassVar = {CALLER: INTERNAL}

    for handler in (forgotten, half):
        with pytest.raises(PermissionDenied, match="so nobody may"):
            guard(Connection(), handler)  # type: ignore[arg-type]  # as much of a connection as the guard looks at
    assert next(iter(asked_of(Litestar([forgotten]).routes))) == Asked("GET", "/forgotten", False, None, None)
    assert needs(Role.ADMIN, "x") == {"role": Role.ADMIN, "action": "x"}


async def test_every_service_refuses_the_roles_below_its_own_and_no_other(whole: Car) -> None:
    web = await whole.web()
    everybody = {name: one for name, one in (await callers(whole)).items() if one[1] is not None and not one[2]}
    wrong = []
    for service in whole.core.services:
        for name, (headers, role, _) in everybody.items():
            path = f"{API}/services/{service.name.replace('.', '/', 1)}"
            answer = await web.post(path, json={"nobody": "knows this"}, headers=headers)
            assert role is not None
            if (answer.status_code == 403) is (role >= service.role):
                wrong.append(f"{service.name} as {name}: {answer.status_code}")
    assert wrong == []


async def test_the_live_socket_is_closed_to_nobody_and_to_tokens_for_something_else(whole: Car) -> None:
    assert whole._gateway is not None
    for name, (headers, role, scopes) in (await callers(whole)).items():
        sent: list[dict[str, Any]] = []
        inbox = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

        async def receive(inbox: list[dict[str, Any]] = inbox) -> dict[str, Any]:
            return inbox.pop(0) if inbox else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: dict[str, Any], sent: list[dict[str, Any]] = sent) -> None:
            sent.append(message)

        scope = {
            "type": "websocket",
            "path": "/api/v1/live",
            "raw_path": b"/api/v1/live",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), *((k.lower().encode(), v.encode()) for k, v in headers.items())],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "scheme": "ws",
            "subprotocols": [],
        }
        await whole._gateway.site(scope, receive, send)
        is_in = role is not None and (not scopes or "read:*" in scopes)
        assert (sent[0]["type"] == "websocket.accept") is is_in, name
