"""The CA of one gateway and the certificate of its servers, in `<data>/ca/`.

The CA is valid from 2020 on, so that a board or a gateway whose clock was never set can work with it, and so long that it
outlives the vehicle. The servers' certificate is short-lived and made anew by itself; no clock that is not set judges it.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from autocore.core.clock import EARLIEST_WALL_NS, NS, Clock
from autocore.core.disk import write_file
from autocore.core.errors import StorageError
from autocore.core.model import Quality

FOLDER = "ca"
CA_FROM, CA_UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
SERVER_DAYS = 397  # what browsers take at most
RENEW_DAYS = 30
BACK = timedelta(days=2)  # clocks of boards and phones may be behind
EARLIEST = datetime.fromtimestamp(EARLIEST_WALL_NS / NS, UTC)

log = logging.getLogger("autocore.tls")


@dataclass(frozen=True, slots=True)
class Files:
    """What a server is given."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class About:
    """What there is to know of a certificate."""

    fingerprint: str
    """SHA-256, as browsers show it."""
    valid_from: datetime
    valid_until: datetime
    names: tuple[str, ...]


class Authority:
    """Makes and keeps the certificates.

    Args:
        data: the data folder.
        clock: says whether a certificate has run out.
        vehicle: what the owner calls the vehicle; it stands in the CA's name.
        set_aside: moves a file that cannot be used away and tells people what that means.
    """

    def __init__(self, data: Path, clock: Clock, vehicle: str, set_aside: Callable[[Path, str], object]) -> None:
        self._folder = data / FOLDER
        self._clock = clock
        self._vehicle = vehicle
        self._set_aside = set_aside
        self._ca_key = self._folder / "ca.key"
        self.files = Files(self._folder / "ca.pem", self._folder / "server.pem", self._folder / "server.key")

    @property
    def ca_pem(self) -> str:
        """The certificate of the CA; raises StorageError."""
        return self._found().public_bytes(serialization.Encoding.PEM).decode()

    def keep(self, names: Iterable[str]) -> bool:
        """See to it that there is a certificate for exactly these host names and addresses, and say whether it is a new one.

        Raises:
            StorageError: a file cannot be written or read.
        """
        wanted = tuple(sorted(set(names)))
        key, ca = self._ca()
        found = self._server(ca)
        if found is not None and _names_of(found) == wanted and self._is_good(found):
            return False
        self._write_server(key, ca, wanted)
        return True

    def about_ca(self) -> About:
        """Give what there is to know of the CA; raises StorageError."""
        return _about(self._found())

    def about_server(self) -> About | None:
        """Give what there is to know of the servers' certificate, None when there is none; raises StorageError."""
        found = self._server(self._found())
        return None if found is None else _about(found)

    def _found(self) -> x509.Certificate:
        """Give the certificate of the CA as it is; raises StorageError when it cannot be read, or there is none."""
        pair = self._read_ca()
        if pair is None:
            raise StorageError(f"{self.files.ca} and its key cannot be used; the next start of the gateway makes them anew")
        return pair[1]

    def _read_ca(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        try:
            key = serialization.load_pem_private_key(self._ca_key.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(self.files.ca.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, UnsupportedAlgorithm) as error:
            log.error("the certificate authority cannot be read: %s", error)  # noqa: TRY400  # a sentence; it is made anew
            return None
        except OSError as error:
            raise StorageError(f"{self._folder} cannot be read: {error.strerror}; TLS needs its certificates") from error
        is_pair = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
        return (key, certificate) if is_pair and isinstance(key, ec.EllipticCurvePrivateKey) else None

    def _ca(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        found = self._read_ca()
        if found is not None:
            return found
        try:
            for one in (self._ca_key, self.files.ca):
                if one.exists():
                    self._set_aside(one, "there is a new certificate authority; boards and browsers have to be told to trust it")
            return self._make_ca()
        except OSError as error:
            raise StorageError(f"{self._folder} cannot be written: {error.strerror}; TLS needs its certificates") from error

    def _make_ca(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"AutoCore CA of {self._vehicle}"[:64])])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(CA_FROM)
            .not_valid_after(CA_UNTIL)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(is_ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._ca_key, _pem_of(key))
        write_file(self.files.ca, certificate.public_bytes(serialization.Encoding.PEM))
        log.warning("a certificate authority was made; whoever connects with TLS has to trust %s", self.files.ca)
        return key, certificate

    def _server(self, ca: x509.Certificate) -> x509.Certificate | None:
        """Give the servers' certificate when it, its key and the CA belong together."""
        try:
            found = x509.load_pem_x509_certificate(self.files.certificate.read_bytes())
            key = serialization.load_pem_private_key(self.files.key.read_bytes(), None)
            found.verify_directly_issued_by(ca)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{self._folder} cannot be read: {error.strerror}") from error
        except Exception:  # noqa: BLE001  # whatever is wrong with it (the library raises many kinds), it is made anew
            return None
        is_whole = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == found.public_key()
        return found if is_whole else None

    def _write_server(self, ca_key: ec.EllipticCurvePrivateKey, ca: x509.Certificate, names: tuple[str, ...]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._now() or EARLIEST
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AutoCore")]))
            .issuer_name(ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACK)
            .not_valid_after(now - BACK + timedelta(days=SERVER_DAYS))
            .add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(is_ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        try:
            write_file(self.files.key, _pem_of(key))
            write_file(self.files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        except OSError as error:
            raise StorageError(f"{self._folder} cannot be written: {error.strerror}; TLS needs its certificates") from error
        log.info("the servers have a new certificate for %s", ", ".join(names))

    def _is_good(self, found: x509.Certificate) -> bool:
        now = self._now()
        if now is None:
            return True
        return found.not_valid_before_utc <= now <= found.not_valid_after_utc - timedelta(days=RENEW_DAYS)

    def _now(self) -> datetime | None:
        """Give the time, None while nobody knows it."""
        wall_ns, quality = self._clock.wall_ns()
        return None if wall_ns is None or quality is Quality.UNSET else datetime.fromtimestamp(wall_ns // NS, UTC)


def _about(found: x509.Certificate) -> About:
    digest = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return About(digest, found.not_valid_before_utc, found.not_valid_after_utc, _names_of(found))


def _names_of(found: x509.Certificate) -> tuple[str, ...]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(sorted(str(one.value) for one in names))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
