"""`autocore tls`: what the gateway shows on the network, and whom to trust for it; read from the data folder."""

from __future__ import annotations

import click

from autocore.cli.options import Common, common
from autocore.core.clock import SystemClock
from autocore.core.errors import UnknownName
from autocore.tls.authority import About, Authority


@click.group()
def tls() -> None:
    """See the certificate authority and the certificate of this gateway."""


@tls.command()
@common
def show(shared: Common) -> None:
    """Tell fingerprints, how long they hold, and the names in the certificate."""
    authority = _there(shared)
    ca, server = authority.about_ca(), authority.about_server()
    answer = {"ca": _view(ca), "ca_file": str(authority.files.ca), "server": None if server is None else _view(server)}
    lines = [f"certificate authority: {authority.files.ca}", *_lines(ca)]
    if server is not None:
        lines += [f"certificate: {authority.files.certificate}", *_lines(server), f"  names        {', '.join(server.names)}"]
    shared.show(answer, "\n".join(lines))


@tls.command()
@common
def ca(shared: Common) -> None:
    """Print the certificate of the authority, in PEM: what boards and browsers have to trust."""
    pem = _there(shared).ca_pem
    shared.show({"ca": pem}, pem.rstrip())


def _there(shared: Common) -> Authority:
    authority = Authority(shared.data, SystemClock(), "", lambda _file, _meaning: None)
    if not authority.files.ca.exists():
        raise UnknownName("certificate authority", f"in {shared.data}; it is made once mqtt.host lies beyond this machine")
    return authority


def _view(about: About) -> dict[str, object]:
    return {
        "sha256": about.fingerprint,
        "valid_from": about.valid_from.isoformat(),
        "valid_until": about.valid_until.isoformat(),
        "names": list(about.names),
    }


def _lines(about: About) -> list[str]:
    return [
        f"  SHA-256      {about.fingerprint}",
        f"  valid        {about.valid_from:%Y-%m-%d} to {about.valid_until:%Y-%m-%d}",
    ]
