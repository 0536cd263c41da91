"""What a request carries as JSON: what no decoder takes, or nobody can go down again, is refused before it is decoded."""

from __future__ import annotations

from typing import Any

from litestar import Request

from autocore.core.errors import InvalidData
from autocore.core.mqtt.message import check_depth


def check_body(body: bytes) -> bytes:
    """Give a body that may be decoded.

    Raises:
        InvalidData: it is no UTF-8, or nested deeper than 32 levels.
    """
    try:
        body.decode()
    except UnicodeDecodeError:
        raise InvalidData("the body is no UTF-8") from None
    check_depth(body, "")
    return body


class CheckedRequest(Request[Any, Any, Any]):
    """A request whose JSON has bounds."""

    async def json(self) -> Any:
        """Give the body; raises InvalidData as `check_body`."""
        check_body(await self.body())
        return await super().json()
