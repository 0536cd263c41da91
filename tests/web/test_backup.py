"""Backups over REST and on their page: asked for, watched, cancelled, downloaded, sent, restored; for administrators only."""

from __future__ import annotations

import asyncio
import html
import io
import re
import zipfile

import httpx
import pytest

from autocore.backup.cipher import MAGIC
from autocore.testing import Car
from tests.conftest import PASSWORD

API = "/api/v1/backup"
PASSPHRASE = "correct horse battery"
CONFIG = "autocore: {name: Blue bus}\ntelemetry:\n"


async def ended(web: httpx.AsyncClient, job_id: str) -> dict[str, object]:
    async with asyncio.timeout(15):
        while True:
            job: dict[str, object] = (await web.get(f"{API}/{job_id}")).json()
            if job["state"] != "running":
                return job
            await asyncio.sleep(0.02)


async def made(web: httpx.AsyncClient, **wish: object) -> str:
    begun = await web.post(API, json=wish)
    assert begun.status_code == 202, begun.text
    job = await ended(web, begun.json()["id"])
    assert (job["state"], job["progress"]) == ("done", 1.0), job
    return str(job["backup"])


async def test_a_backup_is_made_listed_downloaded_and_deleted(car: Car) -> None:
    await car.start(CONFIG)
    car.board("cabin").measure(temperature=21.5)
    web = await car.web()
    assert (await web.get(API)).json() == {"items": [], "next": None, "job": None}
    name = await made(web)
    (one,) = (await web.get(API)).json()["items"]
    assert (one["name"], one["is_verified"], one["is_encrypted"], one["vehicle"]) == (name, True, False, "Blue bus")
    file = await web.get(f"{API}/files/{name}")
    assert name in file.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        assert {"manifest.json", "config/config.yaml", "data/state.db"} <= set(archive.namelist())
    assert (await web.delete(f"{API}/files/{name}")).status_code == 204
    assert (await web.get(f"{API}/files/{name}")).status_code == 404
    happened = (await web.get("/api/v1/events?type=backup.")).json()["items"]
    assert [(one["type"], one["who"]) for one in happened] == [
        ("backup.removed", "ana"),
        ("backup.downloaded", "ana"),
        ("backup.made", "autocore"),
    ]
    assert happened[-1]["text"] == f"the backup {name} was made"
    acts = [row["service"] for row in (await web.get("/api/v1/audit")).json()["items"]]
    assert [one for one in acts if one.startswith("backup.")] == ["backup.delete", "backup.download", "backup.make"]


async def test_a_passphrase_never_reaches_the_audit_or_the_log(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    name = await made(web, passphrase=PASSPHRASE, history=False)
    assert (await web.get(f"{API}/files/{name}")).content.startswith(MAGIC)
    assert PASSPHRASE not in (await web.get("/api/v1/audit")).text
    assert not any(PASSPHRASE.encode() in path.read_bytes() for path in (car.folder / "data").rglob("*") if path.is_file())
    short = await web.post(API, json={"passphrase": "short"})
    assert (short.status_code, short.json()["field"]) == (400, "passphrase")


async def test_a_second_job_waits_and_a_cancelled_one_leaves_nothing(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    begun = (await web.post(API, json={})).json()
    busy = await web.post(API, json={})
    assert (busy.status_code, busy.json()["code"]) == (409, "busy")
    assert (await web.delete(f"{API}/{begun['id']}")).status_code == 202
    job = await ended(web, begun["id"])
    left = list((car.folder / "data/backups").iterdir())
    assert job["state"] == "done" or (job["code"], left) == ("cancelled", [])
    assert (await web.get(f"{API}/77")).status_code == 404


@pytest.mark.parametrize("way", ["body", "form"])
async def test_a_backup_that_is_sent_is_checked_before_it_is_listed(car: Car, way: str) -> None:
    await car.start(CONFIG)
    web = await car.web()
    name = await made(web)
    content = (await web.get(f"{API}/files/{name}")).content

    async def send(what: bytes) -> httpx.Response:
        if way == "form":
            return await web.post(f"{API}/files", files={"file": ("van.autocore-backup", what)})
        return await web.post(f"{API}/files", content=what)

    sent = await send(content)
    assert (sent.status_code, sent.json()["origin"], sent.json()["is_verified"]) == (201, "upload", True)
    assert (await web.get(f"{API}/files/{sent.json()['name']}")).content == content
    at = content.index(b"data/state.db") + 100  # in the midst of what was packed
    harmed = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
    greedy = MAGIC + bytes([30, 8, 1]) + bytes(5_000)  # an encrypted one that wants a terabyte of memory
    for wrong in (content[:-500], b"", b"PK" + bytes(200_000), harmed, MAGIC, greedy):
        refused = await send(wrong)
        assert refused.status_code == 400, refused.text
    assert len((await web.get(API)).json()["items"]) == 2
    assert not list((car.folder / "data/backups").glob(".work*"))


async def test_an_upload_may_be_larger_than_any_other_request(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    large = await web.post(f"{API}/files", content=bytes(3_000_000))
    assert large.status_code == 400  # no backup; but it was taken in and looked at
    other = await web.post("/api/v1/auth/login", content=bytes(3_000_000))
    assert other.status_code == 413


async def test_a_restore_wants_the_password_again_and_then_a_restart(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    name = await made(web, passphrase=PASSPHRASE)
    path = f"{API}/files/{name}/restore"
    wrong = await web.post(path, json={"password": "not the password", "passphrase": PASSPHRASE})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "forbidden")
    assert (await web.get(API)).status_code == 200  # the session of who asked goes on
    unknown = await web.post(f"{API}/files/nothing.autocore-backup/restore", json={"password": PASSWORD})
    assert unknown.status_code == 404
    failed = await ended(web, (await web.post(path, json={"password": PASSWORD, "passphrase": "wrong wrong wrong"})).json()["id"])
    assert (failed["state"], "passphrase is wrong" in str(failed["error"])) == ("failed", True)
    assert car._gateway is not None
    assert not car._gateway.restart.is_set()
    right = await ended(web, (await web.post(path, json={"password": PASSWORD, "passphrase": PASSPHRASE})).json()["id"])
    assert right["state"] == "done"
    assert car._gateway.restart.is_set()
    assert (car.folder / "data/restore/plan.json").exists()
    rows = (await web.get("/api/v1/audit")).json()["items"]
    assert [row["outcome"] for row in rows if row["service"] == "backup.restore"] == ["done", "done", "unknown", "forbidden"]


@pytest.mark.parametrize("role", ["viewer", "operator", "technician"])
async def test_nobody_else_comes_near_it(car: Car, role: str) -> None:
    await car.start(CONFIG)
    web = await car.web()
    name = await made(web)
    await web.post("/api/v1/users", json={"username": "bia", "password": PASSWORD, "role": role, "own_password": PASSWORD})
    token = (await web.post("/api/v1/auth/login", json={"username": "bia", "password": PASSWORD})).json()["token"]
    web.cookies.clear()
    theirs = {"Authorization": f"Bearer {token}"}
    asked = [
        ("GET", API),
        ("POST", API),
        ("GET", f"{API}/1"),
        ("DELETE", f"{API}/1"),
        ("POST", f"{API}/files"),
        ("GET", f"{API}/files/{name}"),
        ("DELETE", f"{API}/files/{name}"),
        ("POST", f"{API}/files/{name}/restore"),
        ("GET", "/backup"),
        ("POST", "/backup"),
        ("POST", "/backup/upload"),
        ("GET", f"/backup/files/{name}"),
        ("POST", f"/backup/files/{name}/delete"),
        ("POST", f"/backup/files/{name}/restore"),
    ]
    for method, path in asked:
        assert (await web.request(method, path, headers=theirs)).status_code == 403, path
    assert 'href="/backup"' not in (await web.get("/", headers=theirs)).text


@pytest.mark.parametrize("name", ["..%2Fstate.db", "state.db", ".work.autocore-backup", "%2e%2e", "x.autocore-backup.json"])
async def test_only_backups_can_be_downloaded(car: Car, name: str) -> None:
    await car.start(CONFIG)
    web = await car.web()
    assert (await web.get(f"{API}/files/{name}")).status_code == 404
    assert (await web.delete(f"{API}/files/{name}")).status_code in (404, 405)


async def test_the_page_does_all_of_it_with_plain_forms(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    assert "There is no backup yet" in await car.page("/backup")
    assert "Ainda não há backup" in await car.page("/backup", "pt-BR")
    assert (await web.post("/backup", data={"history": "yes"})).status_code == 303
    assert car._gateway is not None
    job = (await web.get(API)).json()["job"]
    if job["state"] == "running":
        page = await car.page("/backup")
        assert "<progress" in page or "is right" in page
    await ended(web, job["id"])
    page = await car.page("/backup")
    (name,) = set(re.findall(r"manual-\d+-b\d+-s\d+\.autocore-backup", page))
    assert "verified" in page
    assert "not encrypted" in page
    assert "não criptografado" in await car.page("/backup", "pt-BR")
    content = (await web.get(f"/backup/files/{name}")).content
    sent = await web.post("/backup/upload", files={"file": ("x.autocore-backup", content)})
    assert sent.status_code == 303
    assert "uploaded" in await car.page("/backup")
    none = await web.post("/backup/upload", files={"other": ("x", b"")}, headers={"Accept-Language": "pt-BR"})
    assert (none.status_code, "escolha um arquivo primeiro" in none.text) == (400, True)
    bad = await web.post(f"/backup/files/{name}/restore", data={"password": "wrong"})
    assert bad.status_code == 403
    assert "the password is wrong" in html.unescape(bad.text)
    assert (await web.post(f"/backup/files/{name}/delete")).status_code == 303
    assert name not in await car.page("/backup")
    short = await web.post("/backup", data={"passphrase": "short"})
    assert (short.status_code, 'aria-errormessage="make-passphrase-error"' in short.text) == (400, True)


async def test_the_progress_leads_to_the_whole_page_when_it_is_over(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    await made(web)
    assert car._gateway is not None
    since = car._gateway._started_ns
    over = await web.get(f"/backup/standing?since={since}", headers={"HX-Request": "true"})
    assert over.headers["hx-refresh"] == "true"
    fresh = await web.get("/backup/standing?since=1", headers={"HX-Request": "true"})
    assert fresh.headers["hx-redirect"] == "/backup"  # another start of the gateway than the page's
    stranger = await web.get("/backup/standing", headers={"HX-Request": "true", "Authorization": ""})
    assert (stranger.status_code, stranger.headers["hx-redirect"]) == (401, "/login")
