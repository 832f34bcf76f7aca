"""Lists: query parameters read into a struct, cursors, and ids in paths. `?after=<id>&limit=`
answers `{"data": […], "has_more": bool}`, everywhere alike."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import inspect

from payviox import ids
from payviox.errors import FieldErrors, NotFound
from payviox.web.context import Call
from payviox.web.json_body import problems

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
Row = TypeVar("Row")

INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
UNKNOWN_AFTER = "The after must be the id of an entry in this list."


class Page(msgspec.Struct, kw_only=True):
    """The query parameters of every list; filters are added by inheriting from it."""

    after: Annotated[
        str | None, msgspec.Meta(description="Continue after the entry with this id.")
    ] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="The most entries to answer.")] = (
        25
    )


class Listed(msgspec.Struct, Generic[T]):
    """One page of a list."""

    data: list[T]
    has_more: bool


def read_query(request: Call, kind: type[S]) -> S:
    """The query parameters as a `kind`; unknown ones are ignored. Raises FieldErrors."""
    described = inspect.type_info(kind)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    values: dict[str, Any] = {}
    for field in described.fields:
        text = request.query_params.get(field.encode_name)
        if text is not None:
            values[field.encode_name] = _value(field.type, text)
    field_errors: dict[str, list[str]] = {}
    for name, message in problems(described, values, ""):
        field_errors.setdefault(name, [message])
    for field in described.fields:
        if _is(field.type, inspect.DateTimeType) and isinstance(values.get(field.encode_name), str):
            field_errors[field.encode_name] = [
                f"The {field.encode_name} must be a time such as 2026-01-31T00:00:00Z."
            ]
    if field_errors:
        raise FieldErrors(field_errors)
    return msgspec.convert(values, kind)


def after_id(page: Page, prefix: str) -> UUID | None:
    """The cursor as a UUID, None for the first page. Raises FieldErrors where it is no such id."""
    if page.after is None:
        return None
    entry_id = ids.parse(prefix, page.after)
    if entry_id is None:
        raise unknown_after()
    return entry_id


def after_number(page: Page, prefix: str) -> int | None:
    """The cursor of a list whose ids are counted. Raises FieldErrors."""
    if page.after is None:
        return None
    number = ids.parse_number(prefix, page.after)
    if number is None:
        raise unknown_after()
    return number


def unknown_after() -> FieldErrors:
    """The refusal of a cursor that names no entry of the list."""
    return FieldErrors({"after": [UNKNOWN_AFTER]})


def filter_id(text: str | None, prefix: str, name: str) -> UUID | None:
    """An id to filter by, None where nothing was asked. Raises FieldErrors where it is no id."""
    if text is None:
        return None
    filtered_id = ids.parse(prefix, text)
    if filtered_id is None:
        raise FieldErrors({name: [f"The {name} must be an id such as {prefix}_…."]})
    return filtered_id


def page_of(rows: Sequence[Row], limit: int, show: Callable[[Row], T]) -> Listed[T]:
    """A page from `limit + 1` rows: the one too many only tells that there is more."""
    return Listed([show(row) for row in rows[:limit]], has_more=len(rows) > limit)


def path_id(request: Call, prefix: str, name: str = "id") -> UUID:
    """The id in the path. Raises NotFound where it is no id of this kind."""
    entry_id = ids.parse(prefix, str(request.path_params[name]))
    if entry_id is None:
        raise NotFound
    return entry_id


def _value(kind: inspect.Type, text: str) -> object:
    if _is(kind, inspect.IntType) and INTEGER.fullmatch(text):
        return int(text)
    if _is(kind, inspect.DateTimeType):
        return _moment(text)
    if _is(kind, inspect.BoolType):
        return {"true": True, "false": False}.get(text, text)
    return text


def _moment(text: str) -> datetime | str:
    """A time of RFC 3339; what is none stays text, which the caller names."""
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return text
    return moment if moment.tzinfo is not None else text


def _is(kind: inspect.Type, wanted: type[inspect.Type]) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _is(kind.type, wanted)
    if isinstance(kind, inspect.UnionType):
        return any(_is(one, wanted) for one in kind.types)
    return isinstance(kind, wanted)
