"""The first-run wizard as plain forms: each step writes what the configuration's forms would, and can be left and found again."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import yaml

from autocore.core.config import load
from autocore.testing import Car
from autocore.testing.car import ADMIN, BASE, PASSWORD
from autocore.web.pages.wizard import BrokerForm, _url_of
from autocore.web.trybroker import REASONS, sentence_for
from tests.conftest import Start
from tests.ports import free_port

ADMINISTRATOR = {"username": ADMIN, "password": PASSWORD, "again": PASSWORD}
VEHICLE = {"name": "Blue bus", "language": "pt-BR", "units": "imperial", "timezone": "America/Sao_Paulo"}


class Phone:
    """A browser without scripts that keeps its cookie and follows nothing by itself."""

    def __init__(self, car: Car) -> None:
        assert car._gateway is not None
        self.code = car._gateway.setup_code
        self.gateway = car._gateway
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(car._gateway.site), base_url=BASE)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers={"Accept-Language": "en"})

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.client.post(path, data=form, headers={"Origin": BASE, "Accept-Language": "en"})

    async def begin(self, **more: str) -> httpx.Response:
        return await self.post("/setup", code=self.code or "", **ADMINISTRATOR, **more)


@pytest.fixture
async def phone(car: Car) -> AsyncIterator[Phone]:
    await car.start("telemetry:")
    made = Phone(car)
    yield made
    await made.client.aclose()


def written(car: Car, name: str) -> Any:
    return yaml.safe_load((car.folder / f"config.d/{name}.yaml").read_text())


async def test_from_the_code_to_the_dashboard(car: Car, phone: Phone) -> None:
    assert (await phone.get("/")).headers["location"] == "/setup"
    assert (await phone.begin()).headers["location"] == "/setup/vehicle"
    assert (await phone.post("/setup/vehicle", **VEHICLE)).headers["location"] == "/setup/broker"
    assert written(car, "autocore") == VEHICLE
    assert (await phone.post("/setup/broker", kind="own")).headers["location"] == "/setup/board"
    assert not (car.folder / "config.d/mqtt.yaml").exists()
    assert 'href="/devices"' in (await phone.get("/setup/board")).text
    assert (await phone.post("/setup/board")).headers["location"] == "/setup/done"
    assert "Finish and start again" in (await phone.get("/setup/done")).text
    last = await phone.post("/setup/done")
    assert last.headers["refresh"] == "8; url=/"
    assert phone.gateway.restart.is_set()
    core = load(car.folder).core.autocore
    assert (core.name, core.language, core.units, core.timezone) == ("Blue bus", "pt-BR", "imperial", "America/Sao_Paulo")
    await car.stop()
    await car.start("telemetry:")
    assert "Blue bus" in await car.page("/", "en")
    assert "Finish setting up" not in await car.page("/settings")


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(phone: Phone) -> None:
    weak = await phone.post("/setup", code=phone.code or "", username="ana", password="password123", again="password123")
    assert (weak.status_code, 'aria-errormessage="error-password"' in weak.text) == (400, True)
    assert "anybody tries" in weak.text
    assert 'value="ana"' in weak.text
    assert "password123" not in weak.text
    await phone.begin()
    empty = await phone.post("/setup/vehicle", **VEHICLE | {"name": ""})
    assert (empty.status_code, 'aria-errormessage="vehicle-name-error"' in empty.text) == (400, True)
    nowhere = await phone.post("/setup/vehicle", **VEHICLE | {"timezone": "Moon/Tranquility"})
    assert (nowhere.status_code, "expected a time zone" in nowhere.text) == (400, True)


async def test_it_is_left_at_any_step_and_goes_on_from_the_settings(phone: Phone) -> None:
    await phone.begin()
    assert (await phone.get("/")).status_code == 200  # left
    settings = (await phone.get("/settings")).text
    assert "Finish setting up" in settings
    assert 'href="/setup/vehicle"' in settings
    await phone.post("/setup/vehicle", **VEHICLE)
    assert 'href="/setup/broker"' in (await phone.get("/settings")).text
    assert (await phone.get("/setup")).headers["location"] == "/setup/broker"
    await phone.post("/setup/done")
    assert "Finish setting up" not in (await phone.get("/settings")).text
    assert (await phone.get("/setup")).headers["location"] == "/"


async def test_what_stands_in_a_hand_written_file_is_shown_with_its_place_and_left_alone(car: Car) -> None:
    await car.start("autocore: {name: Old bus, timezone: UTC}\nmqtt: {root: autocore}\n")
    phone = Phone(car)
    before = (car.folder / "config.yaml").read_text()
    await phone.begin()
    page = (await phone.get("/setup/vehicle")).text
    assert re.search(r"These stand in config.yaml:\d:1; change them there.", page)
    assert "Old bus" in page
    assert 'name="name"' not in page
    assert (await phone.post("/setup/vehicle", **VEHICLE)).headers["location"] == "/setup/broker"
    assert "These stand in config.yaml:" in (await phone.get("/setup/broker")).text
    assert (await phone.post("/setup/broker", kind="other", address="192.0.2.1")).headers["location"] == "/setup/board"
    assert "Everything holds already" in (await phone.get("/setup/done")).text
    assert (await phone.post("/setup/done")).headers["location"] == "/"
    assert (car.folder / "config.yaml").read_text() == before
    assert not (car.folder / "config.d").exists()
    await phone.client.aclose()


async def test_the_language_of_the_first_step_stays_that_of_its_person(phone: Phone) -> None:
    english = (await phone.get("/setup")).text
    (path,) = re.findall(r'href="(/setup\?language=pt-BR)"', english)
    page = (await phone.get(path)).text
    assert '<html lang="pt-BR"' in page
    assert "Código de configuração" in html.unescape(page) or "ódigo" in html.unescape(page)
    wrong = await phone.post(path, code="AAAA-AAAA", language="pt-BR", **ADMINISTRATOR)
    assert '<html lang="pt-BR"' in wrong.text
    await phone.begin(language="pt-BR")
    assert '<html lang="pt-BR"' in (await phone.get("/setup/vehicle")).text
    assert '<option value="pt-BR" selected>' in (await phone.get("/setup/vehicle")).text


async def test_a_broker_that_does_not_answer_is_said_so_and_written_only_on_demand(car: Car, phone: Phone) -> None:
    await phone.begin()
    there = {"kind": "other", "address": f"127.0.0.1:{free_port()}", "username": "gateway", "password": 'not: "easy" # at all'}
    for act, status in (("try", 200), ("save", 400)):
        answer = await phone.post("/setup/broker", **there, act=act)
        assert answer.status_code == status
        assert "Nothing listens there." in answer.text
        assert "easy" not in answer.text
    assert not (car.folder / "config.d").exists()
    (car.folder / "secrets.yaml").write_text("telegram: abc  # mine\n")
    saved = await phone.post("/setup/broker", **there, act="anyway")
    assert saved.headers["location"] == "/setup/board"
    part = (car.folder / "config.d/mqtt.yaml").read_text()
    assert part.endswith("broker: !secret 'mqtt_broker'\n")
    secrets = (car.folder / "secrets.yaml").read_text()
    assert secrets.startswith("telegram: abc  # mine\nmqtt_broker: ")
    broker = load(car.folder).core.mqtt.broker
    assert broker == f"mqtt://gateway:not%3A%20%22easy%22%20%23%20at%20all@{there['address']}"
    page = (await phone.get("/setup/broker")).text
    assert f"mqtt://{there['address']}" in page
    assert "easy" not in page
    await phone.post("/setup/broker", **there | {"password": "another"}, act="anyway")
    assert (car.folder / "secrets.yaml").read_text().count("mqtt_broker") == 1
    await phone.post("/setup/broker", kind="own")
    assert load(car.folder).core.mqtt.broker == "auto"
    await car.stop()
    await car.start("telemetry:")  # and none of it counts as damaged


async def test_a_secret_that_a_person_wrote_is_never_written_over(car: Car, phone: Phone) -> None:
    await phone.begin()
    (car.folder / "secrets.yaml").write_text("mqtt_broker: mqtt://mine\n")
    there = {"kind": "other", "address": "127.0.0.1:1", "username": "gateway", "password": "x"}
    answer = await phone.post("/setup/broker", **there, act="anyway")
    assert answer.status_code == 409
    assert "secrets.yaml:1 has mqtt_broker already" in answer.text
    assert (car.folder / "secrets.yaml").read_text() == "mqtt_broker: mqtt://mine\n"


async def test_a_broker_that_answers_is_told_so(start: Start) -> None:
    gateway = await start("mqtt: {anonymous: loopback}\nlogging: {level: error}\n")
    from autocore.core.clock import SystemClock  # noqa: PLC0415  # only here
    from autocore.core.mqtt.endpoint import Endpoint  # noqa: PLC0415
    from autocore.web.trybroker import wrong_with  # noqa: PLC0415

    right = gateway.broker
    assert await wrong_with(SystemClock(), Endpoint(right.host, right.port)) == ("", "")
    sentence, _ = await wrong_with(SystemClock(), Endpoint(right.host, right.port, "nobody", "wrong"))
    assert sentence == "The broker refuses the name or the password."
    sentence, _ = await wrong_with(SystemClock(), Endpoint("127.0.0.1", gateway.gateway.http_port))
    assert sentence in [one for _, one in REASONS]
    sentence, _ = await wrong_with(SystemClock(), Endpoint(right.host, right.port, tls=True))
    assert sentence in [one for _, one in REASONS]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("192.168.4.1", "mqtt://192.168.4.1:1883"),
        (" mqtts://broker.lan ", "mqtts://broker.lan:8883"),
        ("[fd00::1]:1884", "mqtt://[fd00::1]:1884"),
    ],
)
def test_an_address_is_taken_as_people_write_it(address: str, url: str) -> None:
    assert _url_of(BrokerForm("other", address)) == url


@pytest.mark.parametrize("address", ["", "http://x", "mqtt://", "mqtt://x:99999", "mqtt://me:secret@x", "mqtt://x/path", "a b:c"])
async def test_what_is_no_address_is_refused_at_its_field(phone: Phone, address: str) -> None:
    await phone.begin()
    answer = await phone.post("/setup/broker", kind="other", address=address)
    assert answer.status_code == 400
    assert 'aria-errormessage="broker-address-error"' in answer.text


def test_what_no_sentence_is_known_for_is_said_as_it_is() -> None:
    assert sentence_for("[Errno 99] weird") == "The broker cannot be used: %(reason)s"


@pytest.mark.parametrize("path", ["vehicle", "broker", "board", "done"])
async def test_the_steps_are_the_administrators(car: Car, phone: Phone, path: str) -> None:
    assert (await phone.get(f"/setup/{path}")).headers["location"] == "/setup"
    await phone.begin()
    body = {"username": "bob", "password": PASSWORD, "role": "technician", "own_password": PASSWORD}
    (await phone.client.post("/api/v1/users", json=body, headers={"Origin": BASE})).raise_for_status()
    token = (await phone.client.post("/api/v1/auth/login", json=body, headers={"Origin": BASE})).json()["token"]
    phone.client.cookies.clear()
    bob = {"Authorization": f"Bearer {token}"}
    assert (await phone.client.get(f"/setup/{path}", headers=bob)).status_code == 403
    assert (await phone.client.get("/setup", headers=bob)).headers["location"] == "/"
    assert "Finish setting up" not in (await phone.client.get("/settings", headers=bob)).text


async def test_times_are_shown_in_the_zone_of_the_configuration(car: Car) -> None:
    await car.start("autocore: {timezone: Pacific/Kiritimati}")  # 14 hours ahead
    told = (await (await car.web()).get("/api/v1/auth/sessions")).json()["items"][0]["started_at"]
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415  # only here

    here = datetime.fromisoformat(told).astimezone(UTC) + timedelta(hours=14)
    assert f"{here:%Y-%m-%d %H:%M:%S}" in await car.page("/users")
    await car.stop()
    await car.start("telemetry:")
    assert f"{here:%Y-%m-%d %H:%M:%S}" not in await car.page("/users")
