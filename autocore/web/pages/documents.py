"""`/schema`: the OpenAPI document as a page, with files of our own and no inline script."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

from autocore.web.pages.rendering import asset


class SchemaPage(OpenAPIRenderPlugin):
    """Swagger UI, served from the gateway."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002  # Litestar's signature
        """Give the page."""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>AutoCore API</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="stylesheet" href="{asset("swagger/swagger-ui.css")}"></head>'
            '<body><main id="api" data-document="/schema/openapi.json"></main>'
            f'<script src="{asset("swagger/swagger-ui-bundle.js")}"></script>'
            f'<script src="{asset("schema.js")}"></script></body></html>'
        ).encode()
