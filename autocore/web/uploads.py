"""Files that people send, piece by piece: what arrives goes on at once and never lies in memory whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from multipart import MultipartError, PushMultipartParser  # type: ignore[import-untyped]  # it ships no marker

from autocore.core.errors import InvalidData

MOST_HEADER_BYTES = 8_192


async def file_of(request: Request[Any, Any, Any], part: str = "file") -> AsyncIterator[bytes]:
    """Give the file that a request carries: its body, or the named part of a multipart form.

    Raises:
        InvalidData: there is none, or the form is not as a browser sends it.
    """
    kind, options = request.content_type
    if kind != "multipart/form-data":
        async for piece in request.stream():
            if piece:
                yield piece
        return
    try:
        async for piece in _part_of(request, options.get("boundary", ""), part):
            yield piece
    except (MultipartError, ValueError) as error:
        raise InvalidData(f"the form cannot be read: {error}") from error


async def _part_of(request: Request[Any, Any, Any], boundary: str, part: str) -> AsyncIterator[bytes]:
    is_wanted, was_there = False, False
    with PushMultipartParser(boundary, max_header_size=MOST_HEADER_BYTES, max_segment_count=20) as parser:
        async for piece in request.stream():
            for found in parser.parse(piece) if piece else ():
                if found is None:
                    is_wanted = False
                elif isinstance(found, (bytes, bytearray)):
                    if is_wanted:
                        yield bytes(found)
                else:
                    is_wanted = found.name == part and bool(found.filename)
                    was_there = was_there or is_wanted
    if not was_there:
        raise InvalidData("choose a file first", field=part)
