"""Secrets are planted everywhere, and then looked for in everything that the gateway tells: logs, answers, pages, exports.

A real gateway with a real Mosquitto, every plugin that has secrets, and the log at its most talkative.
"""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
import threading
import urllib.parse
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import connect

from tests.faults.gateway import HOST, PASSWORD, GatewayProcess, OutsideBroker, until
from tests.faults.record import ROOT

CONFIG = """
autocore: {name: Van}
mqtt: {anonymous: loopback}
auth: {secret_key: !secret key}
devices: {approve: manual}
logging: {level: debug}
telemetry:
relays:
system:
can: {demo: true}
themes:
derived:
telegram: {token: !secret telegram, chats: [123456789], base_url: "http://127.0.0.1:9"}
"""
WRITTEN = {  # what the owner and the users wrote
    "key that signs": "canary-key-that-signs-log-ins-0123456789abcdef",
    "token of Telegram": "987654321:AAcanaryTokenOfTheBot0123456789",
    "password of a user": "canary password of bia",
    "another password of hers": "canary second password of bia",
    "password mistyped": "canary mistyped password",
    "password typed as a name": "canary-password-typed-as-a-name",
    "PIN": "83051749",
    "passphrase": "canary passphrase of a backup",
    "password in a service": "canary-password-in-a-service",
    "token made up": "canary-made-up-token-0123456789",
}
IDS = {
    "entity_id": "switch.light",
    "device_id": "winch_box",
    "name": "telegram",
    "username": "bia",
    "domain": "switch",
    "service": "turn_on",
}
LONGEST_CRAWL = 150


def forms(secret: str) -> set[bytes]:
    """Give how a secret may look: as it is, in a URL, in base64 and in hexadecimal digits."""
    raw = secret.encode()
    coded = base64.b64encode(raw).rstrip(b"=")
    quoted = {urllib.parse.quote(secret).encode(), urllib.parse.quote_plus(secret).encode(), json.dumps(secret)[1:-1].encode()}
    return {raw, coded, raw.hex().encode(), *quoted}


@dataclass
class Told:
    """What a gateway told, by where."""

    pieces: dict[str, list[bytes]] = field(default_factory=dict)

    def add(self, where: str, what: bytes | str) -> None:
        self.pieces.setdefault(where, []).append(what.encode() if isinstance(what, str) else what)

    def leaks(self, secrets: dict[str, str]) -> list[str]:
        return [
            f"{what} stands in {where}"
            for what, secret in secrets.items()
            for where, pieces in self.pieces.items()
            if any(one in piece for one in forms(secret) for piece in pieces)
        ]


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    gateway = GatewayProcess(tmp_path / "van", CONFIG)
    (tmp_path / "van/secrets.yaml").write_text(f'key: {WRITTEN["key that signs"]}\ntelegram: "{WRITTEN["token of Telegram"]}"\n')
    (tmp_path / "van/secrets.yaml").chmod(0o600)
    gateway.start()
    yield gateway
    gateway.end()


def plant(gateway: GatewayProcess, web: httpx.Client, secrets: dict[str, str]) -> None:
    """Do everything that has a secret in it; those that the gateway makes are put into `secrets`."""
    bearer = web.headers["Authorization"]
    secrets["session"] = web.post("/auth/login", json={"username": "ana", "password": PASSWORD}).json()["token"]
    web.cookies.clear()
    secrets["token of the test"] = bearer.removeprefix("Bearer ")
    bia = {"username": "bia", "password": secrets["password of a user"], "role": "viewer", "own_password": PASSWORD}
    assert web.post("/users", json=bia).status_code == 201
    for name, password in (("bia", "password mistyped"), ("password typed as a name", "password typed as a name")):
        body = {"username": secrets.get(name, name), "password": secrets[password]}
        assert web.post("/auth/login", json=body).status_code in (401, 429)
    body = {"password": secrets["another password of hers"], "own_password": PASSWORD}
    assert web.post("/users/bia/password", json=body).status_code == 204
    assert web.put("/auth/pin", json={"pin": secrets["PIN"], "own_password": PASSWORD}).status_code == 204
    made = web.post("/auth/tokens", json={"name": "kitchen", "scopes": ["read:*"]}).json()
    secrets["token of the kitchen"] = made["token"]
    refused = {"Authorization": f"Bearer {secrets['token made up']}"}
    assert httpx.get(f"{gateway.base}/api/v1/entities", headers=refused).status_code == 401
    added = web.post("/devices", json={"id": "winch_box", "granted": ["display"]})
    secrets["password of a board"] = added.json()["credentials"]["password"]
    secrets["code to join"] = web.post("/joining").json()["password"]  # shown as long as the window is open
    assert web.delete("/joining").status_code == 204
    for service, data in (("telegram/pair", {"role": "viewer"}), ("switch/turn_on", {"entity": "switch.light"})):
        web.post(f"/services/{service}", json={**data, "password": secrets["password in a service"]})
        web.post(f"/services/{service}", json={**data, "pin": secrets["PIN"]})
    for section in ({"token": "not a token " + secrets["token made up"]}, {"chats": [secrets["token made up"]]}):
        assert web.put("/config/telegram", json=section).status_code in (400, 409, 422)
    for wish in ({"passphrase": secrets["passphrase"], "history": False}, {"history": True}):
        job = web.post("/backup", json=wish).json()
        until(lambda job=job: web.get(f"/backup/{job['id']}").json()["state"] != "running", 20, "no backup")
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, gateway.mqtt_port)
    client.loop_start()
    for number, token in enumerate((secrets["token made up"], secrets["token of the kitchen"])):
        asked = {"id": str(number), "get": "entities", "token": token}
        client.publish("autocore/api/kitchen/request", json.dumps(asked), 1).wait_for_publish(5)
    client.publish("autocore/telemetry/winch_box/data", json.dumps({"level": 4}), 1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()
    wrong = paho.Client(CallbackAPIVersion.VERSION2, client_id="winch_box")
    wrong.username_pw_set("winch_box", secrets["password mistyped"])
    wrong.connect(HOST, gateway.mqtt_port)
    for _ in range(50):
        wrong.loop(0.02)


def ask_everything(gateway: GatewayProcess, web: httpx.Client, told: Told) -> None:
    """Read every document of REST and every page that is linked, as the administrator."""
    document = web.get(f"{gateway.base}/schema/openapi.json").json()
    answered = 0
    for path, operations in document["paths"].items():
        if "get" not in operations:
            continue
        there = re.sub(r"\{(\w+)\}", lambda found: IDS.get(found[1], "1"), path)
        answer = web.get(f"{gateway.base}{there}")
        answered += answer.status_code == 200
        told.add(f"GET {path}", answer.content)
    assert answered > 25
    for name in ("telegram", "relays", "can", "system"):
        told.add("diagnostics", web.get(f"/plugins/{name}/diagnostics").content)
    for item in web.get("/backup").json()["items"]:
        content = web.get(f"/backup/files/{item['name']}").content
        told.add("a backup", content)
        if not item["is_encrypted"]:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    told.add(f"{name} in a backup", archive.read(name))
    seen, waiting = set[str](), ["/"]
    while waiting and len(seen) < LONGEST_CRAWL:
        there = waiting.pop(0)
        seen.add(there)
        answer = web.get(f"{gateway.base}{there}", headers={"Accept": "text/html"}, follow_redirects=True)
        told.add(f"page {there}", answer.content)
        found = re.findall(r'href="(/[^"#]*)', answer.text) if "html" in answer.headers.get("content-type", "") else []
        waiting += [one for one in dict.fromkeys(found) if one not in seen and one not in waiting and "/static/" not in one]
    assert len(seen) > 25


def listen(gateway: GatewayProcess, web: httpx.Client, told: Told) -> Any:
    """Hear everything that the live stream and the broker tell; the answer ends it and says how much was heard."""
    url = gateway.base.replace("http", "ws") + "/api/v1/live"
    line = connect(url, additional_headers={"Authorization": web.headers["Authorization"]})
    socket = line.__enter__()
    socket.send(json.dumps({"subscribe": {"patterns": ["*"], "events": ["*"]}}))

    def hear() -> None:
        for word in socket:
            told.add("the live stream", word)

    thread = threading.Thread(target=hear)
    thread.start()
    ear = paho.Client(CallbackAPIVersion.VERSION2)
    ear.on_message = lambda _client, _data, message: told.add(
        "the broker", b"" if "/enrol/" in message.topic or message.topic.endswith("/request") else message.payload
    )
    ear.connect(HOST, gateway.mqtt_port)
    ear.subscribe("autocore/#")
    ear.loop_start()

    def end() -> None:
        line.__exit__(None, None, None)
        thread.join(5)
        ear.disconnect()
        ear.loop_stop()

    return end


def commands(gateway: GatewayProcess, told: Told) -> None:
    """Run what prints something of a folder."""
    where = ["--config", str(gateway.folder)]
    for words in (
        ["check"],
        ["doctor"],
        ["plugin", "list"],
        ["device", "list"],
        ["user", "list"],
        ["token", "list"],
        ["asyncapi"],
    ):
        done = subprocess.run([sys.executable, "-m", "autocore", *words, *where], cwd=ROOT, capture_output=True, check=False)
        told.add(f"autocore {' '.join(words)}", done.stdout + done.stderr)


def processes(gateway: GatewayProcess, told: Told) -> None:
    """Read what every user of the machine can see of the gateway and its children."""
    pids = [gateway.pid, *map(int, Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text().split())]
    assert len(pids) > 1
    for pid in pids:
        told.add("a command line", Path(f"/proc/{pid}/cmdline").read_bytes())


def test_no_secret_is_told_anywhere(gateway: GatewayProcess) -> None:
    secrets, told = dict(WRITTEN), Told()
    web = gateway.admit()
    end = listen(gateway, web, told)
    plant(gateway, web, secrets)
    ask_everything(gateway, web, told)
    processes(gateway, told)
    commands(gateway, told)
    end()
    gateway.end()
    told.add("the terminal", gateway.said())
    for file in (gateway.data / "logs").iterdir():
        told.add("the log", file.read_bytes())
    assert len(told.pieces["the live stream"]) > 3
    assert len(told.pieces["the broker"]) > 3
    assert b"winch_box" in told.pieces["the log"][0]
    assert told.leaks(secrets) == []


def test_what_is_kept_on_disk_of_a_secret_is_a_hash_or_is_its_owners_file(gateway: GatewayProcess) -> None:
    secrets = dict(WRITTEN)
    web = gateway.admit()
    plant(gateway, web, secrets)
    gateway.end()
    told = Told()
    for file in gateway.folder.rglob("*"):
        if file.is_file() and file.name != "secrets.yaml":
            told.add(str(file.relative_to(gateway.folder)), file.read_bytes())
    assert told.leaks(secrets) == []


def test_a_secret_that_stands_in_an_open_file_is_not_shown_either(tmp_path: Path) -> None:
    canary = "canary-of-the-broker"
    broker = OutsideBroker(tmp_path / "broker")
    text = CONFIG.replace("{anonymous: loopback}", f'{{broker: "mqtt://van:{canary}@{HOST}:{broker.port}"}}')
    text = text.replace("!secret telegram", f'"{WRITTEN["token of Telegram"]}"').replace("!secret key", WRITTEN["key that signs"])
    gateway = GatewayProcess(tmp_path / "van", text)
    try:
        gateway.start()
        told = Told()
        web = gateway.admit()
        ask_everything_of_the_configuration(gateway, web, told)
        commands(gateway, told)
    finally:
        gateway.end()
        broker.end()
    told.add("the terminal", gateway.said())
    assert b"Van" in told.pieces["/api/v1/config"][0]
    assert told.leaks(WRITTEN | {"password of the broker": canary}) == []


def ask_everything_of_the_configuration(gateway: GatewayProcess, web: httpx.Client, told: Told) -> None:
    for path in (
        "/api/v1/config",
        "/configuration",
        "/plugins/telegram",
        "/monitoring",
        "/api/v1/plugins/telegram/diagnostics",
        "/tls",
    ):
        told.add(path, web.get(f"{gateway.base}{path}").content)


def test_the_look_for_canaries_finds_them_in_every_disguise() -> None:
    for disguise in (
        b"x canary pass y",
        b"canary%20pass",
        b"canary+pass",
        base64.b64encode(b"canary pass"),
        b"canary pass".hex().encode(),
    ):
        told = Told({"a log": [b"nothing", disguise]})
        assert told.leaks({"it": "canary pass"}) == ["it stands in a log"]
