"""The OpenAPI document as people read it: sections of operations, each with its fields in rows and
its examples as text. The template lays them out; nothing here knows of HTML."""

from collections.abc import Iterator
from typing import Any

import msgspec

Json = dict[str, Any]
DEPTH = 4
"""How deep a body's fields are shown."""

AUTHENTICATION = {
    "secretKey": ("Secret key", '-H "Authorization: Bearer $PAYVIOX_KEY"'),
    "payoutHash": ("Payout hash", '-H "X-Payout-Hash: $PAYOUT_HASH"'),
}
COMMON = ("401", "408", "413", "415", "422", "500", "503")
"""Statuses that mean the same wherever they occur; shown folded."""

METHODS = ("get", "post", "put", "delete")


class Field(msgspec.Struct, frozen=True):
    """A parameter or a body's field."""

    name: str
    kind: str
    required: bool
    note: str


class Example(msgspec.Struct, frozen=True):
    name: str
    text: str


class Answer(msgspec.Struct, frozen=True):
    """What a status means, with examples."""

    status: str
    words: str
    good: bool
    examples: list[Example]


class Operation(msgspec.Struct, frozen=True):
    id: str
    method: str
    path: str
    summary: str
    description: str
    authentication: str
    parameters: list[Field]
    fields: list[Field]
    calls: list[str]
    bodies: list[str]
    answers: list[Answer]
    common: list[Answer]


class Section(msgspec.Struct, frozen=True):
    id: str
    title: str
    operations: list[Operation]


def sections(document: Json) -> list[Section]:
    """The document's operations by tag, in its order."""
    schemas = document["components"]["schemas"]
    url = document["servers"][0]["url"]
    by_tag: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                made = _operation(method, path, operations[method], schemas, url)
                by_tag[operations[method]["tags"][0]].append(made)
    calls = [Section(f"section-{_slug(tag)}", tag, made) for tag, made in by_tag.items()]
    received = [
        _webhook(name, item["post"], schemas) for name, item in document["webhooks"].items()
    ]
    return [*calls, Section("section-received", "Webhooks you receive", received)]


def _operation(method: str, path: str, operation: Json, schemas: Json, url: str) -> Operation:
    scheme = next((name for entry in operation["security"] for name in entry), "")
    label, header = AUTHENTICATION.get(scheme, ("", ""))
    answers = [_answer(status, answer) for status, answer in operation["responses"].items()]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        authentication=label,
        parameters=[_parameter(parameter, schemas) for parameter in operation["parameters"]],
        fields=list(_fields(body["schema"], schemas)) if body else [],
        calls=_calls(method, url + path, header, body),
        bodies=[],
        answers=[answer for answer in answers if answer.status not in COMMON or answer.good],
        common=[answer for answer in answers if answer.status in COMMON and not answer.good],
    )


def _webhook(event_type: str, operation: Json, schemas: Json) -> Operation:
    body = operation["requestBody"]["content"]["application/json"]
    return Operation(
        id=operation["operationId"],
        method="POST",
        path=event_type,
        summary=operation["summary"],
        description=operation["description"],
        authentication="",
        parameters=[],
        fields=list(_fields(body["schema"], schemas)),
        calls=[],
        bodies=[_text(example["value"]) for example in body["examples"].values()],
        answers=[],
        common=[],
    )


def _parameter(parameter: Json, schemas: Json) -> Field:
    return Field(
        parameter["name"],
        f"{_kind(parameter['schema'], schemas)}, in the {parameter['in']}",
        parameter.get("required", False),
        _note(parameter["schema"], parameter.get("description", "")),
    )


def _fields(schema: Json, schemas: Json, prefix: str = "", depth: int = 0) -> Iterator[Field]:
    """A schema's fields, those of inner objects under dotted names."""
    schema = _resolved(schema, schemas)
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        required = name in schema.get("required", ()) and depth == prefix.count(".")
        yield Field(
            path, _kind(inner, schemas), required, _note(inner, inner.get("description", ""))
        )
        below = _resolved(_alone(inner), schemas)
        if depth + 1 < DEPTH:
            if below.get("type") == "array":
                yield from _fields(below["items"], schemas, f"{path}[].", depth + 1)
            else:
                yield from _fields(below, schemas, f"{path}.", depth + 1)


def _alone(schema: Json) -> Json:
    """The one alternative beside null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _resolved(schema: Json, schemas: Json) -> Json:
    reference = schema.get("$ref")
    resolved: Json = schemas[reference.rpartition("/")[2]] if reference else schema
    return resolved


def _kind(schema: Json, schemas: Json) -> str:
    if "enum" in schema and len(schema["enum"]) == 1:
        return f"`{schema['enum'][0]}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        kinds = [_kind(kind, schemas) for kind in schema["anyOf"] if kind != {"type": "null"}]
        return " or ".join(dict.fromkeys(kinds))
    schema = _resolved(schema, schemas)
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'], schemas)}"
    return str(schema.get("format") or schema.get("type") or "anything").replace(
        "date-time", "time"
    )


def _note(schema: Json, description: str) -> str:
    schema = {**_alone(schema), **schema}
    description = description or schema.get("description", "")
    bounds = [
        words.format(schema[name])
        for name, words in (
            ("minimum", "at least {:,}"),
            ("maximum", "at most {:,}"),
            ("maxLength", "up to {:,} characters"),
            ("maxItems", "up to {:,} entries"),
        )
        if name in schema
    ]
    if schema.get("default") is not None:
        bounds.append(f"default `{schema['default']}`")
    notes = [description.removesuffix("."), ", ".join(bounds)]
    return ". ".join(f"{note[0].upper()}{note[1:]}" for note in notes if note)


def _calls(method: str, url: str, header: str, body: Json | None) -> list[str]:
    """A curl line for each example of a body."""
    line = ["curl" if method == "get" else f"curl -X {method.upper()}", url.replace("{id}", "$ID")]
    if header:
        line.append(header)
    if body is None:
        return [" \\\n  ".join(line)]
    line.append('-H "Content-Type: application/json"')
    texts = [msgspec.json.encode(_sent(e["value"])).decode() for e in body["examples"].values()]
    return [" \\\n  ".join([*line, f"-d '{text}'"]) for text in texts]


def _sent(value: Any) -> Any:
    """An example without what would be left out."""
    if isinstance(value, dict):
        return {name: _sent(inner) for name, inner in value.items() if inner is not None}
    return [_sent(inner) for inner in value] if isinstance(value, list) else value


def _answer(status: str, answer: Json) -> Answer:
    examples = [
        Example(name, _text(example["value"]))
        for media in answer["content"].values()
        for name, example in media["examples"].items()
    ]
    return Answer(status, answer["description"], status < "300", examples)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.rstrip()
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _slug(text: str) -> str:
    return text.lower().replace(" ", "-")
