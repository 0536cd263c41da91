"""Pages without a script: set-up, log-in, dashboard, plugins, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from autocore.web.pages.languages import choose
from tests.conftest import PASSWORD, Start

ROOT = Path(__file__).parent.parent.parent
PLACES = [ROOT / "autocore/web", *(one for one in (ROOT / "plugins").iterdir() if (one / "templates").is_dir())]


async def test_log_in_and_out_with_plain_forms(start: Start) -> None:
    gateway = await start()
    client = gateway.client
    client.headers.pop("Authorization")
    wrong = await client.post("/login", data={"username": "ana", "password": "no", "next": "/relays"})
    assert (wrong.status_code, "The name or the password is wrong." in wrong.text) == (401, True)
    right = await client.post("/login", data={"username": "ana", "password": PASSWORD, "next": "/relays"})
    assert (right.status_code, right.headers["location"]) == (303, "/relays")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "Light bar" in (await client.get("/relays")).text
    assert (await client.get("/login")).status_code in (302, 303)
    assert (await client.get("/setup")).status_code in (302, 303)
    out = await client.post("/logout")
    assert out.headers["location"] == "/login"
    client.cookies.clear()
    assert (await client.get("/relays")).status_code == 303


@pytest.mark.parametrize(
    ("path", "word", "palavra"),
    [("/", "Devices online", "Dispositivos online"), ("/relays", "Relays", "Relés"), ("/telemetry", "Telemetry", "Telemetria")],
)
async def test_pages_come_in_the_readers_language(start: Start, path: str, word: str, palavra: str) -> None:
    gateway = await start()
    english = await gateway.client.get(path, headers={"Accept-Language": "en-GB,en;q=0.9"})
    portuguese = await gateway.client.get(path, headers={"Accept-Language": "pt-BR,pt;q=0.9,en;q=0.5"})
    assert word in english.text
    assert palavra in portuguese.text
    assert 'lang="pt-BR"' in portuguese.text


async def test_the_plugins_page_says_why_one_failed_and_starts_it_again(start: Start, tmp_path: Path) -> None:
    gateway = await start()
    page = (await gateway.client.get("/plugins")).text
    assert page.count("Running") == 3
    again = await gateway.client.post("/plugins/telemetry/reload")
    assert "Running" in again.text
    assert (await gateway.client.post("/plugins/nothing/reload")).status_code == 404


async def test_a_page_that_is_not_there_names_the_nearest(start: Start) -> None:
    gateway = await start()
    answer = await gateway.client.get("/relay")
    assert answer.status_code == 404
    assert 'href="/relays"' in answer.text


async def test_files_are_kept_for_ever_only_under_their_hash(start: Start) -> None:
    gateway = await start()
    page = (await gateway.client.get("/")).text
    (address,) = re.findall(r'href="(/static/app\.css\?v=\w+)"', page)
    by_hash = await gateway.client.get(address)
    plain = await gateway.client.get("/static/app.css", headers={"Accept-Encoding": "identity"})
    assert "immutable" in by_hash.headers["cache-control"]
    assert by_hash.headers["content-encoding"] == "gzip"
    assert plain.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in plain.headers
    assert (await gateway.client.get("/static/../parts.py")).status_code in (400, 404)
    assert (await gateway.client.get("/static/manifest.json")).status_code == 404


def test_the_first_page_is_light() -> None:
    made = ROOT / "autocore/web/static/dist"
    first = ["app.css.gz", "app.js.gz", "theme.js.gz", "icons.svg.gz", "mark.svg.gz", "chart.js.gz"]
    assert sum((made / name).stat().st_size for name in first) < 200_000  # web.md, Weight


@pytest.mark.parametrize("made", sorted((ROOT / "autocore/web/static/dist").glob("*.*s")), ids=lambda path: path.name)
def test_nothing_is_fetched_from_outside_the_vehicle(made: Path) -> None:
    assert not re.search(r"(?:src|href|url|import)\s*[=(]\s*[\"']?https?://(?!www\.w3\.org)", made.read_text())


@pytest.mark.parametrize("place", PLACES, ids=lambda path: path.name)
def test_every_word_has_its_translation(place: Path) -> None:
    with (place / "locales/pt_BR/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file)
    known = {message.id for message in catalogue if message.id}
    missing = [message.id for message in catalogue if message.id and (not message.string or message.fuzzy)]
    assert missing == []
    used: set[str] = set()
    more = [ROOT / "autocore/builtin/eventtypes.py"] if place.name == "web" else []
    for source in [*place.rglob("*.html"), *place.rglob("*.py"), *more]:
        text = source.read_text()
        used |= set(re.findall(r'(?<![\w.])N?_\("((?:[^"\\]|\\.)*)"', text))
    assert used - known == set()


@pytest.mark.parametrize(
    "template", sorted(path for place in PLACES for path in place.rglob("templates/**/*.html")), ids=lambda path: path.name
)
def test_no_visible_word_stands_outside_gettext(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|<script.*?</script>", " ", template.read_text(), flags=re.DOTALL)
    assert re.findall(r"[A-Za-zÀ-ÿ]{3,}", text) == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("pt-BR,pt;q=0.9", "pt-BR"),
        ("en", "en"),
        ("de", "pt-BR"),
        ("", "pt-BR"),
        ("en;q=0.4,pt;q=0.8", "pt-BR"),
        ("en;q=x,pt", "pt-BR"),
    ],
)
def test_the_language_is_the_readers_else_the_owners(accepted: str, language: str) -> None:
    assert choose(accepted, "pt-BR") == language


@pytest.mark.parametrize("code", ["use at least 10 characters; three random words are easy to remember"])
async def test_a_weak_password_is_refused_in_the_readers_language(start: Start, code: str) -> None:
    from autocore.auth.passwords import check_password  # noqa: PLC0415  # the sentence's own source
    from autocore.core.errors import InvalidData  # noqa: PLC0415
    from autocore.web.pages.languages import CORE_SENTENCES  # noqa: PLC0415

    with pytest.raises(InvalidData) as caught:
        check_password("short")
    assert caught.value.message == code
    assert code in CORE_SENTENCES
