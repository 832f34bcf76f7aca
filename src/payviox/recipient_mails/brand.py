"""In whose name a business writes to its payout users, and whether it does: settings that are
typed, checked and kept."""

import re
from collections.abc import Mapping
from uuid import UUID

from payviox.actors import Actor
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.languages import catalogues
from payviox.mails.model import Brand
from payviox.payout_users.email import InvalidEmail, canonical

MAX_NAME = 60
DEFAULT_COLOR = "#1f4b99"
LEAST_CONTRAST = 4.5
"""Of white text, by WCAG 2 for text of any size."""
COLOR = re.compile(r"#[0-9a-f]{6}", re.ASCII)
FORBIDDEN = frozenset('<>@"\\')
"""What a name beside an address may not look like."""


def brand_of(business: Business) -> Brand:
    """In whose name the business's mails go out."""
    return Brand(
        name=business.brand_name or business.name,
        color=business.brand_color or DEFAULT_COLOR,
        support=business.support_email,
        is_test=business.test,
    )


def parse(typed: Mapping[str, str]) -> dict[str, object]:
    """Typed texts as the business's columns; an empty one clears. Raises FieldErrors."""
    changes: dict[str, object] = {}
    problems: dict[str, list[str]] = {}
    for name, read in (("brand_name", _name), ("brand_color", _color), ("support_email", _email)):
        if name not in typed:
            continue
        text = typed[name].strip()
        try:
            changes[name] = read(text) if text else None
        except ValueError as error:
            problems[name] = [str(error)]
    if typed.get("language"):
        changes["language"] = typed["language"]
        if catalogues.get(typed["language"]) is None:
            problems["language"] = [f"Choose one of {', '.join(catalogues.codes())}."]
    if problems:
        raise FieldErrors(problems)
    return changes


async def save(
    connection: Connection, business_id: UUID, changes: Mapping[str, object], actor: Actor
) -> None:
    """Keep these settings. Raises NotFound and Forbidden."""
    before = await businesses.get(connection, business_id)
    changed = {name: value for name, value in changes.items() if getattr(before, name) != value}
    if changed:
        await businesses.set_rules(connection, business_id, changed, actor)


def contrast_with_white(color: str) -> float:
    """WCAG's contrast ratio of `#rrggbb` and white, from 1 to 21."""
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _linear(value: float) -> float:
    """A channel of sRGB as an amount of light: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)


def _name(text: str) -> str:
    if len(text) > MAX_NAME:
        raise ValueError(f"The name may not be greater than {MAX_NAME} characters.")
    if not text.isprintable() or FORBIDDEN & set(text):
        raise ValueError("The name may not have line breaks, brackets, quotes or an @.")
    return text


def _color(text: str) -> str:
    color = text.lower()
    if COLOR.fullmatch(color) is None:
        raise ValueError("Type a color such as #1f4b99.")
    ratio = contrast_with_white(color)
    if ratio < LEAST_CONTRAST:
        raise ValueError(
            f"White text on this color has a contrast of {ratio:.1f} to 1. Choose a darker one:"
            f" {LEAST_CONTRAST} to 1 is the least that everybody can read."
        )
    return color


def _email(text: str) -> str:
    try:
        return canonical(text)
    except InvalidEmail as error:
        raise ValueError(error.in_full) from error
