"""The documentation: the OpenAPI document for machines, the same as a page for people. The page
needs no script and nothing from outside."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader
from litestar import Response, get

from payviox import __version__
from payviox.api.docs import reference
from payviox.api.docs.declarations import Shown, documented
from payviox.web.context import Call
from payviox.web.errors import JSON, encode

TEMPLATES = Path(__file__).parent / "templates"
HTML, CSS = "text/html", "text/css"
POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
KEEP = "public, max-age=300"


class Index(msgspec.Struct):
    """Where to go from here."""

    name: str = "Payviox"
    version: str = __version__
    documentation: str = "/docs"
    openapi: str = "/openapi.json"


@dataclass(frozen=True, slots=True)
class Documents:
    """What is served, made once when the application is built."""

    openapi: bytes
    page: str
    style: bytes


def build(document: dict[str, Any]) -> Documents:
    """The files of the documentation from the OpenAPI document."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = templates.get_template("docs.html").render(
        info=document["info"],
        url=document["servers"][0]["url"],
        schemes=document["components"]["securitySchemes"],
        labels={name: label for name, (label, _) in reference.AUTHENTICATION.items()},
        sections=reference.sections(document),
    )
    return Documents(encode(document), page, (TEMPLATES / "style.css").read_bytes())


@get("/", sync_to_thread=False)
@documented("This documentation", {200: Index()})
def get_index() -> Index:
    """Where to go from here."""
    return Index()


@get("/openapi.json")
@documented("This documentation", {200: Shown(dict[str, Any], {"openapi": "3.1.0"})})
async def get_openapi(request: Call) -> Response[bytes]:
    """The OpenAPI 3.1 document of this API."""
    return Response(_documents(request).openapi, media_type=JSON)


@get("/docs")
@documented("This documentation", {200: Shown(str, "<!doctype html>…", "text/html")})
async def get_docs(request: Call) -> Response[str]:
    """This page."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": KEEP}
    return Response(_documents(request).page, media_type=HTML, headers=headers)


@get("/docs/style.css")
@documented("This documentation", {200: Shown(str, "/* … */", "text/css")})
async def get_style(request: Call) -> Response[bytes]:
    """How this page looks."""
    return Response(_documents(request).style, media_type=CSS, headers={"Cache-Control": KEEP})


def _documents(request: Call) -> Documents:
    found: Documents = request.app.state.documents
    return found


ROUTES = [get_index, get_openapi, get_docs, get_style]
