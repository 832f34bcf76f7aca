"""Pages for people: templates rendered with a frozen view, under one strict policy.

A view is of its page's own; a template never sees what is sent on the wire. What a template names
and is not there is an error. A page that asks for a part of itself (htmx does, by the id of the
element to fill) is answered with the block of that name."""

import functools
import gzip
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from types import CodeType
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from litestar import Response
from markupsafe import Markup

from payviox.languages.catalogues import Language
from payviox.money import dollars
from payviox.web import assets as assets_module
from payviox.web import sheets
from payviox.web.assets import Assets, MissingAssets
from payviox.web.context import Call

HTML = "text/html"
THEMES = ("light", "dark")
"""What a reader may choose instead of what their system says."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie, HX-Request, HX-Target",
}
ICON = re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']""")
ASSET = re.compile(r"""\basset\(\s*["']([^"']+)["']""")
TARGET = re.compile(r"[a-z]+#[a-z0-9_]+-([a-z0-9_]+)")
"""What names a part of a page: an element and its id, `<room>-<block>`."""
DIRECTED = frozenset({"arrow-right", "chevron-left", "chevron-right", "log-out", "undo-2"})
"""Pictures that point along the line of text."""
MIRRORED = Markup(' class="directed"')
HERE = Path(__file__).parent
_zone: ContextVar[tzinfo] = ContextVar("zone", default=UTC)
"""The time zone of whoever reads the page that is being rendered."""


class Compiled(BytecodeCache):
    """Templates that are compiled already, in memory: they are the same code in every language."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key, bucket.checksum] = bucket.code


_compiled = Compiled()


class Pages(msgspec.Struct, frozen=True):
    """The templates of every door and the files that they are served with."""

    environment: Environment
    assets: Assets

    def render(self, template: str, view: object, block: str | None = None, **more: object) -> str:
        """A whole page, or one block of it where the template has one of this name."""
        found = self.environment.get_template(template)
        if block not in found.blocks:
            return found.render(view=view, **more)
        return "".join(found.blocks[block](found.new_context({"view": view, **more})))


@functools.cache
def load(*folders: Path, language: Language | None = None) -> Pages:
    """The shared templates and those of these folders, in this language or English, each compiled
    when it is first rendered: all of them at once would be most of what starting a process takes.
    Raises MissingAssets."""
    assets = assets_module.load()
    environment = Environment(
        loader=FileSystemLoader([HERE / "templates", *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
        bytecode_cache=_compiled,
    )
    if language is None:
        environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # the extension's
    else:
        environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]  # as above
    environment.globals |= {
        "asset": assets.url,
        "excel_rows": f"{sheets.MOST_ROWS:,}",
        "icon": _icons(assets),
        "money": money,
        "when": when,
        **(_written_in(language) if language else {}),
    }
    _check(environment, assets)
    environment.globals["ui"] = environment.get_template("ui.html").module
    return Pages(environment, assets)


def _check(environment: Environment, assets: Assets) -> None:
    """A template that names an icon or a file that is not there stops the start."""
    for name in environment.list_templates(extensions=["html"]):
        source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]  # set
        for file in ASSET.findall(source):
            assets.url(file)
        missing = set(ICON.findall(source)) - assets.icons
        if missing:
            raise MissingAssets(
                f"{name} names icons that are not there yet: {', '.join(missing)}."
                " Run `python frontend/vendor.py` in the checkout."
            )


def page(
    request: Call,
    template: str,
    view: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    pages: Pages | None = None,
    **more: object,
) -> Response[Any]:
    """The answer that is this page, of the dashboard unless other `pages` are named."""
    pages = pages or request.app.state.pages
    theme = request.cookies.get("theme")
    reader = _zone.set(zone_of(request))
    try:
        text = pages.render(
            template,
            view,
            block_of(request),
            theme=theme if theme in THEMES else None,
            keys_off=request.cookies.get("keys") == "off",
            zone=str(_zone.get()),
            **more,
        )
    finally:
        _zone.reset(reader)
    return Response(
        text, status_code=status, media_type=HTML, headers={**HEADERS, **(headers or {})}
    )


def compressed(request: Call, answer: Response[Any]) -> Response[Any]:
    """The same page, shorter on the wire. For pages without any secret: its length would tell of
    it."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        answer.content = gzip.compress(str(answer.content).encode(), mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = f"{HEADERS['Vary']}, Accept-Encoding"
    return answer


def is_partial(request: Call) -> bool:
    """Whether a page asks for a part of itself, or for itself anew."""
    return request.headers.get("hx-request") == "true"


def block_of(request: Call) -> str | None:
    """The block that is asked for; None for the whole page."""
    named = TARGET.fullmatch(request.headers.get("hx-target", ""))
    return named[1] if named and is_partial(request) else None


def zone_of(request: Call) -> tzinfo:
    """The reader's time zone, as their browser said it; UTC where it did not."""
    name = unquote(request.cookies.get("zone", ""))
    return ZoneInfo(name) if name in _zones() else UTC


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def redirect(address: str, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """Send the browser there, always by GET."""
    return Response(
        "",
        status_code=303,
        media_type=HTML,
        headers={**HEADERS, "Location": address, **(headers or {})},
    )


def options(text: str) -> Response[Any]:
    """JSON for a script of ours, kept by nobody."""
    return Response(
        text.encode(), status_code=200, media_type="application/json", headers=dict(HEADERS)
    )


def money(cents: int) -> Markup:
    """An amount as people read it, with a real minus, kept together in any direction of text."""
    return Markup('<bdi class="amount">{}</bdi>').format(dollars(cents).replace("-", "\u2212"))


def when(moment: datetime, *, seconds: bool = False) -> Markup:
    """A time in the reader's zone, which is said."""
    there = moment.astimezone(_zone.get())
    text = f"{there:%Y-%m-%d %H:%M:%S}" if seconds else f"{there:%Y-%m-%d %H:%M}"
    name = f"{there:%Z}"
    return Markup('<time datetime="{}"><bdi>{} {}</bdi></time>').format(
        there.isoformat(timespec="seconds"), text, name if name[:1].isalpha() else f"UTC{name}"
    )


def _written_in(language: Language) -> dict[str, Any]:
    """The same as its readers write it."""

    def money(cents: int, currency: str = "USD") -> Markup:
        return Markup('<bdi class="amount">{}</bdi>').format(language.money(cents, currency))

    def when(moment: datetime) -> Markup:
        there = moment.astimezone(_zone.get())
        return _time(there, language.moment(there))

    def day(moment: date) -> Markup:
        return Markup("<bdi>{}</bdi>").format(language.day(moment))

    return {"money": money, "when": when, "day": day, "apart": apart, "language": language}


def apart(text: str) -> Markup:
    """A name of somebody's own, in whatever direction it and the text around it run."""
    return Markup("<bdi>{}</bdi>").format(text)


def _time(there: datetime, text: str) -> Markup:
    name = f"{there:%Z}"
    return Markup('<time datetime="{}"><bdi>{}</bdi> <bdi>{}</bdi></time>').format(
        there.isoformat(timespec="seconds"), text, name if name[:1].isalpha() else f"UTC{name}"
    )


def _icons(assets: Assets) -> Any:
    sprite = assets.url("icons.svg")

    def icon(name: str, size: int = 16) -> Markup:
        """A picture beside a word; it says nothing by itself."""
        if name not in assets.icons:
            raise KeyError(name)
        return Markup(
            '<svg width="{0}" height="{0}"{1} aria-hidden="true" focusable="false">'
            '<use href="{2}#{3}"></use></svg>'
        ).format(size, MIRRORED if name in DIRECTED else "", sprite, name)

    return icon
