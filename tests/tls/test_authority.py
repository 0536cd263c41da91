"""The gateway's own authority: what its certificates say, how long they hold, and what becomes of damaged files."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import InvalidData, StorageError
from autocore.damage import Damages
from autocore.tls import certificates
from autocore.tls.authority import LOST_CERTIFICATE, LOST_KEY, LOST_SERVER, Authority
from autocore.tls.names import LOOPBACK, MOST_ADDRESSES, Names, names_of
from autocore.tls.reading import standing_in, view
from autocore.tls.validity import BACK, CA_FROM, EARLIEST, RENEW, span_of_authority, span_of_certificate

TODAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
NAMES = Names(("localhost", "van.local"), (*LOOPBACK, "192.168.4.1"))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2055, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # the strategy adds it


class Van:
    """An authority on a folder, with a clock that a test sets."""

    def __init__(self, folder: Path, now: datetime | None = TODAY, guess: datetime = EARLIEST) -> None:
        self.folder = folder / "ca"
        self.now = now
        self.guess = guess
        self.damages = Damages()
        self.authority = self.again()

    def again(self) -> Authority:
        """The next start of the gateway."""
        self.authority = Authority(self.folder, lambda: self.now, self.damages, lambda: self.guess)
        self.authority.open()
        return self.authority


@pytest.fixture
def van(tmp_path: Path) -> Van:
    return Van(tmp_path)


def test_files_are_made_once_and_the_keys_are_their_owners_only(van: Van) -> None:
    assert van.authority.serve(NAMES)
    first = {file.name: file.read_bytes() for file in van.folder.iterdir()}
    assert set(first) == {"ca.key", "ca.crt", "server.pem"}
    assert not van.again().serve(NAMES)
    assert {file.name: file.read_bytes() for file in van.folder.iterdir()} == first
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in van.folder.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.crt": 0o644, "server.pem": 0o600}
    assert stat.S_IMODE(van.folder.stat().st_mode) == 0o700
    assert van.damages.sentences == []


def test_openssl_accepts_the_chain_as_strictly_as_it_can(van: Van) -> None:
    van.authority.serve(NAMES)
    context = ssl.create_default_context(cafile=str(van.folder / "ca.crt"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(van.authority.server_file)
    for name in ("van.local", "192.168.4.1", "::1"):
        assert _handshake(context, server, name) == ""
    for stranger in ("van.example.org", "192.168.4.2"):
        assert "mismatch" in _handshake(context, server, stranger)


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> str:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(back, there, server_hostname=name)
    other = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


@given(MOMENTS)
def test_a_certificate_holds_long_enough_and_not_too_long(now: datetime) -> None:
    span = span_of_certificate(now)
    assert span.holds(now - timedelta(days=89))  # a display whose clock stood still while the vehicle was parked
    assert timedelta(0) < span.end - span.start <= timedelta(days=397)
    assert not span.is_due(now)
    assert not span.is_due(now + timedelta(days=200))
    assert span.is_due(span.end - RENEW)
    assert span.is_due(span.start - timedelta(seconds=1))  # it was issued by a clock that was ahead
    assert not span.is_due(None)
    authority = span_of_authority(now)
    assert authority.start == CA_FROM
    assert authority.end >= now + timedelta(days=20 * 365 - 4)
    assert authority.holds(span.end)


HOSTS = st.text("abcxyz019-_.", max_size=70)
ADDRESSES = st.one_of(st.ip_addresses().map(str), st.sampled_from(["localhost", "", "nonsense", "fe80::1%eth0", "0.0.0.0"]))


@given(HOSTS, HOSTS, st.lists(HOSTS | ADDRESSES, max_size=4), st.lists(ADDRESSES, max_size=80))
def test_whatever_the_machine_is_called_its_names_can_stand_in_a_certificate(
    hostname: str, machine: str, further: list[str], addresses: list[str]
) -> None:
    names = names_of(hostname, machine, further, addresses)
    assert "localhost" in names.hosts
    assert set(LOOPBACK) <= set(names.addresses)
    assert len(names.addresses) <= MOST_ADDRESSES + len(LOOPBACK) + len(further)
    assert list(names.hosts) == sorted(set(names.hosts))
    assert names == names_of(hostname, machine, further[::-1], addresses[::-1])
    key = certificates.make_key()
    authority = certificates.make_authority(key, span_of_authority(TODAY))
    made = certificates.issue_server(authority, key, certificates.make_key(), names, span_of_certificate(TODAY))
    assert certificates.names_in(made) == names
    assert certificates.is_signed_by(made, authority)


def test_a_new_address_brings_a_new_certificate_and_one_that_is_gone_does_not(van: Van) -> None:
    van.authority.serve(NAMES)
    home = Names(NAMES.hosts, (*NAMES.addresses, "10.0.0.7"))
    assert van.authority.serve(home)
    assert not van.authority.serve(NAMES)
    assert view(van.authority.server)["addresses"] == list(home.addresses)  # type: ignore[index]  # it is there


def test_it_is_renewed_at_thirty_days_and_the_authority_stays(van: Van) -> None:
    van.authority.serve(NAMES)
    trusted = van.authority.certificate
    end = certificates.span_of(van.authority.server).end  # type: ignore[arg-type]  # it is there
    van.now = end - timedelta(days=31)
    assert not van.again().serve(NAMES)
    van.now = end - timedelta(days=30)
    assert van.again().serve(NAMES)
    assert van.authority.certificate == trusted
    assert certificates.span_of(van.authority.server).holds(end + timedelta(days=200))  # type: ignore[arg-type]


def test_while_nobody_knows_the_time_nothing_expires_and_what_is_made_never_goes_back(van: Van) -> None:
    van.authority.serve(NAMES)
    held = van.authority.server
    van.now, van.guess = None, datetime(2070, 1, 1, tzinfo=UTC)
    assert not van.again().serve(NAMES)
    assert van.authority.server == held
    other = Names(NAMES.hosts, (*NAMES.addresses, "10.0.0.7"))  # an address is new, whatever the time
    assert van.authority.serve(other)
    span = certificates.span_of(van.authority.server)  # type: ignore[arg-type]
    assert span.start + BACK == TODAY  # from when it was last known, not from a clock that lost its memory


@pytest.mark.parametrize(
    ("guess", "base"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), EARLIEST),
        (datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)),
        (datetime(2070, 1, 1, tzinfo=UTC), EARLIEST),
    ],
    ids=["no battery", "as it was when the power went", "nonsense"],
)
def test_a_vehicle_whose_clock_was_never_set_has_certificates_too(tmp_path: Path, guess: datetime, base: datetime) -> None:
    van = Van(tmp_path, None, guess)
    van.authority.serve(NAMES)
    assert certificates.span_of(van.authority.certificate).start == CA_FROM
    assert certificates.span_of(van.authority.server).start + BACK == base  # type: ignore[arg-type]


def _nonsense(file: Path) -> None:
    file.write_bytes(b"-----BEGIN NONSENSE-----\n" * 3)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:150])


def _foreign(file: Path) -> None:
    other = Van(file.parent / "other")
    other.authority.serve(NAMES)
    file.write_bytes((other.folder / file.name).read_bytes())


@pytest.mark.parametrize("damage", [_nonsense, _empty, _cut])
def test_a_damaged_key_is_set_aside_and_people_are_told_to_trust_the_new_authority(
    van: Van, damage: Callable[[Path], None]
) -> None:
    van.authority.serve(NAMES)
    before = van.authority.certificate
    damage(van.folder / "ca.key")
    assert van.again().serve(NAMES)
    assert van.authority.certificate.subject != before.subject
    assert any(LOST_KEY in sentence for sentence in van.damages.sentences)
    assert {"ca.key.damaged-1", "ca.crt.damaged-1"} <= {file.name for file in van.folder.iterdir()}


@pytest.mark.parametrize("damage", [_nonsense, _empty, _cut, _foreign, Path.unlink])
def test_a_damaged_certificate_is_made_anew_from_its_key_and_who_trusts_it_goes_on(
    van: Van, damage: Callable[[Path], None]
) -> None:
    van.authority.serve(NAMES)
    held, before = van.authority.server, van.authority.certificate
    damage(van.folder / "ca.crt")
    assert not van.again().serve(NAMES)
    assert van.authority.server == held
    assert certificates.is_signed_by(held, before)  # type: ignore[arg-type]
    assert van.authority.certificate.subject == before.subject
    assert all(LOST_CERTIFICATE in sentence for sentence in van.damages.sentences)
    assert len(van.damages.sentences) == (0 if damage is Path.unlink else 1)


@pytest.mark.parametrize("damage", [_nonsense, _empty, _cut])
def test_a_damaged_certificate_of_the_ports_is_issued_anew(van: Van, damage: Callable[[Path], None]) -> None:
    van.authority.serve(NAMES)
    damage(van.authority.server_file)
    assert van.again().serve(NAMES)
    assert LOST_SERVER in van.damages.sentences[0]


def test_a_certificate_of_another_authority_is_issued_anew(van: Van) -> None:
    van.authority.serve(NAMES)
    _foreign(van.authority.server_file)
    assert van.again().serve(NAMES)
    assert certificates.is_signed_by(van.authority.server, van.authority.certificate)  # type: ignore[arg-type]


def test_a_disk_that_takes_nothing_leaves_what_was_there(van: Van, monkeypatch: pytest.MonkeyPatch) -> None:
    van.authority.serve(NAMES)
    before = van.authority.server_file.read_bytes()

    def full(file: Path, content: bytes, *, mode: int = 0o600) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("autocore.tls.authority.write_file", full)
    with pytest.raises(StorageError, match="No space left on device; make room"):
        van.authority.serve(NAMES, anew=True)
    assert van.authority.server_file.read_bytes() == before
    assert certificates.certificate_pem(van.authority.server) in before  # type: ignore[arg-type]


def test_a_client_gets_key_certificate_and_authority_in_one_file_and_nothing_of_it_stays(van: Van) -> None:
    files = set(van.folder.iterdir())
    bundle = van.authority.issue_client("dash_1")
    assert set(van.folder.iterdir()) == files
    made = certificates.read_certificate(bundle)
    assert certificates.belong_together(certificates.read_key(bundle), made)
    assert (certificates.title_of(made), certificates.is_signed_by(made, van.authority.certificate)) == ("dash_1", True)
    span = certificates.span_of(made)
    assert (span.start, span.holds(TODAY + timedelta(days=3_600))) == (CA_FROM, True)  # the gateway's clock may be a guess
    assert bundle.endswith((van.folder / "ca.crt").read_bytes())
    for name in ("", "a b", "ü", "x" * 65, "a/b"):
        with pytest.raises(InvalidData):
            van.authority.issue_client(name)


def test_looking_at_a_folder_changes_nothing_and_tells_what_cannot_be_read(van: Van, tmp_path: Path) -> None:
    assert standing_in(tmp_path / "nowhere").authority is None
    van.authority.serve(NAMES)
    standing = standing_in(van.folder)
    assert (standing.authority, standing.server, standing.faults) == (van.authority.certificate, van.authority.server, ())
    _nonsense(van.authority.server_file)
    assert [name for name, _ in standing_in(van.folder).faults] == ["server.pem"]
    assert not list(van.folder.glob("*.damaged*"))
