"""The certificates: whether they are there, can be read, belong together, and hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate

from autocore.doctor.finding import Finding, ok, problem, warning
from autocore.tls import certificates
from autocore.tls.authority import CERTIFICATE, SERVER
from autocore.tls.names import Names
from autocore.tls.reading import standing_in
from autocore.tls.validity import RENEW

ANEW = "start the gateway: it sets the file aside and makes another"


def look_at_certificates(folder: Path, names: Names | None, now: datetime | None) -> Iterator[Finding]:
    """Say how the certificates are.

    Args:
        folder: `<data>/ca`.
        names: of the gateway now; None where nothing of it is encrypted.
        now: the time; None when nobody knows it, and then nothing has expired.
    """
    try:
        standing = standing_in(folder)
    except OSError as error:
        yield problem("certificates", f"{folder} cannot be read: {error.strerror}", "look at its owner and its permissions")
        return
    for name, why in standing.faults:
        yield problem(f"ca/{name}", f"it is damaged: {why}", ANEW)
    if names is None:
        return
    if standing.authority is None and not standing.faults:
        yield ok("certificates", "there are none yet; the gateway makes them at its start")
        return
    if standing.authority is not None:
        print_of = certificates.fingerprint(standing.authority)
        yield from _held(f"ca/{CERTIFICATE}", standing.authority, now, f"SHA-256 {print_of}", "autocore restore, or delete ca/")
    if standing.server is not None:
        todo = "let the gateway run with the right time: it renews it by itself; or autocore tls renew"
        yield from _held(f"ca/{SERVER}", standing.server, now, "", todo)
        yield from _fits(standing.server, standing.authority, names)


def _held(part: str, one: Certificate, now: datetime | None, more: str, todo: str) -> Iterator[Finding]:
    span = certificates.span_of(one)
    text = f"it holds until {span.end:%Y-%m-%d}{'; ' + more if more else ''}"
    if now is None:
        yield ok(part, f"{text}; the clock is not set, so it is not known whether that is over")
    elif now > span.end:
        yield problem(part, f"it held until {span.end:%Y-%m-%d}; browsers and boards refuse it", todo)
    elif now < span.start:
        yield problem(part, f"it holds only from {span.start:%Y-%m-%d}; browsers and boards refuse it", todo)
    elif now > span.end - RENEW:
        yield warning(part, text, todo)
    else:
        yield ok(part, text)


def _fits(server: Certificate, authority: Certificate | None, names: Names) -> Iterator[Finding]:
    if authority is not None and not certificates.is_signed_by(server, authority):
        yield problem(f"ca/{SERVER}", f"it is not signed by ca/{CERTIFICATE}", "autocore tls renew")
    elif not certificates.names_in(server).covers(names):
        has = certificates.names_in(server)
        missing = [one for one in (*names.hosts, *names.addresses) if one not in (*has.hosts, *has.addresses)]
        text = f"it is not good for {', '.join(missing)}"
        yield warning(f"ca/{SERVER}", text, "start the gateway, or give it a minute; or autocore tls renew")
