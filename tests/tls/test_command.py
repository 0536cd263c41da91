"""`autocore tls`, beside a running gateway and without one; and what the doctor says of certificates."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autocore.damage import Damages
from autocore.doctor.encryption import look_at_certificates
from autocore.doctor.finding import Level
from autocore.tls.authority import Authority
from autocore.tls.certificates import belong_together, fingerprint, is_signed_by, read_certificate, read_key, span_of
from autocore.tls.names import Names
from tests.cli.test_commands import autocore
from tests.tls.conftest import Share

NAMES = Names(("localhost", "van.local"), ("127.0.0.1", "::1"))
CONFIG = "web: {host: 0.0.0.0, hostname: van}\n"


def authority_of(folder: Path, now: datetime | None = None) -> Authority:
    authority = Authority(folder, lambda: now, Damages())
    authority.open()
    authority.serve(NAMES)
    return authority


async def test_beside_a_running_gateway_it_is_shown_and_renewed(share: Share, tmp_path: Path) -> None:
    van = await share()
    before = van.keeper.authority.server
    shown = await asyncio.to_thread(autocore, "tls", "show", "--config", tmp_path)
    assert van.keeper.fingerprint in shown.stdout
    assert all(str(tmp_path / "data/ca" / name) in shown.stdout for name in ("ca.crt", "server.pem"))
    assert "van.local" in shown.stdout
    done = await asyncio.to_thread(autocore, "tls", "renew", "--json", "--config", tmp_path)
    assert done.returncode == 0, done.stderr
    fresh = van.keeper.authority.server
    assert json.loads(done.stdout)["sha256"] == fingerprint(fresh) != fingerprint(before)
    async with van.client() as client:
        stream = client.stream("GET", "/health")
        async with stream as answer:
            ssl_object = answer.extensions["network_stream"].get_extra_info("ssl_object")
            shown_now = read_certificate(ssl.DER_cert_to_PEM_cert(ssl_object.getpeercert(binary_form=True)).encode())
    assert shown_now == fresh


def test_without_a_gateway_it_makes_and_renews_them(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    none = autocore("tls", "show", "--config", tmp_path)
    assert (none.returncode, "there is no certificate in" in none.stdout) == (0, True)
    missing = autocore("tls", "ca", "--config", tmp_path)
    assert (missing.returncode, "there is no certificate in" in missing.stderr) == (2, True)
    made = autocore("tls", "renew", "--config", tmp_path)
    assert made.returncode == 0, made.stderr
    pem = autocore("tls", "ca", "--config", tmp_path).stdout
    assert pem.encode() == (tmp_path / "data/ca/ca.crt").read_bytes()
    again = json.loads(autocore("tls", "renew", "--json", "--config", tmp_path).stdout)
    assert again == json.loads(autocore("tls", "show", "--json", "--config", tmp_path).stdout)["certificate"]


def test_where_nothing_is_encrypted_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("telemetry:\n")
    done = autocore("tls", "renew", "--config", tmp_path)
    assert (done.returncode, "nothing is encrypted by this configuration" in done.stderr) == (2, True)
    assert not (tmp_path / "data").exists()


def test_a_client_gets_its_file_once(tmp_path: Path) -> None:
    authority = authority_of(tmp_path / "data/ca")
    file = tmp_path / "dash.pem"
    done = autocore("tls", "client", "dash_1", "--output", file, "--config", tmp_path)
    assert done.returncode == 0, done.stderr
    bundle = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert belong_together(read_key(bundle), read_certificate(bundle))
    assert is_signed_by(read_certificate(bundle), authority.certificate)
    again = autocore("tls", "client", "dash_1", "--output", file, "--config", tmp_path)
    assert (again.returncode, "exists already; nothing was written" in again.stderr) == (1, True)
    wrong = autocore("tls", "client", "a b", "--output", tmp_path / "x.pem", "--config", tmp_path)
    assert (wrong.returncode, "the name of a client" in wrong.stderr) == (1, True)
    assert "PRIVATE" not in done.stdout


def test_a_damaged_authority_is_told_and_left_alone(tmp_path: Path) -> None:
    authority = authority_of(tmp_path / "data/ca")
    authority.file.write_bytes(b"nonsense")
    for words in (("show",), ("ca",), ("client", "dash_1", "--output", tmp_path / "x.pem")):
        done = autocore("tls", *words, "--config", tmp_path)
        assert (done.returncode, "is damaged; the gateway sets it aside" in done.stderr) == (2, True), words
    assert authority.file.read_bytes() == b"nonsense"


# ---- the doctor


def said(folder: Path, now: datetime | None, names: Names | None = NAMES) -> dict[str, tuple[Level, str]]:
    return {one.part: (one.level, one.text) for one in look_at_certificates(folder, names, now)}


def test_the_doctor_says_until_when_they_hold_and_when_that_is_over(tmp_path: Path) -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    authority = authority_of(tmp_path, now)
    end = span_of(authority.server).end  # type: ignore[arg-type]  # it is there
    assert {level for level, _ in said(tmp_path, now).values()} == {Level.OK}
    assert fingerprint(authority.certificate) in said(tmp_path, now)["ca/ca.crt"][1]
    for at, level in (
        (end - timedelta(days=31), Level.OK),
        (end - timedelta(days=20), Level.WARNING),
        (end + timedelta(days=1), Level.PROBLEM),
        (now - timedelta(days=100), Level.PROBLEM),
        (None, Level.OK),
    ):
        assert said(tmp_path, at)["ca/server.pem"][0] is level, at


def test_the_doctor_says_what_does_not_fit(tmp_path: Path) -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    assert said(tmp_path, now)["certificates"][0] is Level.OK  # none yet
    authority = authority_of(tmp_path, now)
    moved = Names(NAMES.hosts, (*NAMES.addresses, "10.0.0.9"))
    assert said(tmp_path, now, moved)["ca/server.pem"] == (Level.WARNING, "it is not good for 10.0.0.9")
    other = authority_of(tmp_path / "other", now)
    authority.server_file.write_bytes(other.server_file.read_bytes())
    assert said(tmp_path, now)["ca/server.pem"] == (Level.PROBLEM, "it is not signed by ca/ca.crt")
    authority.file.write_bytes(b"")
    assert said(tmp_path, now)["ca/ca.crt"][0] is Level.PROBLEM
    assert said(tmp_path, now, None)["ca/ca.crt"][0] is Level.PROBLEM


@pytest.mark.parametrize("name", ["ca.key", "server.pem"])
def test_the_doctor_finds_keys_that_others_can_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "data").mkdir(mode=0o700)
    authority_of(tmp_path / "data/ca")
    os.chmod(tmp_path / "data/ca" / name, 0o644)  # noqa: PTH101  # as a person does
    done = autocore("doctor", "--json", "--config", tmp_path)
    found = {one["part"]: one["text"] for one in json.loads(done.stdout)["findings"] if one["level"] == "problem"}
    assert found == {f"ca/{name}": "others can read this secret"}
