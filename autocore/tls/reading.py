"""Looking at an authority's folder without changing a byte in it, and telling what a certificate says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate

from autocore.tls import certificates
from autocore.tls.authority import CERTIFICATE, SERVER


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in a folder; a file that is missing or cannot be read as a certificate is None.

    Args:
        authority: the authority's certificate.
        server: the one of the gateway's ports.
        faults: which files are there and cannot be read, each with why.
    """

    authority: Certificate | None
    server: Certificate | None
    faults: tuple[tuple[str, str], ...] = ()


def standing_in(folder: Path) -> Standing:
    """Give what stands in `<data>/ca`; raises OSError when the folder may not be read."""
    found: dict[str, Certificate | None] = {CERTIFICATE: None, SERVER: None}
    faults = []
    for name in found:
        try:
            found[name] = certificates.read_certificate((folder / name).read_bytes())
        except FileNotFoundError:
            continue
        except ValueError as error:
            faults.append((name, str(error).partition("\n")[0]))
    return Standing(found[CERTIFICATE], found[SERVER], tuple(faults))


def view(certificate: Certificate | None) -> dict[str, Any] | None:
    """Give what a certificate says, in types of JSON; None for none."""
    if certificate is None:
        return None
    span, names = certificates.span_of(certificate), certificates.names_in(certificate)
    return {
        "name": certificates.title_of(certificate),
        "sha256": certificates.fingerprint(certificate),
        "valid_from": span.start.isoformat().replace("+00:00", "Z"),
        "valid_until": span.end.isoformat().replace("+00:00", "Z"),
        "hosts": list(names.hosts),
        "addresses": list(names.addresses),
    }
