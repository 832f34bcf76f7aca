"""Reading JSON bodies: decoded strictly into a struct; only if that fails, every field's messages
are collected at once, in the words of the wire contract."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import msgspec
from msgspec import inspect

from payviox.errors import FieldErrors, Malformed
from payviox.payout_users.email import MAX_LENGTH, InvalidEmail, canonical

T = TypeVar("T", bound=msgspec.Struct)

EMAIL = msgspec.Meta(
    extra={"format": "email"},
    extra_json_schema={"format": "email", "maxLength": MAX_LENGTH},
    description="An email address",
)
"""Marks a text as an email address: `Annotated[str, EMAIL]`."""

MAX_DIGITS = 4_000
"""Python reads few more of an integer; what is longer is too great for every field anyway."""


def parse(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; no body is an empty one. Raises Malformed."""
    if not body.strip():
        return {}
    try:
        check_text(body)
        value = _decode(body)
    except UnicodeDecodeError as error:
        raise Malformed("The request body is not UTF-8 text") from error
    except UnicodeEncodeError as error:
        raise Malformed("The request body holds half of a character (a lone surrogate)") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise Malformed(f"The request body is not valid JSON: {_plain(error)}") from error
    except RecursionError as error:
        raise Malformed("The request body is nested too deeply") from error
    if not isinstance(value, dict):
        raise Malformed("The request body must be a JSON object")
    return value


def _decode(body: bytes) -> Any:
    try:
        value = msgspec.json.decode(body)
        if body.count(b":") == _keys(value):
            return value
    except msgspec.ValidationError:  # a number out of range, which is JSON all the same
        pass
    # Only here is seen which keys there were: one that came twice, or colons in texts.
    value = json.loads(
        body.decode(),
        parse_constant=_no_number,
        parse_int=lambda text: int(text[:MAX_DIGITS]),
        object_pairs_hook=_once_each,
    )
    json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text
    return value


def _keys(value: object) -> int:
    """How many keys its objects have, all together: there are as many colons between a key and its
    value, if no key came twice."""
    if isinstance(value, dict):
        return len(value) + sum(_keys(each) for each in value.values() if _nests(each))
    if isinstance(value, list):
        return sum(_keys(each) for each in value if _nests(each))
    return 0


def _nests(value: object) -> bool:
    return isinstance(value, dict | list)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Malformed(f"The request body has the key {json.dumps(name[:50])} twice")
            seen.add(name)
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def convert(value: dict[str, Any], kind: type[T]) -> T:
    """A parsed body as a `kind`. Raises Malformed or FieldErrors."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        field_errors: dict[str, list[str]] = {}
        for field, message in problems(inspect.type_info(kind), value, ""):
            field_errors.setdefault(field, [message])
        if field_errors:
            raise FieldErrors(field_errors) from error
        raise Malformed(_plain(error)) from error


def check_text(body: bytes) -> None:
    """UTF-8 all through, also where a typed decoder would not look. Raises UnicodeDecodeError."""
    if not body.isascii():
        body.decode()


def _plain(error: Exception) -> str:
    return str(error).removeprefix("JSON is malformed: ")


def problems(kind: inspect.Type, value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every field at fault with its first message. `path` is the field's dotted name."""
    match kind:
        case inspect.Metadata(type=inner, extra=extra):
            yield from _marked(inner, value, path, extra or {})
        case inspect.UnionType(types=types) if value is not None or not kind.includes_none:
            kinds = [t for t in types if not isinstance(t, inspect.NoneType)]
            yield from problems(kinds[0], value, path)
        case inspect.StructType(fields=fields):
            yield from _struct(fields, value, path)
        case inspect.IntType(ge=least, le=most):
            yield from _integer(value, path, least, most)
        case inspect.StrType():
            yield from _text(kind, value, path)
        case inspect.BoolType() if not isinstance(value, bool):
            yield path, f"The {path} must be true or false."
        case inspect.LiteralType(values=values) if value not in values:
            yield path, f"The {path} must be one of: {', '.join(map(str, values))}."
        case inspect.ListType():
            yield from _list(kind, value, path)


def _marked(
    kind: inspect.Type, value: object, path: str, extra: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    if extra.get("format") != "email":
        yield from problems(kind, value, path)
        return
    try:
        canonical(value)
    except InvalidEmail as error:
        yield path, str(error)


def _struct(
    fields: tuple[inspect.Field, ...], value: object, path: str
) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield path, f"The {path} must be an object."
        return
    for field in fields:
        name = f"{path}.{field.encode_name}" if path else field.encode_name
        entry = value.get(field.encode_name)
        if entry is None:
            if field.required:
                yield name, f"The {name} field is required."
            elif field.encode_name in value:
                yield from problems(field.type, None, name)
        else:
            yield from problems(field.type, entry, name)


def _list(kind: inspect.ListType, value: object, path: str) -> Iterator[tuple[str, str]]:
    fewest, most = kind.min_length, kind.max_length
    if not isinstance(value, list):
        yield path, f"The {path} must be a list."
    elif fewest is not None and len(value) < fewest:
        yield path, f"The {path} must have at least {fewest} item{'s'[: fewest > 1]}."
    elif most is not None and len(value) > most:
        yield path, f"The {path} may not have more than {most} items."
    else:
        for number, entry in enumerate(value):
            yield from problems(kind.item_type, entry, f"{path}.{number}")


def _integer(
    value: object, path: str, least: int | None, most: int | None
) -> Iterator[tuple[str, str]]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield path, f"The {path} must be an integer."
    elif least is not None and value < least:
        yield path, f"The {path} must be at least {least}."
    elif most is not None and value > most:
        yield path, f"The {path} may not be greater than {most}."


def _text(kind: inspect.StrType, value: object, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, str):
        yield path, f"The {path} must be a string."
    elif kind.min_length and not value.strip():
        yield path, f"The {path} field is required."
    elif kind.min_length and len(value) < kind.min_length:
        yield path, f"The {path} must be at least {kind.min_length} characters."
    elif kind.max_length is not None and len(value) > kind.max_length:
        yield path, f"The {path} may not be greater than {kind.max_length} characters."
    elif kind.pattern is not None:
        yield path, f"The {path} is not valid."
