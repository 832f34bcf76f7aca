"""The calls of the API as the clients offer them, read from the OpenAPI document: names, parameters
with their meaning, what is answered. The templates beside this write them down in each language."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

Json = dict[str, Any]
JSON, CSV = "application/json", "text/csv"
CALLERS = {"secretKey": "business", "payoutHash": "payout_user"}
NOT_OFFERED = {"post_operations"}
"""Answers what another call answers, for programs that cannot send a header."""
MOMENTS = {"at", "from", "to"}
OF_THE_PAGE = "The entries of one page, 1 to 100; more are asked for as they are read."


class Parameter(msgspec.Struct, frozen=True):
    """One parameter. `schema` is its JSON Schema, `meaning` a phrase or nothing."""

    name: str
    schema: Json
    required: bool
    meaning: str

    @property
    def is_moment(self) -> bool:
        return self.name in MOMENTS

    @property
    def nullable(self) -> bool:
        """Whether null says something else than leaving it out."""
        kinds = self.schema.get("anyOf", [])
        return {"type": "null"} in kinds and "default" not in self.schema


class Call(msgspec.Struct, frozen=True):
    """One method of a client. `entries` names the field that holds a page's entries where the
    method goes through a list; `entry` is their type, `answer` that of the whole answer."""

    name: str
    caller: str
    method: str
    path: str
    text: list[str]
    ids: list[str]
    query: list[Parameter]
    body: list[Parameter]
    body_type: str
    keyed: bool
    answer: str
    entry: str = ""
    entries: str = ""
    as_text: bool = False


def client_document(document: Json) -> Json:
    """The document cut down to what clients use: their calls, the webhooks' body, and the schemas
    that these name. No address or version of a server is left in it."""
    paths: Json = {}
    for path, operations in document["paths"].items():
        kept = {method: one for method, one in operations.items() if _offered(one)}
        if kept:
            paths[path] = kept
    schemas = document["components"]["schemas"]
    names: dict[str, None] = dict.fromkeys(["PayoutEvent"])
    _collect(paths, schemas, names)
    _collect(schemas["PayoutEvent"], schemas, names)
    return {
        "openapi": document["openapi"],
        "info": {"title": document["info"]["title"], "version": "0"},
        "paths": paths,
        "components": {
            "schemas": {name: schemas[name] for name in schemas if name in names},
            "securitySchemes": document["components"]["securitySchemes"],
        },
    }


def calls_of(document: Json) -> list[Call]:
    """Every method that a client has, in the document's order."""
    return [
        call
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for call in _calls(method.upper(), path, operation, document["components"]["schemas"])
    ]


def type_name(schema: Json) -> str:
    """The name of a referenced component as both generators of types write it."""
    words = schema["$ref"].rpartition("/")[2].split("_")
    return "".join(words)


def _offered(operation: Json) -> bool:
    return bool(operation["security"]) and operation["operationId"] not in NOT_OFFERED


def _collect(node: Any, schemas: Json, names: dict[str, None]) -> None:
    """Add the components that `node` names, and those that they name."""
    if isinstance(node, list):
        for each in node:
            _collect(each, schemas, names)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference.rpartition("/")[2]
            if name not in names:
                names[name] = None
                _collect(schemas[name], schemas, names)
        for key, each in node.items():
            if key not in ("example", "examples"):
                _collect(each, schemas, names)


def _calls(method: str, path: str, operation: Json, schemas: Json) -> Iterator[Call]:
    content = _success(operation)
    answer = content[JSON]["schema"]
    entries, entry = _listed(schemas[answer["$ref"].rpartition("/")[2]])
    query = [p for p in operation["parameters"] if p["in"] == "query" and p["name"] != "format"]
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
    name = operation["operationId"]
    call = Call(
        name=name,
        caller=CALLERS[next(iter(operation["security"][0]))],
        method=method,
        path=path,
        text=_text(operation),
        ids=[_id_name(path)] if "{id}" in path else [],
        query=[_query(parameter) for parameter in query],
        body=[] if body is None else _fields(schemas[body["$ref"].rpartition("/")[2]]),
        body_type="" if body is None else type_name(body),
        keyed=any(p["name"] == "Idempotency-Key" for p in operation["parameters"]),
        answer=type_name(answer),
    )
    through = msgspec.structs.replace(call, entry=entry, entries=entries)
    if not entries:
        yield call
    elif entries == "data" and name.startswith("list_"):
        yield through
    else:  # the page says more than its entries: both ways are offered
        yield call
        goes_through = f"{call.text[0]} One entry after another, over all pages."
        yield msgspec.structs.replace(
            through, name=name.replace("get_", "list_"), text=[goes_through, *call.text[1:]]
        )
    if CSV in content:
        of_all = [each for each in call.query if each.name not in ("after", "limit")]
        text = [f"{call.text[0]} All that matches, as one CSV file.", *call.text[1:]]
        yield msgspec.structs.replace(
            call,
            name=name.replace("list_", "export_"),
            query=of_all,
            text=text,
            as_text=True,
        )


def _success(operation: Json) -> Json:
    [content] = [
        answer["content"]
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    ]
    return dict(content)


def _listed(schema: Json) -> tuple[str, str]:
    """The field with a page's entries and their type; empty where the answer is no page."""
    fields = schema.get("properties", {})
    if "has_more" not in fields:
        return "", ""
    name = "data" if "data" in fields else "operations"
    return name, type_name(fields[name]["items"])


def _id_name(path: str) -> str:
    """`/payout/users/{id}/activate` → `user_id`."""
    before = path.partition("/{id}")[0]
    return f"{before.rpartition('/')[2].removesuffix('s')}_id"


def _text(operation: Json) -> list[str]:
    paragraphs = [f"{operation['summary']}."]
    if "description" in operation:
        paragraphs.append(operation["description"])
    return paragraphs


def _query(parameter: Json) -> Parameter:
    meaning = parameter.get("description") or parameter["schema"].get("description", "")
    if parameter["name"] == "limit":
        meaning = OF_THE_PAGE
    return Parameter(
        parameter["name"], parameter["schema"], bool(parameter.get("required")), meaning
    )


def _fields(schema: Json) -> list[Parameter]:
    required = set(schema["required"])
    parameters = [
        Parameter(name, field, name in required, _meaning(field))
        for name, field in schema["properties"].items()
    ]
    return sorted(parameters, key=lambda each: not each.required)


def _meaning(field: Json) -> str:
    parts: Iterable[Json] = [field, *field.get("anyOf", [])]
    return next((part["description"] for part in parts if "description" in part), "")
