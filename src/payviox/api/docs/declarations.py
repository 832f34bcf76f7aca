"""What a route says of itself, declared beside it: what it reads, every answer it may give, an
example of each. openapi.py makes the document of it; nothing here is needed to serve a request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from payviox.errors import PayvioxError
from payviox.web.cursors import Listed

F = TypeVar("F", bound=Callable[..., Any])
ATTRIBUTE = "__documented__"
JSON = "application/json"


class Shown(msgspec.Struct, frozen=True):
    """An example together with its type, where the type cannot be told from the example."""

    kind: Any
    example: Any
    media_type: str = JSON


class Documented(msgspec.Struct, frozen=True):
    """One route's entry. `answers` maps a status to its examples; `errors` are classes, whose
    status and message are the documentation."""

    tag: str
    answers: Mapping[int, Sequence[Shown]]
    request: Sequence[Shown]
    query: type[msgspec.Struct] | None
    errors: Sequence[type[PayvioxError]]
    idempotent: bool


def documented(
    tag: str,
    answers: Mapping[int, Any],
    *,
    request: Any = None,
    query: type[msgspec.Struct] | None = None,
    errors: Sequence[type[PayvioxError]] = (),
    idempotent: bool = True,
) -> Callable[[F], F]:
    """Declare a route's documentation; stands directly above its function.

    `answers` maps each good status to an example: a Struct, a Shown, or a list of those. `request`
    is an example of the body (or a list), `query` the Struct that paging.read_query() reads.
    `errors` names what the route's own rules may raise. What follows from the route's shape (401
    from its guard, 404 from an id in its path, field lists from its body, the idempotency key of a
    POST) is added by openapi.py. Summary and description are the function's docstring.
    """
    entry = Documented(
        tag,
        {status: _shown(example) for status, example in answers.items()},
        _shown(request),
        query,
        tuple(errors),
        idempotent,
    )

    def declare(function: F) -> F:
        setattr(function, ATTRIBUTE, entry)
        return function

    return declare


def listed(example: msgspec.Struct) -> Shown:
    """For documented(): a list of one such entry."""
    kind: Any = type(example)
    return Shown(Listed[kind], Listed([example], has_more=False))


def entry_of(function: Any) -> Documented | None:
    """What a route's function declared, None where it declared nothing."""
    entry: Documented | None = getattr(function, ATTRIBUTE, None)
    return entry


def _shown(value: Any) -> tuple[Shown, ...]:
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(shown for entry in value for shown in _shown(entry))
    return (value if isinstance(value, Shown) else Shown(type(value), value),)
