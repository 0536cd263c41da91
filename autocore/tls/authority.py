"""The authority on the disk: its key and its certificate, and the one certificate that it keeps for the gateway's own ports.

Files are replaced whole and for good. What cannot be used is kept aside, and people are told what its loss means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cryptography.x509 import Certificate

from autocore.core.clock import LATEST_WALL_NS, NS
from autocore.core.disk import write_file
from autocore.core.errors import InvalidData, StorageError
from autocore.damage import Damages
from autocore.tls import certificates
from autocore.tls.names import Names
from autocore.tls.validity import BACK, EARLIEST, span_of_authority, span_of_certificate, span_of_client

KEY, CERTIFICATE = "ca.key", "ca.crt"
SERVER = "server.pem"  # key and certificate in one file: a cut between two would leave a pair that is none
LOST_KEY = "a new authority is made; devices and browsers must trust the new CA"
LOST_CERTIFICATE = "it is made anew from its key, with another fingerprint; who trusts it need do nothing"
LOST_SERVER = "another one is issued; nobody has to do anything"
T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LATEST = datetime.fromtimestamp(LATEST_WALL_NS / NS, UTC)


class Authority:
    """The gateway's own certificate authority.

    Args:
        folder: `<data>/ca`; made when it is missing.
        now: gives the time when it can be believed, else None.
        damages: hears of files that could not be used.
        guess: gives the time that the machine's clock says, believed or not: better than nothing for a first certificate.
    """

    def __init__(
        self,
        folder: Path,
        now: Callable[[], datetime | None],
        damages: Damages,
        guess: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._now = now
        self._guess = guess
        self._damages = damages
        self._key: certificates.Key
        self.certificate: Certificate
        """The authority's own certificate."""
        self.server: Certificate | None = None
        """The one that the gateway's ports show, None before `serve`."""

    @property
    def server_file(self) -> Path:
        """Where key and certificate of the ports stand, as PEM."""
        return self._folder / SERVER

    @property
    def file(self) -> Path:
        """Where the authority's own certificate stands, as PEM."""
        return self._folder / CERTIFICATE

    def open(self) -> None:
        """Read the authority, or make one.

        Raises:
            StorageError: the disk takes nothing.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._open()
        except OSError as error:
            raise StorageError(f"{self._folder} cannot be written: {error.strerror}; the gateway has no certificate") from error

    def read(self) -> None:
        """Read the authority, and change nothing.

        Raises:
            StorageError: it cannot be read; the gateway makes another at its next start.
        """
        try:
            self._key = certificates.read_key((self._folder / KEY).read_bytes())
            self.certificate = certificates.read_certificate(self.file.read_bytes())
        except (OSError, ValueError) as error:
            raise StorageError(f"the authority in {self._folder} cannot be used: {error}") from error
        if not certificates.belong_together(self._key, self.certificate):
            raise StorageError(f"the authority in {self._folder} cannot be used: its key is another one; start the gateway")

    def serve(self, names: Names, *, anew: bool = False) -> bool:
        """Have a certificate for the ports that is good for `names` now; say whether it is another one than before.

        Args:
            names: the gateway's.
            anew: issue one in any case.

        Raises:
            StorageError: the disk takes nothing.
        """
        if self.server is None:
            self.server = self._read_server()
        held = self.server
        if not anew and self.is_good(names):
            return False
        key = certificates.make_key()
        fresh = certificates.issue_server(self.certificate, self._key, key, names, span_of_certificate(self._base(held)))
        try:
            write_file(self.server_file, certificates.key_pem(key) + certificates.certificate_pem(fresh))
        except OSError as error:
            raise StorageError(f"{self.server_file} cannot be written: {error.strerror}; make room on the disk") from error
        self.server = fresh
        return True

    def is_good(self, names: Names) -> bool:
        """Say whether the certificate of the ports is this authority's, good for `names`, and not due to be renewed."""
        held = self.server
        if held is None or not certificates.is_signed_by(held, self.certificate):
            return False
        return certificates.names_in(held).covers(names) and not certificates.span_of(held).is_due(self._now())

    def issue_client(self, name: str) -> bytes:
        """Give key, certificate and the authority's certificate for a client, as one PEM; the gateway keeps no copy.

        Raises:
            InvalidData: this is no name.
        """
        if not _NAME.fullmatch(name):
            raise InvalidData("the name of a client has 1 to 64 letters, digits, `_`, `-` and `.`", field="name")
        key = certificates.make_key()
        span = span_of_client(self._base(None), certificates.span_of(self.certificate))
        made = certificates.issue_client(self.certificate, self._key, key, name, span)
        parts = (certificates.key_pem(key), certificates.certificate_pem(made), certificates.certificate_pem(self.certificate))
        return b"".join(parts)

    def _open(self) -> None:
        key_file, file = self._folder / KEY, self.file
        key = self._read(key_file, certificates.read_key, LOST_KEY)
        held = self._read(file, certificates.read_certificate, LOST_CERTIFICATE if key is not None else LOST_KEY)
        if key is None:
            if held is not None:
                self._damages.set_aside(file, f"its key is gone; {LOST_KEY}")
            key, held = certificates.make_key(), None
            write_file(key_file, certificates.key_pem(key))
        elif held is not None and not certificates.belong_together(key, held):
            self._damages.set_aside(file, LOST_CERTIFICATE)
            held = None
        if held is None:
            held = certificates.make_authority(key, span_of_authority(self._base(None)))
            write_file(file, certificates.certificate_pem(held), mode=0o644)
        self._key, self.certificate = key, held

    def _read_server(self) -> Certificate | None:
        def read(pem: bytes) -> Certificate:
            found = certificates.read_certificate(pem)
            if not certificates.belong_together(certificates.read_key(pem), found):
                raise ValueError("its key is another one")
            return found

        return self._read(self.server_file, read, LOST_SERVER)

    def _read(self, file: Path, read: Callable[[bytes], T], meaning: str) -> T | None:
        try:
            return read(file.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            self._damages.set_aside(file, meaning)
            return None

    def _base(self, held: Certificate | None) -> datetime:
        """Give the time from which a certificate is reckoned: now, or the latest that it was at least when nobody knows."""
        now = self._now()
        if now is not None:
            return now
        bases = [EARLIEST]
        guess = self._guess()
        if guess < _LATEST:
            bases.append(guess)
        if held is not None:
            bases.append(certificates.span_of(held).start + BACK)
        return max(bases)
