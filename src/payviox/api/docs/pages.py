"""Where to go from here, and the documentation: the OpenAPI document for machines, the same as a
page for people. The pages need no script and nothing from outside."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
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
WEIGHT = re.compile(r"[01](\.[0-9]{0,3})?")


class Index(msgspec.Struct):
    """Where to go from here."""

    name: str = "Payviox"
    version: str = __version__
    documentation: str = "/docs"
    openapi: str = "/openapi.json"


class Documents(msgspec.Struct, frozen=True):
    """What is served."""

    openapi: bytes
    page: str
    home: str
    style: bytes


def made_once(describe: Callable[[], dict[str, Any]]) -> Callable[[], Documents]:
    """What makes the files of the OpenAPI document that `describe` makes, when they are first asked
    for: most processes are never asked."""
    return functools.cache(lambda: build(describe()))


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
    home = templates.get_template("home.html").render(version=__version__)
    style = (TEMPLATES / "style.css").read_bytes()
    return Documents(encode(document), page, home, style)


@get("/")
@documented("This documentation", {200: [Index(), Shown(str, "<!doctype html>…", HTML)]})
async def get_index(request: Call) -> Response[Any]:
    """Where to go from here: a page for a browser, JSON for a program."""
    if prefers_html(request.headers.get("accept", "")):
        return _page(_documents(request).home, {"Vary": "Accept"})
    return Response(encode(Index()), media_type=JSON, headers={"Vary": "Accept"})


@get("/openapi.json")
@documented("This documentation", {200: Shown(dict[str, Any], {"openapi": "3.1.0"})})
async def get_openapi(request: Call) -> Response[bytes]:
    """The OpenAPI 3.1 document of this API."""
    return Response(_documents(request).openapi, media_type=JSON)


@get("/docs")
@documented("This documentation", {200: Shown(str, "<!doctype html>…", "text/html")})
async def get_docs(request: Call) -> Response[Any]:
    """This page."""
    return _page(_documents(request).page, {"Cache-Control": KEEP})


@get("/docs/style.css")
@documented("This documentation", {200: Shown(str, "/* … */", "text/css")})
async def get_style(request: Call) -> Response[bytes]:
    """How this page looks."""
    return Response(_documents(request).style, media_type=CSS, headers={"Cache-Control": KEEP})


def prefers_html(accept: str) -> bool:
    """Whether an `Accept` header would rather have a page than JSON, by name and not by `*/*`."""
    weights = {"text/html": 0.0, JSON: 0.0}
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name in weights:
            weights[name] = max(weights[name], _weight(parameters))
    return weights["text/html"] > weights[JSON]


def _weight(parameters: Sequence[str]) -> float:
    weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    return float(weight) if WEIGHT.fullmatch(weight) else 0.0


def _page(content: str, headers: Mapping[str, str] | None = None) -> Response[Any]:
    own = {"Content-Security-Policy": POLICY, **(headers or {})}
    return Response(content, media_type=HTML, headers=own)


def _documents(request: Call) -> Documents:
    documents: Documents = request.app.state.documents()
    return documents


ROUTES = [get_index, get_openapi, get_docs, get_style]
