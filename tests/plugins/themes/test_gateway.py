"""Themes on a running gateway: what is worn, who may change it, what displays are told, what survives a restart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autocore.core.errors import InvalidData, NameTaken, PermissionDenied, Refused, UnknownName
from autocore.core.model import GATEWAY, Role
from autocore.testing import Car
from autocore_plugins.themes.builtin import BUILT_IN
from tests.plugins.themes.samples import FAINT, FOREST, TOPIC, yaml_with


async def started(car: Car, text: str = "themes:\n") -> Car:
    """Start, and wait until what was chosen before is worn."""
    heard = len(car.heard(TOPIC))
    await car.start(text)
    await car.until(lambda: len(car.heard(TOPIC)) > heard)
    return car


def told(car: Car) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(car.air.retained[TOPIC])
    return kept


async def css(car: Car) -> str:
    return (await (await car.web()).get("/look.css")).text


async def test_displays_are_told_the_theme_for_every_type_of_device(car: Car) -> None:
    await started(car)
    await car.call("themes.apply", {"name": "Night Red"})
    update = told(car)
    assert (update["type"], update["theme"]["name"], update["theme"]["is_dark"]) == ("theme_update", "Night Red", True)
    assert set(update["device_types"]) == {"mobile", "display_small", "display_large", "web"}
    assert update["theme"]["colors"]["text_primary"] == BUILT_IN["Night Red"].text_primary
    assert update["theme"]["style"]["font_size_base"] == 14
    assert update["device_types"]["display_small"]["colors_rgb565"]["background"] == 0
    assert update["timestamp"] == "2026-01-01T00:00:00+00:00"
    assert next(one for one in reversed(car.air.heard) if one.topic == TOPIC).qos == 1
    assert len(car.air.retained[TOPIC]) < 4096  # a display holds it in memory


async def test_the_plugin_brings_a_topic_an_entity_services_and_a_page(car: Car) -> None:
    await started(car)
    status = car.plugin("themes")
    assert (status.entities, status.panels) == (1, ("Themes",))
    assert set(status.services) == {f"themes.{verb}" for verb in ("apply", "save", "delete", "import", "export")}
    with pytest.raises(NameTaken):
        car.core.hub.claim(TOPIC, "somebody")
    with pytest.raises(Refused, match="only themes may publish"):
        car.core.hub.publish(TOPIC, {}, retain=True, owner="somebody")


async def test_nothing_is_published_when_nothing_changed(car: Car) -> None:
    await started(car)
    await car.call("themes.apply", {"name": "Night Red"})
    heard = len(car.heard(TOPIC))
    await car.call("themes.apply", {"name": "Night Red"})
    await car.call("themes.save", {"name": "Forest", **FOREST})  # made, but nobody wears it
    await car.call("themes.delete", {"name": "Forest"})
    assert len(car.heard(TOPIC)) == heard


async def test_the_version_grows_with_every_change_also_over_a_restart(car: Car) -> None:
    await started(car)
    versions = [told(car)["version"]]
    for name in ("Night Red", "High Contrast"):
        await car.call("themes.apply", {"name": name})
        versions.append(told(car)["version"])
    before = told(car)
    await car.stop()
    car.air.retained.clear()  # the broker came back empty
    await started(car)
    assert told(car) == before  # the same theme, so the same version
    assert car.value("select.theme") == "High Contrast"
    assert BUILT_IN["High Contrast"].primary in await css(car)
    await car.call("themes.apply", {"name": "AutoCore"})
    versions.append(told(car)["version"])
    assert versions == sorted(set(versions))


async def test_a_change_made_while_the_broker_is_away_is_told_when_it_is_back(car: Car) -> None:
    await started(car)
    car.air.go_away()
    await car.call("themes.apply", {"name": "Night Red"})
    assert told(car)["theme"]["name"] == "AutoCore"
    car.air.come_back()
    await car.settle()
    assert told(car)["theme"]["name"] == "Night Red"


async def test_a_clock_that_was_never_set_dates_nothing(car: Car) -> None:
    car.clock.set_wall(None)
    await started(car)
    assert told(car)["timestamp"] is None


async def test_the_admin_wears_the_active_theme(car: Car) -> None:
    await started(car)
    assert await css(car) == ""
    assert "data-look" not in await car.page("/")
    await car.call("themes.apply", {"name": "Night Red"})
    assert BUILT_IN["Night Red"].text_primary in await css(car)
    assert "data-look" in await car.page("/")
    await car.call("themes.apply", {"name": "AutoCore"})
    assert await css(car) == ""


async def test_the_admin_keeps_its_own_colours_when_only_displays_are_dressed(car: Car) -> None:
    await started(car, "themes: {web: false, active: Night Red}\n")
    assert told(car)["theme"]["name"] == "Night Red"
    assert await css(car) == ""


async def test_what_the_configuration_says_is_worn_until_somebody_chooses(car: Car) -> None:
    await started(car, yaml_with(more="  active: Forest\n"))
    assert car.value("select.theme") == "Forest"
    assert "#2e7d32" in await css(car)
    await car.call("themes.apply", {"name": "Night Red"})
    await car.stop()
    await started(car, yaml_with(more="  active: Forest\n"))
    assert car.value("select.theme") == "Night Red"


async def test_a_choice_that_is_gone_leaves_the_first_one(car: Car) -> None:
    await started(car, yaml_with())
    await car.call("themes.apply", {"name": "Forest"})
    await car.stop()
    await started(car, "themes: {active: AutoCore Dark}\n")
    assert car.value("select.theme") == "AutoCore Dark"
    assert "the chosen theme Forest is gone" in await car.page("/themes")


async def test_a_theme_of_the_configuration_is_changed_only_there(car: Car) -> None:
    await started(car, yaml_with())
    attempts = [("save", {"name": "Forest", **FOREST}), ("save", {"name": "FOREST", **FOREST}), ("delete", {"name": "Forest"})]
    for service, data in attempts:
        with pytest.raises(Refused, match=r"config\.yaml:5:5") as caught:
            await car.call(f"themes.{service}", data)
        assert caught.value.code == "conflict"


async def test_a_theme_of_the_program_stays_as_it_is(car: Car) -> None:
    await started(car)
    for service, data in (("save", {"name": "night red", **FOREST}), ("delete", {"name": "AutoCore"})):
        with pytest.raises(Refused, match="comes with AutoCore") as caught:
            await car.call(f"themes.{service}", data)
        assert caught.value.code == "conflict"


async def test_the_configuration_wins_over_a_theme_made_here_which_is_kept(car: Car) -> None:
    await started(car)
    await car.call("themes.save", {"name": "Forest", **FOREST, "primary": "#112233"})
    await car.stop()
    await started(car, yaml_with())
    assert "Forest made here is not used" in await car.page("/themes")
    assert (await car.call("themes.export", {"name": "Forest"}))["theme"]["primary"] == "#2e7d32"
    await car.call("themes.save", {"name": "Other", **FOREST})
    await car.stop()
    await started(car)
    assert (await car.call("themes.export", {"name": "Forest"}))["theme"]["primary"] == "#112233"


async def test_a_saved_theme_is_an_option_and_selecting_it_applies_it(car: Car) -> None:
    await started(car)
    await car.call("themes.save", {"name": "Forest", **FOREST})
    assert "Forest" in car.entity("select.theme").description.options  # type: ignore[attr-defined]  # a Select
    await car.call("select.select_option", {"entity": "select.theme", "option": "Forest"}, Role.OPERATOR)
    assert car.value("select.theme") == "Forest"
    assert told(car)["theme"]["name"] == "Forest"
    cause = car.entity("select.theme").state.cause
    assert cause is not None
    assert cause.via == "rest"
    with pytest.raises(InvalidData, match="has the options"):
        await car.call("select.select_option", {"entity": "select.theme", "option": "Nothing"})


async def test_the_entity_keeps_the_name_that_people_gave_it(car: Car) -> None:
    await started(car)
    car.core.entities.override("select.theme", {"name": "Colours of the cabin"}, GATEWAY)
    await car.call("themes.save", {"name": "Forest", **FOREST})
    assert car.entity("select.theme").description.name == "Colours of the cabin"


async def test_a_change_of_the_worn_theme_is_seen_at_once(car: Car) -> None:
    await started(car)
    await car.call("themes.save", {"name": "Forest", **FOREST})
    await car.call("themes.apply", {"name": "forest"})
    version = told(car)["version"]
    await car.call("themes.save", {"name": "Forest", **FOREST, "primary": "#1b5e20"})
    assert (told(car)["theme"]["colors"]["primary"], told(car)["version"]) == ("#1b5e20", version + 1)
    assert "#1b5e20" in await css(car)
    await car.call("themes.save", {"name": "FOREST", **FOREST})  # the same one with another name
    assert car.value("select.theme") == "FOREST"
    with pytest.raises(Refused, match="worn now") as caught:
        await car.call("themes.delete", {"name": "Forest"})
    assert caught.value.code == "active"


async def test_a_theme_made_here_survives_a_restart_and_a_deleted_one_does_not(car: Car) -> None:
    await started(car)
    for name in ("Forest", "Meadow"):
        await car.call("themes.save", {"name": name, **FOREST})
    await car.call("themes.apply", {"name": "Forest"})
    await car.call("themes.delete", {"name": "Meadow"})
    await car.stop()
    await started(car)
    assert car.value("select.theme") == "Forest"
    with pytest.raises(UnknownName):
        await car.call("themes.apply", {"name": "Meadow"})


async def test_a_theme_that_is_hard_to_read_is_kept_only_when_somebody_insists(car: Car) -> None:
    await started(car)
    with pytest.raises(Refused, match="text_secondary on background has a contrast of") as caught:
        await car.call("themes.save", {"name": "Faint", **FAINT})
    assert caught.value.code == "contrast"
    assert await car.call("themes.save", {"name": "Faint", **FAINT, "force": True}) == {"name": "Faint"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"primary": "red"}, "primary"),
        ({"border_radius": 99}, "border_radius"),
        ({"name": ""}, "name"),
        ({"wheels": 4}, "wheels"),
    ],
)
async def test_a_wrong_field_is_named(car: Car, change: dict[str, Any], field: str) -> None:
    await started(car)
    with pytest.raises(InvalidData) as caught:
        await car.call("themes.save", {"name": "Forest", **FOREST, **change})
    assert caught.value.field == field


async def test_fifty_themes_fit(car: Car) -> None:
    await started(car)
    for number in range(50):
        await car.call("themes.save", {"name": f"Theme {number}", **FOREST})
    with pytest.raises(Refused, match="50 themes") as caught:
        await car.call("themes.save", {"name": "One more", **FOREST})
    assert caught.value.code == "full"
    await car.call("themes.save", {"name": "Theme 7", **FOREST, "primary": "#1b5e20"})  # one of them may change


@pytest.mark.parametrize(
    ("service", "least"),
    [
        ("apply", Role.OPERATOR),
        ("save", Role.TECHNICIAN),
        ("delete", Role.TECHNICIAN),
        ("import", Role.TECHNICIAN),
        ("export", Role.VIEWER),
    ],
)
async def test_each_service_has_its_role(car: Car, service: str, least: Role) -> None:
    await started(car)
    assert car.core.services.get(f"themes.{service}").role is least
    if least > Role.VIEWER:
        with pytest.raises(PermissionDenied):
            await car.call(f"themes.{service}", {"name": "Night Red"}, Role(least - 1))


async def test_an_exported_theme_is_imported_under_another_name(car: Car) -> None:
    await started(car)
    document = await car.call("themes.export", {"name": "Night Red"})
    with pytest.raises(Refused, match="comes with AutoCore"):
        await car.call("themes.import", {"document": document})
    assert await car.call("themes.import", {"document": json.dumps(document), "name": "My night"}) == {"name": "My night"}
    again = await car.call("themes.export", {"name": "My night"})
    assert again["theme"] == {**document["theme"], "name": "My night"}
    with pytest.raises(Refused, match="already") as caught:
        await car.call("themes.import", {"document": again})
    assert caught.value.code == "conflict"


@pytest.mark.parametrize("document", ["", "{", "[]", {}, {"type": "autocore_theme", "version": 9}])
async def test_garbage_is_not_imported(car: Car, document: Any) -> None:
    await started(car)
    with pytest.raises(InvalidData):
        await car.call("themes.import", {"document": document})
    assert car.plugin("themes").errors == 0


async def test_what_was_kept_and_cannot_be_used_is_said_and_stays(car: Car) -> None:
    await started(car)
    strange = {"name": "From tomorrow", **FOREST, "glow": 3}
    await car.core.store("themes").set("themes", [strange, 7])
    await car.stop()
    await started(car)
    assert "glow" in await car.page("/themes")
    await car.call("themes.save", {"name": "Forest", **FOREST})
    kept = await car.core.store("themes").get("themes")
    assert [one for one in kept if one in (strange, 7)] == [strange, 7]
    assert car.plugin("themes").errors == 0


async def test_the_support_bundle_tells_what_is_worn(car: Car) -> None:
    await started(car, yaml_with())
    await car.call("themes.save", {"name": "Faint", **FAINT, "force": True})
    gateway = car._gateway
    assert gateway is not None
    assert gateway.plugins is not None
    said = await gateway.plugins.ask("themes", "diagnostics")
    assert json.loads(json.dumps(said)) == said
    assert (said["active"], said["version"], said["made"], said["hard_to_read"]) == ("AutoCore", 1, ["Faint"], ["Faint"])
    assert "config.yaml:5:5" in said["configured"]["Forest"]


async def test_others_hear_when_the_theme_changed(car: Car) -> None:
    await started(car)
    heard: list[Any] = []
    car.core.bus.on("themes.changed", lambda event: heard.append(event.data))
    await car.call("themes.apply", {"name": "Night Red"})
    assert heard == [{"theme": "Night Red", "version": told(car)["version"]}]
