"""The page CAN and the pieces of it that are drawn anew: the traffic, and the form in which signals are chosen."""

from __future__ import annotations

import html
import json

import pytest

from tests.conftest import Running, Start, eventually
from tests.plugins.can.samples import VEHICLE, engine
from tests.plugins.can.test_gateway import Wire, config, has_signals, repeat, signals, upload, wire

__all__ = ["config", "wire"]  # fixtures

EMPTY = "logging: {level: error}\nmqtt: {anonymous: loopback}\ncan:\n"
PORTUGUESE = {"Accept-Language": "pt-BR"}


async def page(gateway: Running, path: str = "/can", **headers: str) -> str:
    answer = await gateway.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


async def test_an_empty_page_says_what_to_do_next(start: Start) -> None:
    gateway = await start(EMPTY)
    english = await page(gateway, **{"Accept-Language": "en"})
    for words in ("No CAN bus is configured", "No signal is chosen yet", "No frame has been heard yet", "config.yaml"):
        assert words in english
    portuguese = await page(gateway, **PORTUGUESE)
    for words in ("Nenhum barramento CAN", "Nenhum sinal foi escolhido ainda", "Nenhum quadro foi ouvido ainda"):
        assert words in portuguese
    chooser = await page(gateway, "/api/v1/can/chooser")
    assert "There is no DBC file yet" in chooser
    assert "Ainda não há arquivo DBC" in await page(gateway, "/api/v1/can/chooser", **PORTUGUESE)


async def test_the_page_shows_buses_signals_and_traffic(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config)
    await repeat(gateway, wire, "sensor.gear", "Drive", (0x123, engine(812.5, gear=3)))
    shown = await page(gateway, **PORTUGUESE)
    for words in (
        f"virtual {wire.channel}",
        'entity="sensor.engine_rpm"',
        "Engine.EngineRPM",
        "0x123",
        engine(812.5, gear=3).hex(),
        "Online",
    ):
        assert words in shown
    assert "<script>" not in shown
    assert "style=" not in shown.partition("<main")[2]
    traffic = await page(gateway, "/api/v1/can/traffic", **PORTUGUESE)
    assert engine(812.5, gear=3).hex() in traffic
    assert "Identificador" in traffic


async def test_a_signal_is_chosen_with_a_click(start: Start, wire: Wire) -> None:
    gateway = await start(f"{EMPTY}  buses: [{{name: main, interface: virtual, channel: {wire.channel}}}]\n")
    piece = await upload(gateway, "van.dbc", VEHICLE.encode(), **{"HX-Request": "true"})
    assert (piece.status_code, piece.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert piece.headers["HX-Trigger"] == "can-signals"
    assert "van.dbc" in piece.text
    form = {"dbc": "van.dbc", "message": "Engine", "signal": "EngineRPM", "q": "rpm", "on": "yes"}
    chosen = await gateway.client.post("/api/v1/can/choose", data=form)
    assert (chosen.status_code, 'aria-checked="true"' in chosen.text) == (200, True)
    assert "OilPressure" not in chosen.text  # the search stays
    await repeat(gateway, wire, "sensor.engine_rpm", 812.5, (0x123, engine(812.5)))
    again = await gateway.client.post("/api/v1/can/choose", data={**form, "on": "no"})
    assert 'aria-checked="true"' not in again.text
    assert not await gateway.has("sensor.engine_rpm", 812.5)
    gone = await gateway.client.post("/api/v1/can/forget", data={"dbc": "van.dbc"}, headers=PORTUGUESE)
    assert "Ainda não há arquivo DBC" in gone.text
    assert await signals(gateway) == []


@pytest.mark.parametrize(
    ("path", "form", "words"),
    [
        ("choose", {"signal": "Nothing", "message": "Engine", "dbc": "vehicle.dbc", "on": "yes"}, "no DBC file has a signal"),
        ("choose", {}, "Nothing was changed"),
        ("choose", {"signal": "EngineRPM", "message": "Engine", "dbc": "vehicle.dbc", "on": "no"}, "stands in the configuration"),
        ("forget", {"dbc": "vehicle.dbc"}, "stands in the configuration"),
        ("forget", {"dbc": "../../x.dbc"}, "there is no DBC file"),
    ],
)
async def test_what_goes_wrong_is_said_on_the_page(
    start: Start, config: str, path: str, form: dict[str, str], words: str
) -> None:
    gateway = await start(config)
    await eventually(lambda: has_signals(gateway))
    answer = await gateway.client.post(f"/api/v1/can/{path}", data=form)
    assert (answer.status_code, 'role="alert"' in answer.text, words in html.unescape(answer.text)) == (200, True, True)
    assert "HX-Trigger" not in answer.headers


async def test_a_broken_upload_is_said_on_the_page_and_nothing_of_it_is_html(start: Start, config: str) -> None:
    gateway = await start(config)
    await eventually(lambda: has_signals(gateway))
    piece = await upload(gateway, "x.dbc", b"<img src=x onerror=alert(1)>", **{"HX-Request": "true"})
    assert (piece.status_code, 'role="alert"' in piece.text) == (200, True)
    assert "<img" not in piece.text


async def test_the_support_bundle_tells_the_state_of_everything(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config)
    await repeat(gateway, wire, "sensor.engine_rpm", 812.5, (0x123, engine(812.5)))
    assert gateway.gateway.plugins is not None
    told = await gateway.gateway.plugins.ask("can", "diagnostics")
    assert json.loads(json.dumps(told)) == told
    assert told["dbc"] == [{"name": "vehicle.dbc", "origin": "config", "problem": None}]
    assert (told["buses"][0]["online"], len(told["signals"]), told["problems"]) == (True, 7, [])
