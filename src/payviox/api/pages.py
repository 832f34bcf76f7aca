"""The document for machines."""

from typing import Any

from litestar import Response, get

from payviox.api.context import Call
from payviox.api.documentation import Shown, documented


@get("/openapi.json")
@documented("This document", {200: Shown(dict[str, Any], {"openapi": "3.1.0"})})
async def openapi_document(request: Call) -> Response[bytes]:
    """The OpenAPI 3.1 document of this API."""
    return Response(request.app.state.openapi, media_type="application/json")


ROUTES = [openapi_document]
