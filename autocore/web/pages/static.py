"""The front end's files: only those that the build made, compressed where the browser takes it."""

from __future__ import annotations

import json
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get

from autocore.core.errors import UnknownName
from autocore.web.access import OPEN

FOLDER = Path(__file__).parent.parent / "static" / "dist"
A_YEAR_S = 31_536_000


def _manifest() -> dict[str, str]:
    try:
        made: dict[str, str] = json.loads((FOLDER / "manifest.json").read_text())
    except FileNotFoundError:  # the pages then come without looks; the start says so
        return {}
    return made


MANIFEST = _manifest()


@lru_cache(maxsize=100)
def content_of(name: str, *, is_compressed: bool) -> bytes:
    """Give the bytes of a file that the manifest names."""
    return (FOLDER / (f"{name}.gz" if is_compressed else name)).read_bytes()


@get("/static/{name:path}", opt=OPEN, include_in_schema=False, sync_to_thread=True)
def get_static(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    """Give a file of the front end; the hash in its address lets browsers keep it for ever."""
    name = name.lstrip("/")
    if name not in MANIFEST:
        raise UnknownName("file", name)
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    is_named_by_hash = request.query_params.get("v") == MANIFEST[name]
    headers = {
        "Cache-Control": f"public, max-age={A_YEAR_S}, immutable" if is_named_by_hash else "no-cache",
        "ETag": f'"{MANIFEST[name]}"',
        "Vary": "Accept-Encoding",
    }
    if takes_gzip:
        headers["Content-Encoding"] = "gzip"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(content_of(name, is_compressed=takes_gzip), media_type=kind, headers=headers)


ROUTES = [get_static]
