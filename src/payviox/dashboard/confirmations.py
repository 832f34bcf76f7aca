"""Pages that ask before something is done: how much, then whether, with what it does in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from litestar import Response

from payviox.dashboard.visits import Visit, show
from payviox.web.context import Call
from payviox.web.forms import is_key, new_key


class Fact(msgspec.Struct, frozen=True):
    """A line of what is about to happen; `cents` where it is an amount."""

    label: str
    text: str = ""
    cents: int | None = None


@dataclass(frozen=True, slots=True)
class ConfirmView:
    """What will be done if the button is pressed. `cents` is sent along where money moves, and
    so are the `fields`."""

    heading: str
    consequence: str
    facts: Sequence[Fact]
    action: str
    button: str
    back: str
    keep: str
    cents: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    is_danger: bool = False
    refused: str | None = None
    key: str = field(default_factory=new_key)


class AmountView(msgspec.Struct, frozen=True):
    """A form that asks for an amount in dollars."""

    heading: str
    facts: Sequence[Fact]
    action: str
    button: str
    back: str
    hint: str = ""
    amount: str = ""
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    key: str = msgspec.field(default_factory=new_key)


def confirm(request: Call, visit: Visit, view: ConfirmView, *, status: int = 200) -> Response[Any]:
    """The page that asks. The key of the form that led here stays its key, so that going back after
    an answer was lost, and pressing again, does nothing more."""
    key = request.query_params.get("key", "")
    if request.method == "GET" and is_key(key):
        view = replace(view, key=key)
    return show(request, visit, "confirm.html", view, status=status)


def ask_amount(
    request: Call, visit: Visit, view: AmountView, *, status: int = 200
) -> Response[Any]:
    return show(request, visit, "ask_amount.html", view, status=status)
