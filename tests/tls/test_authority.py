"""The gateway's own CA: what it signs is trusted with it and without it is not, whatever the clock says."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from autocore.core.clock import NS
from autocore.core.model import Quality
from autocore.damage import Damages
from autocore.testing import FakeClock
from autocore.tls.authority import CA_FROM, RENEW_DAYS, SERVER_DAYS, Authority
from autocore.tls.names import names_of
from autocore.tls.renewal import LOOK_EVERY_S, Renewal
from tests.cli.test_commands import autocore

NAMES = ("localhost", "127.0.0.1", "autocore.local")
LABELS = st.from_regex(r"[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?", fullmatch=True)
ADDRESSES = st.ip_addresses().map(str)


def clock_at(moment: datetime | None) -> FakeClock:
    clock = FakeClock()
    if moment is None:
        clock.set_wall(None, Quality.UNSET)
    else:
        clock.set_wall(round(moment.timestamp()) * NS)
    return clock


def made(folder: Path, clock: FakeClock, damages: Damages | None = None) -> Authority:
    return Authority(folder, clock, "Blue bus", (damages or Damages()).set_aside)


def test_a_server_with_it_can_be_started_and_nobody_else_can_read_the_keys(tmp_path: Path) -> None:
    authority = made(tmp_path, clock_at(datetime(2026, 5, 1, tzinfo=UTC)))
    assert authority.keep(NAMES)
    assert not authority.keep(NAMES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.files.certificate, authority.files.key)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "ca").iterdir()} == {0o600}
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700
    about = authority.about_server()
    assert about is not None
    assert about.names == tuple(sorted(NAMES))
    assert len(authority.about_ca().fingerprint) == 32 * 3 - 1


@pytest.mark.parametrize("moment", [None, datetime(2026, 5, 1, tzinfo=UTC), datetime(2051, 5, 1, tzinfo=UTC)])
def test_it_is_good_for_a_clock_that_is_right_and_for_one_that_was_never_set(tmp_path: Path, moment: datetime | None) -> None:
    authority = made(tmp_path, clock_at(moment))
    authority.keep(NAMES)
    about = authority.about_server()
    assert about is not None
    now = moment or datetime(2026, 1, 2, tzinfo=UTC)
    assert about.valid_from < now < about.valid_until
    assert about.valid_until - about.valid_from <= timedelta(days=SERVER_DAYS)
    assert authority.about_ca().valid_from == CA_FROM
    assert authority.about_ca().valid_until > now


def test_it_is_renewed_in_time_and_for_new_names_and_the_ca_stays(tmp_path: Path) -> None:
    began = datetime(2026, 5, 1, tzinfo=UTC)
    authority = made(tmp_path, clock_at(began))
    authority.keep(NAMES)
    ca = authority.ca_pem
    later = made(tmp_path, clock_at(began + timedelta(days=SERVER_DAYS - RENEW_DAYS - 5)))
    assert not later.keep(NAMES)
    due = made(tmp_path, clock_at(began + timedelta(days=SERVER_DAYS - RENEW_DAYS + 1)))
    assert due.keep(NAMES)
    assert due.keep((*NAMES, "10.0.0.7"))
    unset = made(tmp_path, clock_at(None))
    assert not unset.keep((*NAMES, "10.0.0.7"))  # nobody knows whether it has run out
    back = made(tmp_path, clock_at(datetime(2026, 1, 2, tzinfo=UTC)))
    assert back.keep((*NAMES, "10.0.0.7"))  # for this clock it is not valid yet
    assert back.ca_pem == ca


@pytest.mark.parametrize("harmed", ["ca.key", "ca.pem"])
def test_a_damaged_ca_is_kept_aside_and_people_hear_what_that_means(tmp_path: Path, harmed: str) -> None:
    clock = clock_at(datetime(2026, 5, 1, tzinfo=UTC))
    authority = made(tmp_path, clock)
    authority.keep(NAMES)
    ca = authority.ca_pem
    (tmp_path / "ca" / harmed).write_bytes(b"-----BEGIN nonsense")
    said: list[str] = []
    damages = Damages()
    again = made(tmp_path, clock, damages)
    assert again.keep(NAMES)
    assert again.ca_pem != ca
    damages.start(said.append)
    assert any("boards and browsers have to be told to trust it" in one for one in said)
    assert (tmp_path / "ca" / f"{harmed}.damaged-1").read_bytes() == b"-----BEGIN nonsense"


@pytest.mark.parametrize("harmed", ["server.key", "server.pem"])
def test_a_damaged_certificate_is_made_anew(tmp_path: Path, harmed: str) -> None:
    authority = made(tmp_path, clock_at(datetime(2026, 5, 1, tzinfo=UTC)))
    authority.keep(NAMES)
    (tmp_path / "ca" / harmed).write_bytes(b"nonsense")
    assert authority.keep(NAMES)
    assert not authority.keep(NAMES)


@settings(max_examples=25, deadline=None)
@given(names=st.sets(LABELS.map(lambda one: f"{one}.local"), min_size=1, max_size=4), addresses=st.sets(ADDRESSES, max_size=4))
def test_every_name_and_address_stands_in_it(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], addresses: set[str]
) -> None:
    authority = made(tmp_path_factory.mktemp("ca"), clock_at(datetime(2026, 5, 1, tzinfo=UTC)))
    authority.keep(names | addresses)
    found = x509.load_pem_x509_certificate(authority.files.certificate.read_bytes())
    value = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(value.get_values_for_type(x509.DNSName)) == names
    assert {str(one) for one in value.get_values_for_type(x509.IPAddress)} == addresses
    assert not authority.keep(names | addresses)


async def test_a_gateway_that_runs_looks_every_hour(tmp_path: Path) -> None:
    clock = clock_at(datetime(2026, 5, 1, tzinfo=UTC))
    names = ["localhost"]
    renewal = Renewal(made(tmp_path, clock), lambda: names, clock)
    told: list[int] = []
    renewal.on_new(lambda: told.append(1))
    await renewal.begin()
    names.append("10.0.0.9")
    clock.advance(LOOK_EVERY_S)
    await renewal.stop()
    assert told == [1]
    about = renewal.authority.about_server()
    assert about is not None
    assert "10.0.0.9" in about.names


def test_the_names_are_those_under_which_people_find_it() -> None:
    assert {"localhost", "van", "van.local", "192.168.4.1"} <= set(names_of("192.168.4.1", "van"))


def test_the_command_line_tells_whom_to_trust_and_changes_nothing(tmp_path: Path) -> None:
    nothing = autocore("tls", "show", "--data", tmp_path)
    assert (nothing.returncode, "there is no certificate authority" in nothing.stderr) == (2, True)
    authority = made(tmp_path, clock_at(datetime.now(UTC)))
    authority.keep(NAMES)
    said = json.loads(autocore("tls", "show", "--data", tmp_path, "--json").stdout)
    assert said["ca"]["sha256"] == authority.about_ca().fingerprint
    assert said["server"]["names"] == sorted(NAMES)
    assert autocore("tls", "ca", "--data", tmp_path).stdout.strip() == authority.ca_pem.strip()
    (tmp_path / "ca/ca.key").write_text("nonsense")
    harmed = autocore("tls", "show", "--data", tmp_path)
    assert (harmed.returncode, "cannot be used" in harmed.stderr) == (2, True)
    assert (tmp_path / "ca/ca.key").read_text() == "nonsense"
