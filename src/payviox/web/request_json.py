"""A request's JSON body, parsed once, whoever asks for it."""

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from payviox.web.json_body import convert, parse

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

T = TypeVar("T", bound=msgspec.Struct)


def json_of(request: "ASGIConnection[Any, Any, Any, Any]") -> dict[str, Any]:
    """The body as a JSON object, not to be changed; no body is an empty one. Raises Malformed."""
    state = request.scope["state"]
    value: dict[str, Any] | None = state.get("json")
    if value is None:
        value = state["json"] = parse(state.get("body", b""))
    return value


def read_json(request: "ASGIConnection[Any, Any, Any, Any]", kind: type[T]) -> T:
    """The body as a `kind`. Raises Malformed or FieldErrors."""
    return convert(json_of(request), kind)
