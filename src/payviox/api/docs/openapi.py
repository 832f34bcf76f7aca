"""The OpenAPI 3.1 document, made from the application's own routes and what they declare
(documentation.py). A route that declares nothing is an error here, so none can go undocumented."""

import inspect as python
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from payviox import __version__
from payviox.api.authentication import (
    PAYOUT_HASH,
    SECRET_KEY,
    require_business,
    require_payout_user,
)
from payviox.api.docs.declarations import JSON, Documented, Shown, entry_of
from payviox.api.schemas import webhook_events
from payviox.api.scopes import needed, sentence
from payviox.errors import (
    AddressRefused,
    BodyTooLarge,
    Busy,
    DatabaseAway,
    FieldErrors,
    IdempotencyMismatch,
    LockedTooLong,
    Malformed,
    NotFound,
    OutcomeUnknown,
    PayvioxError,
    ScopeMissing,
    Unauthorized,
    UnsupportedMediaType,
)
from payviox.idempotency.model import BadKey
from payviox.web.request_body import RequestTimeout
from payviox.webhooks.events import EventType

Json = dict[str, Any]
COMPONENT = "#/components/schemas/{name}"
PATH_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")

DESCRIPTION = """\
Pay people by email from a prefunded balance. All amounts are integers in US cents, all bodies are
JSON, all times RFC 3339 in UTC, and every id carries a prefix that says what it names. Lists answer
`{"data": […], "has_more": bool}`; the next page is `?after=<the last id>`. An error is either
`{"error": "…"}` or, for a request's fields, a list of messages for each field at fault."""

SCHEMES: Json = {
    SECRET_KEY: {
        "type": "http",
        "scheme": "bearer",
        "description": "A business's secret key, `sk_live_…` or `sk_test_…`, or a restricted one, "
        "`rk_live_…` or `rk_test_…`, which does what its scopes say.",
    },
    PAYOUT_HASH: {
        "type": "apiKey",
        "in": "header",
        "name": "X-Payout-Hash",
        "description": "A payout user's hash. The JSON body's field `payout_hash`, or the query "
        "parameter `payout_hash`, are taken in its place; the first one present wins.",
    },
}

IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes repeating the call safe: the same key and body have one effect, and the "
    "first answer again. Kept for good, in the scope of caller and path.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
}
REPLAYED: Json = {
    "description": "Present where an earlier call with this key had the effect.",
    "schema": {"type": "string", "const": "true"},
}
RETRY_AFTER: Json = {"description": "Seconds to wait.", "schema": {"type": "string"}}

SHARED: Json = {
    "Error": {
        "title": "Error",
        "type": "object",
        "properties": {"error": {"type": "string"}},
        "required": ["error"],
    },
    "FieldErrors": {
        "title": "FieldErrors",
        "description": "Every field at fault with its messages.",
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "minProperties": 1,
    },
}


class Route(msgspec.Struct, frozen=True):
    """One operation: where it is, its function, and who may call it."""

    method: str
    path: str
    function: Any
    scheme: str | None

    @property
    def entry(self) -> Documented:
        declared = entry_of(self.function)
        if declared is None:
            raise LookupError(f"{self.method} {self.path} is not documented")
        return declared

    @property
    def name(self) -> str:
        return str(self.function.__name__).strip("_")

    @property
    def template(self) -> str:
        """The path with `{id}` where it holds one."""
        return PATH_PARAMETER.sub(r"{\1}", self.path)

    @property
    def parameters(self) -> list[str]:
        return PATH_PARAMETER.findall(self.path)


def routes_of(app: Litestar, short_paths: Mapping[tuple[str, str], Any]) -> list[Route]:
    """Every route of the application, those outside the framework first."""
    routes = [
        Route(method, path, function, SECRET_KEY)
        for (method, path), function in short_paths.items()
    ]
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if not handler.resolve_include_in_schema():
                continue  # pages are for people
            routes += [
                Route(str(method), route.path, handler.fn, _scheme(handler))
                for method in sorted(handler.http_methods)
                if method != "OPTIONS"
            ]
    return routes


def _scheme(handler: HTTPRouteHandler) -> str | None:
    guards = handler.resolve_guards()
    if require_business in guards:
        return SECRET_KEY
    return PAYOUT_HASH if require_payout_user in guards else None


def methods_of(routes: Iterable[Route]) -> dict[str, list[str]]:
    """The methods of each path."""
    methods: dict[str, list[str]] = {}
    for route in routes:
        methods.setdefault(route.template, []).append(route.method)
    return methods


def document(routes: Sequence[Route], public_url: str) -> Json:
    """The whole document. Raises LookupError where a route declares nothing."""
    kinds = _Kinds(routes)
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, kinds)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Payviox Payout API",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.entry.tag for route in routes)],
        "paths": paths,
        "webhooks": {
            event_type: {"post": _webhook(event_type, meaning, kinds)}
            for event_type, meaning in webhook_events.MEANINGS.items()
        },
        "components": {"schemas": SHARED | kinds.components, "securitySchemes": SCHEMES},
    }


class _Kinds:
    """The types that the routes name, as JSON Schema: shared components and references to them."""

    def __init__(self, routes: Iterable[Route]) -> None:
        kinds = [
            shown.kind
            for route in routes
            for shown in (
                *route.entry.request,
                *(s for a in route.entry.answers.values() for s in a),
            )
        ]
        kinds.append(webhook_events.PayoutEvent)
        unique = list({repr(kind): kind for kind in kinds}.items())
        schemas, components = msgspec.json.schema_components(
            [kind for _, kind in unique], ref_template=COMPONENT
        )
        self._by_kind = {name: schema for (name, _), schema in zip(unique, schemas, strict=True)}
        for component in components.values():
            if "description" in component:
                component["description"] = python.cleandoc(component["description"])
        self.components = components

    def schema(self, kind: Any) -> Json:
        return self._by_kind[repr(kind)]


def _operation(route: Route, kinds: _Kinds) -> Json:
    entry = route.entry
    summary, _, description = (python.getdoc(route.function) or "").partition("\n\n")
    operation: Json = {
        "operationId": route.name,
        "tags": [entry.tag],
        "summary": " ".join(summary.split()).removesuffix("."),
        "parameters": _parameters(route),
        "responses": _responses(route, kinds),
        "security": [{route.scheme: []}] if route.scheme else [],
    }
    if route.scheme == SECRET_KEY:
        description += f" {sentence(route.method, route.template)}"
    if description:
        operation["description"] = " ".join(description.split())
    if entry.request:
        operation["requestBody"] = {
            "required": any(_required(shown.kind) for shown in entry.request),
            "content": _content(entry.request, kinds),
        }
    return operation


def _webhook(event_type: EventType, meaning: str, kinds: _Kinds) -> Json:
    """What a business's own server is sent."""
    return {
        "operationId": event_type,
        "summary": meaning,
        "description": webhook_events.DESCRIPTION,
        "requestBody": {"content": _content(webhook_events.examples(event_type), kinds)},
        "responses": {"200": {"description": "Delivered; anything else is tried again"}},
        "security": [],
    }


def _keyed(route: Route) -> bool:
    return route.method == "POST" and route.scheme is not None and route.entry.idempotent


def _parameters(route: Route) -> list[Json]:
    parameters: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "As answers show it",
            "schema": {"type": "string", "minLength": 1},
        }
        for name in route.parameters
    ]
    if route.entry.query is not None:
        schema = msgspec.json.schema(route.entry.query)
        [described] = schema["$defs"].values()
        parameters += [
            _query_parameter(name, dict(kind))
            | ({"required": True} if name in described["required"] else {})
            for name, kind in described["properties"].items()
        ]
    if _keyed(route):
        parameters.append(IDEMPOTENCY_KEY)
    return parameters


def _query_parameter(name: str, schema: Json) -> Json:
    described = schema.pop("description", None)
    if schema.get("default", 0) is None:
        del schema["default"]
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema |= kinds[0]
    elif kinds:
        schema["anyOf"] = kinds
    elif "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    parameter: Json = {"name": name, "in": "query", "schema": schema}
    return parameter | ({"description": described} if described else {})


def _responses(route: Route, kinds: _Kinds) -> Json:
    responses: Json = {}
    for status, shown in route.entry.answers.items():
        responses[str(status)] = {"description": "Done", "content": _content(shown, kinds)}
        if _keyed(route):
            responses[str(status)]["headers"] = {"Idempotent-Replayed": REPLAYED}
    by_status: dict[int, list[PayvioxError]] = {}
    for error in _errors(route):
        by_status.setdefault(error.status, []).append(error)
    for status, errors in sorted(by_status.items()):
        answer = _refusal(errors)
        if str(status) in responses:
            raise LookupError(f"{route.method} {route.path} documents {status} twice")
        responses[str(status)] = answer
    return dict(sorted(responses.items()))


def _errors(route: Route) -> list[PayvioxError]:
    """Every refusal of a route: its own, and what follows from its shape."""
    entry = route.entry
    refusals: list[type[PayvioxError]] = [*entry.errors]
    if route.scheme is not None:
        refusals += [Unauthorized, DatabaseAway]
    if route.parameters:
        refusals.append(NotFound)
    if entry.request:
        refusals.append(Malformed)
    if _keyed(route):
        refusals += [BadKey, IdempotencyMismatch]
    if route.method != "GET":
        refusals += [RequestTimeout, OutcomeUnknown, LockedTooLong, Busy]
    refusals += [BodyTooLarge, UnsupportedMediaType, PayvioxError]
    made = [error() for error in dict.fromkeys(refusals) if error is not FieldErrors]
    if route.scheme == SECRET_KEY:
        made += [ScopeMissing(needed(route.method, route.template)), AddressRefused()]
    fields = _field_errors(route)
    return [*made, fields] if fields else made


def _field_errors(route: Route) -> FieldErrors | None:
    """The field list that an empty body or a bad query would get."""
    if route.entry.request:
        required = _required(route.entry.request[0].kind)
        if required:
            return FieldErrors({name: [f"The {name} field is required."] for name in required})
    if route.entry.query is not None and "limit" in route.entry.query.__struct_fields__:
        return FieldErrors({"limit": ["The limit must be an integer."]})
    if route.entry.request or route.entry.query is not None or FieldErrors in route.entry.errors:
        return FieldErrors({"field": ["The field is not valid."]})
    return None


def _required(kind: Any) -> list[str]:
    """The fields that a body of this kind must have."""
    described = msgspec.inspect.type_info(kind)
    fields = described.fields if isinstance(described, msgspec.inspect.StructType) else ()
    return [field.encode_name for field in fields if field.required]


def _refusal(errors: Sequence[PayvioxError]) -> Json:
    shapes = dict.fromkeys(
        "FieldErrors" if isinstance(error, FieldErrors) else "Error" for error in errors
    )
    refs = [{"$ref": COMPONENT.format(name=shape)} for shape in shapes]
    examples = {_words(error): {"value": _plain(error.body)} for error in errors}
    headers = {"Retry-After": RETRY_AFTER} if any(e.headers for e in errors) else {}
    refusal: Json = {
        "description": " · ".join(_words(error) for error in errors),
        "content": {
            JSON: {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}, "examples": examples}
        },
    }
    return refusal | ({"headers": headers} if headers else {})


def _plain(example: object) -> Any:
    """An example as it looks in JSON."""
    return msgspec.json.decode(msgspec.json.encode(example))


def _words(error: PayvioxError) -> str:
    """`InsufficientBalance` → `Insufficient balance`."""
    if type(error) is PayvioxError:
        return "Our fault"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).capitalize()


def _content(shown: Sequence[Shown], kinds: _Kinds) -> Json:
    """The body's media types, each with its schema and examples."""
    content: Json = {}
    for one in shown:
        media = content.setdefault(
            one.media_type, {"schema": kinds.schema(one.kind), "examples": {}}
        )
        number = len(media["examples"]) + 1
        name = "example" if number == 1 else f"example {number}"
        media["examples"][name] = {"value": _plain(one.example)}
        schema = kinds.schema(one.kind)
        if schema != media["schema"]:
            alternatives = media["schema"].get("anyOf", [media["schema"]])
            media["schema"] = {"anyOf": [*alternatives, schema]}
    return content
