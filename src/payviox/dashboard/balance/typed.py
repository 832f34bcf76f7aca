"""The forms for money that comes from outside or goes back there: an amount, a reference and a
reason, as far as each asks for them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from litestar import Response

from payviox.dashboard.confirmations import Fact
from payviox.dashboard.visits import Visit, show
from payviox.errors import Malformed
from payviox.money import MAX_TREASURY, InvalidAmount, typed_cents
from payviox.text import MAX_NOTE, printable
from payviox.web.context import Call
from payviox.web.forms import new_key

Name = Literal["reference", "reason"]
LONGEST: Mapping[Name, int] = {"reference": 255, "reason": MAX_NOTE}


class Typed(msgspec.Struct, frozen=True):
    """What was typed, and what is wrong with it. `cents` is the amount where nothing is."""

    amount: str
    texts: Mapping[Name, str]
    cents: int
    errors: dict[str, list[str]]


class TypedView(msgspec.Struct, frozen=True):
    """A form before its confirmation. `texts` are the fields beside the amount."""

    heading: str
    lead: str
    facts: Sequence[Fact]
    action: str
    button: str
    back: str
    texts: Mapping[Name, str]
    amount: str = ""
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    key: str = msgspec.field(default_factory=new_key)


def read_typed(query: Mapping[str, str], names: Sequence[Name], most: int | None = None) -> Typed:
    """What a form asks for. `most` is what there is to take, in cents."""
    errors: dict[str, list[str]] = {}
    cents = 0
    try:
        cents = typed_cents(query.get("amount", ""), MAX_TREASURY if most is None else max(most, 1))
    except InvalidAmount as error:
        errors["amount"] = [str(error)]
    texts: dict[Name, str] = {name: query.get(name, "").strip() for name in names}
    for name, text in texts.items():
        try:
            printable(text, LONGEST[name])
        except ValueError as error:
            errors[name] = [f"The {name} {error}."]
    return Typed(query.get("amount", ""), texts, cents, errors)


def sent_text(form: Mapping[str, str], name: Name) -> str:
    """A text that a confirmation of ours sends along. Raises Malformed."""
    try:
        return printable(form.get(name, ""), LONGEST[name])
    except ValueError as error:
        raise Malformed("The form could not be read") from error


def ask(request: Call, visit: Visit, view: TypedView) -> Response[Any]:
    """The form, with what is wrong beside its fields."""
    return show(request, visit, "balance/typed.html", view, status=422 if view.errors else 200)
