"""Trust this gateway: its authority's certificate to take along, and how each system is told to trust it.

Two pages of one content: inside the shell for who is logged in, and bare on the port without encryption, where a telephone that
does not trust the gateway yet can read it.
"""

from __future__ import annotations

import io
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect
from markupsafe import Markup

from autocore.core.config.sections import WebSection
from autocore.core.errors import AutocoreError, UnknownName
from autocore.core.model import Caller, Role
from autocore.core.names import N_
from autocore.tls import certificates
from autocore.web.access import OPEN, needs
from autocore.web.errors import status_of
from autocore.web.hosts import LOOPBACK
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.routes.tls import renew, views

PAGE, FILE = "/tls", "/tls/ca.crt"
NAME = "autocore-ca.crt"
SENTENCES = (
    N_("the password is wrong; it is asked again because everybody's connection depends on the certificate"),
    N_("nothing here is encrypted, so there is no certificate: the gateway is reached from this machine only, or without TLS"),
)


class RenewForm(msgspec.Struct):
    """The password."""

    password: str = ""


@get(PAGE, opt=needs(Role.VIEWER, "pages:tls"), include_in_schema=False)
async def tls_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Show how to trust the gateway."""
    return await pages.page(request, "tls.html", _context(request, parts))


@get(FILE, opt=needs(Role.VIEWER, "pages:tls"), include_in_schema=False)
async def ca_file(parts: Parts) -> Response[bytes]:
    """Give the authority's certificate as a file."""
    return _file(parts)


@post(f"{PAGE}/renew", opt=needs(Role.ADMIN, "tls:write"), include_in_schema=False, status_code=303)
async def renew_certificate(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    caller: Caller,
    data: Annotated[RenewForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Issue another certificate for the ports, when the password is right."""
    try:
        await renew(request, parts, caller, data.password)
    except AutocoreError as error:
        context = _context(request, parts) | {"fault": pages.translate(request, str(error))}
        return await pages.page(request, "tls.html", context, status=status_of(error))
    return Redirect(PAGE, status_code=303)


@get(PAGE, opt=OPEN)
async def bare_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Show the same to whoever comes to the port without encryption."""
    return await pages.page(request, "tls_bare.html", _context(request, parts))


@get(FILE, opt=OPEN)
async def bare_file(parts: Parts) -> Response[bytes]:
    """Give the same to whoever comes to the port without encryption: it is no secret."""
    return _file(parts)


def _file(parts: Parts) -> Response[bytes]:
    if parts.certificates is None:
        raise UnknownName("file", FILE)
    content = certificates.certificate_pem(parts.certificates.authority.certificate)
    headers = {"Content-Disposition": f'attachment; filename="{NAME}"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/x-x509-ca-cert", headers=headers)


def _context(request: Request[Any, Any, Any], parts: Parts) -> dict[str, Any]:
    web = parts.config.core.web
    host = _host(request, web)
    address = f"http://{host}:{parts.http_port}{PAGE}"
    return {
        **views(parts),
        "file": FILE,
        "fault": None,
        "bare": {"address": address, "qr": Markup(qr_of(address))} if web.is_encrypted else None,  # noqa: S704  # it is drawn here
        "https": f"https://{host}:{web.https_port}",
    }


def _host(request: Request[Any, Any, Any], web: WebSection) -> str:
    """Give the name by which others come: the one that was asked for, or the announced one when that is this machine's."""
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if name in LOOPBACK or not name:
        return f"{web.hostname}.local"
    return f"[{name}]" if ":" in name else name


def qr_of(text: str) -> str:
    """Give a QR code as an SVG that stands in a page: black on white by day and by night, for a camera reads it."""
    import segno  # noqa: PLC0415  # only this page needs it

    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", scale=4, border=4, light="#ffffff", dark="#000000", xmldecl=False, svgns=False, nl=False, omitsize=True
    )
    return out.getvalue().decode()


OPEN_ROUTES = [bare_page, bare_file]
ROUTES = [tls_page, ca_file, renew_certificate]
