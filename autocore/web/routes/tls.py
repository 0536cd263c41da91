"""`/api/v1/tls`: which certificates the gateway has, and another one for its ports; that is for administrators, and audited."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post

from autocore.core.errors import AutocoreError, Refused
from autocore.core.model import Caller, Role
from autocore.core.services import Record
from autocore.tls.keeper import CertificateKeeper
from autocore.tls.reading import view
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.proof import prove

WRONG_PASSWORD = "the password is wrong; it is asked again because everybody's connection depends on the certificate"  # noqa: S105
NOTHING = "nothing here is encrypted, so there is no certificate: the gateway is reached from this machine only, or without TLS"


class Renewal(msgspec.Struct, forbid_unknown_fields=True):
    """The caller's password; the command line, which comes through the control socket, needs none."""

    password: Annotated[str, msgspec.Meta(max_length=300)] = ""


def keeper_of(parts: Parts) -> CertificateKeeper:
    """Give the keeper of the certificate; raises Refused where nothing is encrypted."""
    if parts.certificates is None:
        raise Refused(NOTHING, code="not_encrypted")
    return parts.certificates


def views(parts: Parts) -> dict[str, Any]:
    """Give the authority and the certificate of the ports, null where nothing is encrypted."""
    if parts.certificates is None:
        return {"authority": None, "certificate": None}
    authority = parts.certificates.authority
    return {"authority": view(authority.certificate), "certificate": view(authority.server)}


async def renew(request: Request[Any, Any, Any], parts: Parts, caller: Caller, password: str) -> None:
    """Issue another certificate when the password is right, and remember who asked."""
    outcome, detail = "done", ""
    try:
        keeper = keeper_of(parts)
        await prove(request, parts.accounts, caller, password, WRONG_PASSWORD)
        await keeper.renew(caller.cause)
    except AutocoreError as error:
        outcome, detail = error.code, str(error)
        raise
    finally:
        parts.audit.remember(Record(parts.clock.monotonic_ns(), "tls.renew", {}, caller, outcome, detail, 0.0))


@get("/tls", opt=needs(Role.VIEWER, "read:tls"), summary="The certificates")
async def get_tls(parts: Parts) -> dict[str, Any]:
    """Give the authority and the certificate of the ports: names, SHA-256, from when until when they hold."""
    return views(parts)


@post("/tls/renew", opt=needs(Role.ADMIN, "tls:write"), status_code=200, summary="Renew the certificate")
async def renew_certificate(request: Request[Any, Any, Any], parts: Parts, caller: Caller, data: Renewal) -> dict[str, Any]:
    """Issue another certificate for the ports; it is shown to whoever connects from now on."""
    await renew(request, parts, caller, data.password)
    return views(parts)


ROUTES = [get_tls, renew_certificate]
