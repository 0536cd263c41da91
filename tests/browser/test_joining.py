"""An installer with a browser lets a new board in, sees it come, and shuts it out: a real MQTT client at a real Mosquitto."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Vehicle, serious_faults
from tests.ports import free_port

CONFIG = "autocore: {name: Blue bus}\ntelemetry:\nrelays:\n"
SOON_MS = 15_000


class Installed(Vehicle):
    """A gateway as it is installed in a vehicle: nobody enters its broker without a name."""

    def __init__(self, folder: Path) -> None:
        (folder / "config.yaml").write_text(CONFIG)
        self.mqtt_port, self.http_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.http_port}"
        ports = ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autocore", "run", "--config", str(folder), *ports],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said += self.process.stdout.readline()
        self.code = re.findall(r"code: (\S+)", said)[0]


@pytest.fixture(scope="module")
def vehicle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vehicle]:
    made = Installed(tmp_path_factory.mktemp("installed"))
    yield made
    made.end()


class Board:
    """A board with a name and a password."""

    def __init__(self, vehicle: Vehicle, name: str, username: str, password: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self.is_in = False
        self.subscribed = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        self._client.username_pw_set(username, password)
        self._client.on_connect = lambda _c, _d, _f, code, _p: setattr(self, "is_in", not code.is_failure)
        self._client.on_disconnect = lambda *_words: setattr(self, "is_in", False)
        self._client.on_subscribe = lambda *_words: setattr(self, "subscribed", self.subscribed + 1)
        self._client.on_message = lambda _c, _d, message: self.heard.append(json.loads(message.payload))
        self._client.connect("127.0.0.1", vehicle.mqtt_port)
        self._client.loop_start()
        until(lambda: self.is_in)

    def listen(self, topic: str) -> None:
        before = self.subscribed
        self._client.subscribe(topic, 1)
        until(lambda: self.subscribed > before)

    def say(self, topic: str, **words: Any) -> None:
        self._client.publish(topic, json.dumps(words), qos=1).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def until(claim: Callable[[], object], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_board_is_found_approved_and_revoked_with_a_click(page: Page, vehicle: Vehicle) -> None:
    page.goto("/devices")
    expect(page.get_by_text("No board was heard yet")).to_be_visible()
    page.get_by_role("button", name="Open join mode").click()
    code = page.locator("#joining code.secret").inner_text()
    assert serious_faults(page) == []
    new = Board(vehicle, "just-unpacked", "enrol", code)
    new.listen(f"autocore/enrol/{code}/answer")
    new.say(
        f"autocore/enrol/{code}/request", type="display", name="Dash", mac="aa:bb:cc", capabilities=["display"], firmware="1.2"
    )
    expect(page.get_by_text("dash asks to join")).to_be_visible(timeout=SOON_MS)
    assert serious_faults(page) == []
    row = page.locator("#device-dash")
    expect(row.get_by_text("Found")).to_be_visible()
    expect(row.get_by_label("press and hold what its screen shows")).to_be_checked()
    row.get_by_role("button", name="Approve").click()
    expect(row.get_by_text("Approved")).to_be_visible()
    until(lambda: new.heard)
    answer = new.heard[0]
    new.close()

    dash = Board(vehicle, "dash", answer["username"], answer["password"])
    dash.say("autocore/devices/dash/status", status="online", session="first")
    dash.say("autocore/telemetry/dash/data", brightness=80)
    dash.say("autocore/telemetry/engine/data", rpm=9_000)  # another's: the broker throws it away
    page.goto("/devices/dash")
    expect(page.get_by_text("Online", exact=True)).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_role("heading", name="Credentials")).to_be_visible()
    assert serious_faults(page) == []
    entities = page.request.get("/api/v1/entities").json()["items"]
    assert "sensor.dash_brightness" in {one["id"] for one in entities}
    assert not any("engine" in one["id"] for one in entities)
    assert "display" in page.request.get("/api/v1/devices/dash").json()["granted"]

    page.once("dialog", lambda dialog: dialog.accept())
    with page.expect_request("**/devices/dash/retire"):
        page.get_by_role("button", name="Retire").click()
    until(lambda: not dash.is_in, within_s=1.0)
    expect(page.locator(".device-standing")).to_contain_text("Retired")
    expect(page.get_by_text("Offline", exact=True)).to_be_visible()
    dash.close()
    events = page.request.get("/api/v1/events?type=device.").json()["items"]
    assert {"device.credentials", "device.joining"} <= {one["type"] for one in events}


def test_credentials_are_shown_once(page: Page) -> None:
    page.goto("/devices")
    page.get_by_text("Take a board in by hand").click()
    page.get_by_label("Id").fill("Winch Box")
    page.get_by_role("button", name="Take it in").click()
    expect(page.get_by_role("alert")).to_contain_text("a-z, 0-9, _ and -")
    page.get_by_label("Id").fill("winch_box")
    page.get_by_role("button", name="Take it in").click()
    expect(page.get_by_role("heading", name="Credentials of winch_box")).to_be_visible()
    password = page.locator("code.secret").inner_text()
    assert len(password) > 40
    assert f'"password": "{password}"' in page.locator("pre").first.inner_text()
    assert serious_faults(page) == []
    page.get_by_role("link", name="I have copied them").click()
    assert password not in page.content()
    page.get_by_role("button", name="New credentials").click()
    assert page.locator("code.secret").inner_text() != password


def test_the_pages_are_good_on_a_phone_and_on_a_desk(screen: Page, vehicle: Vehicle) -> None:
    screen.goto("/devices")
    screen.get_by_text("Cadastrar uma placa à mão").click()
    if screen.get_by_role("button", name="Abrir o modo de entrada").is_visible():
        screen.get_by_role("button", name="Abrir o modo de entrada").click()
        code = screen.locator("#joining code.secret").inner_text()
        new = Board(vehicle, "anew", "enrol", code)
        new.say(f"autocore/enrol/{code}/request", type="relay_board", capabilities=["display", "script"])
        new.close()
    expect(screen.get_by_text("pede para entrar: aprove abaixo")).to_be_visible(timeout=SOON_MS)
