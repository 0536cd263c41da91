"""The page Themes and its pieces: the list, the editor with its preview, import and export, in both languages."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx
import pytest

from autocore.testing import Car
from autocore.testing.car import BASE, PASSWORD
from tests.plugins.themes.samples import FAINT, FOREST, TOPIC, yaml_with

PORTUGUESE = {"Accept-Language": "pt-BR"}
API = "/api/v1/themes"
FORM = {**FOREST, "name": "Forest", "was": "", "border_radius": "9", "shadow_style": "soft", "font_family": "serif"}


async def started(car: Car, text: str = "themes:\n") -> Car:
    await car.start(text)
    await car.until(lambda: car.heard(TOPIC))
    return car


async def piece(car: Car, path: str, language: str = "en", **query: str) -> str:
    answer = await (await car.web()).get(f"{API}/{path}", params=query, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


async def send(car: Car, path: str, form: dict[str, str], language: str = "en", **more: Any) -> httpx.Response:
    answer = await (await car.web()).post(f"{API}/{path}", data=form, headers={"Accept-Language": language}, **more)
    assert answer.status_code == 200, answer.text
    await car.settle()
    return answer


def is_clean(text: str) -> bool:
    """Say whether the content policy of the admin lets everything in `text` be."""
    return not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Themes", "Active", "Apply Night Red", "Duplicate AutoCore", "comes with AutoCore", "2 pairs of colours", "Import"],
        ),
        (
            "pt-BR",
            ["Temas", "Ativo", "Aplicar Night Red", "Duplicar AutoCore", "vem com o AutoCore", "2 pares de cores", "Importar"],
        ),
    ],
)
async def test_the_page_shows_every_theme_in_the_readers_language(car: Car, language: str, words: list[str]) -> None:
    text = yaml_with().replace('"text_secondary": "#4e5a4e"', '"text_secondary": "#cccccc"')
    await started(car, text)
    shown = html.unescape((await car.page("/themes", language)).partition("<main")[2])
    assert [word for word in words if word not in shown] == []
    assert "config.yaml:5:5" in shown
    assert 'entity="select.theme"' in shown
    assert shown.count('class="swatches"') == 6
    assert is_clean(shown)


async def test_the_active_theme_is_marked_with_a_word_and_cannot_be_applied_again(car: Car) -> None:
    await started(car)
    await car.call("themes.apply", {"name": "Night Red"})
    shown = await piece(car, "list")
    assert shown.count("Active</span>") == 1
    assert "Apply Night Red" not in shown
    assert "Apply AutoCore Dark" in shown


async def test_applying_loads_the_page_anew_in_the_new_theme(car: Car) -> None:
    await started(car)
    answer = await send(car, "apply", {"name": "Night Red"})
    assert answer.headers["HX-Refresh"] == "true"
    assert car.value("select.theme") == "Night Red"
    missing = await send(car, "apply", {"name": "<b>Nothing</b>"}, "pt-BR")
    assert "não há mais um tema &lt;b&gt;Nothing" in missing.text
    assert "HX-Refresh" not in missing.headers


@pytest.mark.parametrize("language", ["en", "pt-BR"])
async def test_the_preview_draws_every_type_of_device_in_the_typed_colours(car: Car, language: str) -> None:
    await started(car)
    drawn = await piece(car, "preview", language, **{**FORM, "primary": "#123456"})
    assert drawn.count('class="mock"') == 4
    assert 'fill="#123456"' in drawn
    assert 'fill="#103552"' in drawn  # as sixteen bits show it
    assert 'font-size="12"' in drawn
    assert 'font-family="Georgia, serif"' in drawn
    assert ("12,6 V" if language == "pt-BR" else "12.6 V") in drawn
    assert ("Passa" if language == "pt-BR" else "Passes") in drawn
    assert is_clean(drawn)


async def test_the_preview_says_in_words_what_is_hard_to_read_and_what_would_be_better(car: Car) -> None:
    await started(car)
    drawn = await piece(car, "preview", **{**FORM, **FAINT})
    assert drawn.count("Fails") == 2
    assert drawn.count("Passes") == 7
    better = re.findall(r"better: (#[0-9a-f]{6})", drawn)
    assert len(set(better)) == 1
    assert "Save it although it is hard to read" in drawn
    editor = await piece(car, "editor", **{**FORM, **FAINT, "adopt": "yes"})
    assert f'name="text_secondary" value="{better[0]}"' in editor
    assert "Fails" not in editor
    assert 'value="Forest"' in editor


@pytest.mark.parametrize(
    "typed", [{}, {"primary": "red"}, {**FORM, "border_radius": "many"}, {**FORM, "font_family": "<svg onload=alert(1)>"}]
)
async def test_a_preview_of_nonsense_says_what_is_wrong(car: Car, typed: dict[str, str]) -> None:
    await started(car)
    answer = await (await car.web()).get(f"{API}/preview", params=typed)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert "<svg onload" not in answer.text


async def test_a_theme_is_made_changed_and_deleted_on_the_page(car: Car) -> None:
    await started(car)
    editor = await piece(car, "editor", of="Night Red", copy="yes")
    assert 'value="Night Red 2"' in editor
    for label in ("Name", "Primary", "Quiet text", "Radius of corners in px", "Shadow", "Font"):
        assert re.search(rf"<label for=\"[\w-]+\">{label}</label>", editor), label
    made = await send(car, "save", FORM)
    assert "Forest is saved." in made.text
    assert made.headers["HX-Trigger"] == "themes-changed"
    again = await send(car, "save", {**FORM, "was": "Forest", "primary": "#1b5e20"}, "pt-BR")
    assert "Forest foi salvo." in again.text
    shown = await piece(car, "list")
    assert "Edit Forest" in shown
    assert "Delete the theme Forest?" in shown
    assert "Edit Night Red" not in shown
    gone = await send(car, "delete", {"name": "Forest"})
    assert "Forest" not in gone.text


async def test_a_change_of_the_worn_theme_loads_the_page_anew(car: Car) -> None:
    await started(car)
    await send(car, "save", FORM)
    await car.call("themes.apply", {"name": "Forest"})
    answer = await send(car, "save", {**FORM, "was": "Forest", "primary": "#1b5e20"})
    assert answer.headers["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    ("change", "field", "english", "portuguese"),
    [
        ({"name": ""}, "theme-name", "a name has 1 to 40", "um nome tem de 1 a 40"),
        ({"name": "night red"}, "theme-name", "comes with AutoCore", "vem com o AutoCore"),
        ({"name": "Meadow"}, "theme-name", "stands in config.yaml:5:5", "está em config.yaml:5:5"),
        ({"name": "Kept"}, "theme-name", "there is a theme Kept already", "já há um tema Kept"),
        ({"primary": "red"}, "theme-primary", "is no colour", "não é uma cor"),
        ({"border_radius": "33"}, "theme-radius", "from 0 to 32 px", "de 0 a 32 px"),
        ({"border_radius": "²"}, "theme-radius", "from 0 to 32 px", "de 0 a 32 px"),
        ({"shadow_style": "huge"}, "theme-shadow", "write one of none", "escreva um destes: none"),
        (
            {"text_secondary": "#cccccc"},
            "theme-force",
            "Quiet text on Background has a contrast of 1.",
            "Texto discreto sobre Fundo",
        ),
    ],
)
async def test_what_is_wrong_stands_at_its_field(
    car: Car, change: dict[str, str], field: str, english: str, portuguese: str
) -> None:
    await started(car, yaml_with("Meadow"))
    await send(car, "save", {**FORM, "name": "Kept"})
    for language, words in (("en", english), ("pt-BR", portuguese)):
        answer = await send(car, "save", {**FORM, **change}, language)
        error = re.search(rf'<p class="error" id="{field}-error" role="alert">.*?</p>', answer.text)
        assert error is not None, answer.text
        assert words in html.unescape(error[0])
        assert "HX-Trigger" not in answer.headers
        assert is_clean(answer.text)


async def test_a_theme_that_is_hard_to_read_is_saved_when_somebody_insists(car: Car) -> None:
    await started(car)
    answer = await send(car, "save", {**FORM, **FAINT, "force": "yes"})
    assert "Forest is saved." in answer.text


async def test_a_theme_leaves_as_a_file_and_comes_back(car: Car) -> None:
    await started(car)
    client = await car.web()
    answer = await client.get(f"{API}/export", params={"name": "Night Red"})
    assert answer.headers["content-disposition"] == 'attachment; filename="night_red.json"'
    assert json.loads(answer.text)["version"] == 1
    file = {"file": ("night_red.json", answer.content, "application/json")}
    taken = await send(car, "import", {"name": ""}, "pt-BR", files=file)
    assert "vem com o AutoCore" in taken.text
    back = await send(car, "import", {"name": "My night"}, files=file)
    assert "My night is imported." in back.text
    assert back.headers["HX-Trigger"] == "themes-changed"
    written = await send(car, "import", {"name": "By hand", "document": answer.text})
    assert "By hand is imported." in written.text
    names = [one["name"] for one in (await client.get(API)).json()["items"]]
    assert names[-2:] == ["By hand", "My night"]
    assert (await client.get(f"{API}/export", params={"name": "Nothing"})).status_code == 404


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "choose a file"),
        (b"\xff\xfe\x00", "this is no text"),
        (b"{", "this is no JSON"),
        (b"{}", "this is no theme of AutoCore"),
        (b"x" * 70_000, "at most 65536 bytes"),
        (b'{"type": "autocore_theme", "version": 1, "theme": {"name": "<img src=x>", "wheels": 4}}', "a theme has no wheels"),
    ],
    ids=["nothing", "a picture", "half", "another thing", "large", "unknown fields"],
)
async def test_a_file_that_is_no_theme_is_refused_at_its_field(car: Car, content: bytes, words: str) -> None:
    await started(car)
    answer = await send(car, "import", {"name": ""}, files={"file": ("x.json", content, "application/json")})
    assert 'aria-invalid="true"' in answer.text
    assert words in html.unescape(answer.text)
    assert "<img" not in answer.text


async def test_names_of_themes_are_never_html(car: Car) -> None:
    await started(car)
    await send(car, "save", {**FORM, "name": '<img src=x onerror="x">'})
    for text in ((await (await car.web()).get(f"{API}/list")).text, await car.page("/themes")):
        assert "<img" not in text
        assert "&lt;img" in text


async def test_a_viewer_sees_themes_and_no_way_to_change_them(car: Car) -> None:
    await started(car)
    admin = await car.web()
    person = {"username": "bea", "password": "four random words", "role": "viewer"}
    (await admin.post("/api/v1/users", json=person | {"own_password": PASSWORD})).raise_for_status()
    async with httpx.AsyncClient(transport=admin._transport, base_url=BASE) as viewer:
        login = await viewer.post("/api/v1/auth/login", json={name: person[name] for name in ("username", "password")})
        viewer.cookies.clear()
        viewer.headers["Authorization"] = f"Bearer {login.json()['token']}"
        page = await viewer.get("/themes")
        assert "Night Red" in page.text
        for way in ("themes/apply", "themes/editor", "themes/import", "themes/delete"):
            assert way not in page.text
        assert (await viewer.get(f"{API}/export", params={"name": "Night Red"})).status_code == 200
        for path in ("apply", "save", "delete", "import"):
            assert (await viewer.post(f"{API}/{path}", data={"name": "Night Red"})).status_code == 403
        assert (await viewer.get(f"{API}/editor")).status_code == 403
