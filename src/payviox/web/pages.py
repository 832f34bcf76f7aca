"""Pages for people: templates rendered with a frozen view, under one strict policy.

A view is a dataclass of its page's own; a template never sees a wire struct. What a template names
and is not there is an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup

from payviox.money import dollars
from payviox.web import assets as assets_module
from payviox.web.assets import Assets, MissingAssets
from payviox.web.context import Call

HTML = "text/html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie",
}
ICON = re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']""")
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Pages:
    """The templates of every door and the files that they are served with."""

    environment: Environment
    assets: Assets

    def render(self, template: str, view: object, **more: object) -> str:
        """A whole page."""
        return self.environment.get_template(template).render(view=view, **more)


def load(*folders: Path) -> Pages:
    """Read the shared templates and those of these folders. Raises MissingAssets."""
    assets = assets_module.load()
    environment = Environment(
        loader=FileSystemLoader([HERE / "templates", *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]  # the extension's
    environment.globals |= {
        "asset": assets.url,
        "icon": _icons(assets),
        "money": money,
        "when": when,
    }
    _check(environment, assets)
    environment.globals["ui"] = environment.get_template("ui.html").module
    return Pages(environment, assets)


def _check(environment: Environment, assets: Assets) -> None:
    """Compile every template; an icon that is not in the sprite stops the start."""
    for name in environment.list_templates(extensions=["html"]):
        source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]  # set
        environment.get_template(name)
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
    **more: object,
) -> Response[Any]:
    """The answer that is this page."""
    pages: Pages = request.app.state.pages
    theme = request.cookies.get("theme")
    text = pages.render(template, view, theme=theme if theme in ("light", "dark") else None, **more)
    return Response(
        text, status_code=status, media_type=HTML, headers={**HEADERS, **(headers or {})}
    )


def redirect(address: str, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """See there: always by GET."""
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
    """A time in UTC, which is said."""
    there = moment.astimezone(UTC)
    text = f"{there:%Y-%m-%d %H:%M:%S}" if seconds else f"{there:%Y-%m-%d %H:%M}"
    return Markup('<time datetime="{}"><bdi>{} UTC</bdi></time>').format(
        there.isoformat(timespec="seconds"), text
    )


def _icons(assets: Assets) -> Any:
    sprite = assets.url("icons.svg")

    def icon(name: str, size: int = 16) -> Markup:
        """A picture beside a word; it says nothing by itself."""
        if name not in assets.icons:
            raise KeyError(name)
        return Markup(
            '<svg width="{0}" height="{0}" aria-hidden="true" focusable="false">'
            '<use href="{1}#{2}"></use></svg>'
        ).format(size, sprite, name)

    return icon
