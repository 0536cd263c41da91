"""A channel is named, limited and protected in the web, without a file; what would not run is not written."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import yaml

from autocore.testing import Car
from autocore.web.pages.nested import replaced, value_at
from autocore_plugins.relays.schema import SCHEMA

CHANNEL = "/configuration/relays/part/boards/0/channels/1"


def written(car: Car) -> dict[str, Any]:
    file = car.folder / "config.d/relays.yaml"
    section: dict[str, Any] = yaml.safe_load(file.read_text()) if file.exists() else {}
    return section


@pytest.fixture
async def web(car: Car) -> httpx.AsyncClient:
    await car.start("system:\n")
    client = await car.web()
    answer = await client.post("/configuration/relays", data={"discover": "true", "boards": "[]"})
    assert answer.status_code == 303
    return client


async def test_a_board_and_its_channels_are_added_limited_and_taken_out_without_a_file(car: Car, web: httpx.AsyncClient) -> None:
    assert "Add" in await car.page("/configuration/relays")
    board = "/configuration/relays/part/boards/0"
    refused = await web.post(board, data={"device": "bar"})
    assert (refused.status_code, "channels is missing" in refused.text) == (400, True)
    added = await web.post(board, data={"device": "bar", "channels": '{"1": {"name": "Light"}}'})
    assert added.status_code == 303, re.findall(r'role="(?:alert|status)">.*', added.text)
    board_form = await car.page(board)
    assert "1: Light" in board_form
    assert (await web.get("/configuration/relays/add/boards/0/channels", params={"key": "2"})).headers["location"].endswith("/2")
    limits = {"name": "Winch", "purpose": "winch", "max_on": "2min", "interlock": "winch", "allow_in_automation": ""}
    assert (await web.post(f"{board}/channels/2", data=limits)).status_code == 303
    assert (await web.post(f"{board}/channels/1", data={"name": "Light", "protection": "confirm"})).status_code == 303
    channels = written(car)["boards"][0]["channels"]
    assert channels == {
        1: {"name": "Light", "protection": "confirm", "dashboard": False},
        2: {"name": "Winch", "purpose": "winch", "max_on": "2min", "interlock": "winch", "dashboard": False},
    }
    assert car.entity("switch.winch").description.attributes["type"] == "momentary"
    assert car.entity("switch.light").description.protection == "confirm"
    assert (await web.post(f"{board}/channels/2", data={"take_out": "yes"})).status_code == 303
    assert list(written(car)["boards"][0]["channels"]) == [1]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"name": "Light", "purpose": "fuel"}, "what is safe for fuel"),
        ({"name": ""}, "name"),
        ({"name": "Light", "type": "timed"}, "says how long it stays on"),
        ({"name": "Light", "max_on": "for ever"}, "max_on"),
    ],
)
async def test_what_would_not_run_is_said_at_its_field_and_not_written(
    car: Car, web: httpx.AsyncClient, data: dict[str, str], sentence: str
) -> None:
    await web.post("/configuration/relays/part/boards/0", data={"device": "bar", "channels": '{"1": {"name": "Light"}}'})
    before = written(car)
    refused = await web.post(CHANNEL, data=data)
    assert refused.status_code == 400
    assert sentence in refused.text
    assert 'role="alert"' in refused.text
    assert written(car) == before
    assert car.plugin("relays").reason is None


async def test_a_section_in_a_file_of_the_owner_is_only_shown_with_its_place(car: Car) -> None:
    await car.start("relays:\n  boards: [{device: bar, channels: {1: {name: Light}}}]\n")
    web = await car.web()
    assert "config.yaml:3" in await car.page(CHANNEL)
    assert (await web.post(CHANNEL, data={"name": "Lamp"})).status_code == 409
    assert "Limits of Light" in await car.page("/relays")


@pytest.mark.parametrize("path", ["boards", "boards/0/channels", "nothing/0", "boards/0/nothing/1", "discover/1"])
async def test_what_is_no_part_is_not_found(car: Car, web: httpx.AsyncClient, path: str) -> None:
    assert (await web.get(f"/configuration/relays/part/{path}")).status_code == 404


def test_a_part_is_put_in_changed_and_taken_out_and_the_rest_stays() -> None:
    section = {"boards": [{"device": "bar", "channels": {1: {"name": "Light"}, 2: {"name": "Horn"}}}], "discover": True}
    changed = replaced(section, ["boards", "0", "channels", "1"], {"name": "Lamp", "max_on": "5s"})
    assert value_at(changed, ["boards", "0", "channels", "1"]) == {"name": "Lamp", "max_on": "5s"}
    assert value_at(section, ["boards", "0", "channels", "1", "name"]) == "Light"
    fresh = replaced(section, ["boards", "0", "channels", "3"], {"name": "Fan"})
    assert list(fresh["boards"][0]["channels"]) == [1, 2, 3]
    less = replaced(section, ["boards", "0", "channels", "2"], None)
    assert less == {"boards": [{"device": "bar", "channels": {1: {"name": "Light"}}}], "discover": True}
    more = replaced(section, ["boards", "1"], {"device": "rear", "channels": {1: {"name": "A"}}})
    assert [one["device"] for one in more["boards"]] == ["bar", "rear"]
    assert replaced(section, ["boards", "0"], None)["boards"] == []
    SCHEMA(changed), SCHEMA(fresh), SCHEMA(more)
