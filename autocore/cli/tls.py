"""`autocore tls`: the gateway's own certificates, read from the data folder, also beside a running gateway."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from autocore.backup.plan import check_none_waits
from autocore.cli.options import Common, common
from autocore.control import ask
from autocore.core.clock import SystemClock
from autocore.core.config import load
from autocore.core.errors import InvalidData, Refused, StartError, StorageError
from autocore.core.storage.state import DataFolder
from autocore.damage import Damages
from autocore.doctor.machine import holder
from autocore.doors import FOLDER, encrypts, names_now
from autocore.tls import certificates
from autocore.tls.authority import CERTIFICATE, KEY, SERVER, Authority
from autocore.tls.keeper import moment
from autocore.tls.reading import Standing, standing_in, view

NONE_YET = "there is no certificate in {folder}; the gateway makes one at its start when web.host or mqtt.host let others come"


@click.group()
def tls() -> None:
    """Show, take along, renew and issue certificates."""


@tls.command()
@common
def show(shared: Common) -> None:
    """Show names, SHA-256, validity and files of the certificates."""
    folder = shared.data / FOLDER
    standing = _standing(folder)
    answer = {
        "authority": view(standing.authority),
        "certificate": view(standing.server),
        "files": {"authority": str(folder / CERTIFICATE), "key": str(folder / KEY), "certificate": str(folder / SERVER)},
    }
    if standing.authority is None:
        shared.show(answer, NONE_YET.format(folder=folder))
        return
    lines = ["Authority (what devices and browsers trust)", *_lines(answer["authority"], folder / CERTIFICATE)]
    if standing.server is not None:
        lines += ["", "Certificate of the ports", *_lines(answer["certificate"], folder / SERVER)]
    shared.show(answer, "\n".join(lines))


@tls.command()
@common
def ca(shared: Common) -> None:
    """Print the authority's certificate as PEM, e.g. to flash it into a board."""
    authority = _standing(shared.data / FOLDER).authority
    if authority is None:
        raise StartError(NONE_YET.format(folder=shared.data / FOLDER))
    pem = certificates.certificate_pem(authority).decode()
    shared.show({"pem": pem, **(view(authority) or {})}, pem.rstrip())


@tls.command()
@common
def renew(shared: Common) -> None:
    """Issue another certificate for the ports; the authority stays, so nobody has to trust anything anew."""
    try:
        answer = ask(shared.data, "POST", "/api/v1/tls/renew", {})["certificate"]
    except StartError:  # no gateway runs on it
        answer = _renew_here(shared)
    shared.show(answer, f"the certificate of the ports holds until {answer['valid_until'][:10]}")


@tls.command()
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), help="File to be written. [default: NAME.pem]")
@common
def client(shared: Common, name: str, output: Path | None) -> None:
    """Issue a certificate for a client: key, certificate and authority in one file, of which the gateway keeps nothing."""
    check_none_waits(shared.data)
    if _standing(shared.data / FOLDER).authority is None:
        raise StartError(NONE_YET.format(folder=shared.data / FOLDER))
    authority = _authority(shared.data)
    authority.read()
    bundle = authority.issue_client(name)
    file = output or Path(f"{name}.pem")
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(bundle)
    except FileExistsError:
        raise InvalidData(f"{file} exists already; nothing was written") from None
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    made = view(certificates.read_certificate(bundle)) or {}
    shared.show({"file": str(file), **made}, f"{file} holds key and certificate of {name}; keep it secret")


def _standing(folder: Path) -> Standing:
    try:
        standing = standing_in(folder)
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}") from error
    for name, _ in standing.faults:
        raise StorageError(f"{folder / name} is damaged; the gateway sets it aside at its next start and makes another")
    return standing


def _lines(one: Any, file: Path) -> list[str]:
    names = ", ".join([*one["hosts"], *one["addresses"]])
    rows = (
        ("name", one["name"]),
        ("SHA-256", one["sha256"]),
        ("from", one["valid_from"][:10]),
        ("until", one["valid_until"][:10]),
    )
    lines = [f"  {word:<8} {value}" for word, value in (*rows, ("file", file))]
    return [*lines, f"  {'for':<8} {names}"] if names else lines


def _renew_here(shared: Common) -> Any:
    """Renew it where no gateway runs."""
    core = load(shared.config).core
    if not encrypts(core):
        raise Refused("nothing is encrypted by this configuration: web.host and mqtt.host are this machine's only")
    if (pid := holder(shared.data)) is not None:
        raise StartError(f"a gateway runs on {shared.data} (pid {pid}) and does not answer; ask again when it has started")
    DataFolder(shared.data).make()
    check_none_waits(shared.data)
    authority = _authority(shared.data)
    authority.open()
    authority.serve(names_now(core.web, core.mqtt), anew=True)
    return view(authority.server)


def _authority(data: Path) -> Authority:
    clock = SystemClock()
    return Authority(data / FOLDER, lambda: moment(clock), Damages())
