"""PayPal's published OpenAPI documents: whether a request keeps to them. They lie beside the
checkout, in `../shared/specs/paypal`; where they are missing nothing can be said."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

SPECS = Path(__file__).parents[3] / "shared" / "specs" / "paypal"
FILES = ("payments_payouts_batch_v1.json", "notifications_webhooks_v1.json")
UNPUBLISHED = {
    ("POST", "/v1/oauth2/token"),
    ("GET", "/v1/reporting/balances"),
}
"""What PayPal has and these documents do not describe."""


VALIDATORS: dict[int, Any] = {}


class Document:
    """The operations of several OpenAPI 3.0 documents."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self.operations: list[tuple[str, list[str], dict[str, Any], dict[str, Any]]] = []
        for document in documents:
            for path, item in document["paths"].items():
                for method, operation in item.items():
                    entry = (method.upper(), path.strip("/").split("/"), operation, document)
                    self.operations.append(entry)

    def find(
        self, method: str, path: str
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]] | None:
        """An operation with its document and the path's parameters."""
        parts = path.strip("/").split("/")
        for known, pattern, operation, document in self.operations:
            if known != method or len(pattern) != len(parts):
                continue
            found: dict[str, str] = {}
            for expected, given in zip(pattern, parts, strict=True):
                if expected.startswith("{"):
                    found[expected.strip("{}")] = unquote(given)
                elif expected != given:
                    break
            else:
                return operation, document, found
        return None

    def body_problems(self, method: str, path: str, body: Any) -> list[str]:
        """What is wrong with a JSON body."""
        found = self.find(method, path)
        if found is None:
            return [f"there is no {method} {path}"]
        operation, document, _ = found
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return [] if body is None else ["a body where none is expected"]
        schema = content["application/json"]["schema"]
        return [*_broken(body, schema, document), *_unknown(body, schema, document, "")]

    def problems(self, request: dict[str, Any]) -> list[str]:
        """What is wrong with a recorded request: its operation, parameters, body and headers."""
        method, path = request["method"], request["path"]
        if (method, path) in UNPUBLISHED:
            return _of_unpublished(request)
        found = self.find(method, path)
        if found is None:
            return [f"there is no {method} {path}"]
        operation, document, in_path = found
        problems = _of_parameters(operation, document, in_path, request["query"])
        headers = request["headers"]
        if not headers.get("authorization", "").startswith("Bearer "):
            problems.append("no bearer token")
        if not request["body"]:
            required = "requestBody" in operation
            return [*problems, "the body is missing"] if required else problems
        if headers.get("content-type", "").split(";")[0] != "application/json":
            problems.append("the body is not sent as application/json")
        try:
            body = json.loads(request["body"])
        except ValueError:
            return [*problems, "the body is no JSON"]
        return [*problems, *self.body_problems(method, path, body)]

    def answer_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer."""
        found = self.find(method, path)
        if found is None:
            return [f"there is no {method} {path}"]
        operation, document, _ = found
        answers = operation["responses"]
        answer = answers.get(str(status)) or answers.get("default")
        if answer is None:
            return [f"there is no answer {status}"]
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        return _broken(body, schema, document)


@cache
def paypal_document() -> Document | None:
    """The published documents; None where they are missing."""
    files = [SPECS / name for name in FILES]
    if not all(file.is_file() for file in files):
        return None
    return Document([json.loads(file.read_text()) for file in files])


def problems(request: dict[str, Any]) -> list[str]:
    """What is wrong with a recorded request to PayPal by the published documents."""
    document = paypal_document()
    if document is None:
        raise FileNotFoundError(f"PayPal's documents are not at {SPECS}")
    return document.problems(request)


def _broken(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    if not schema:
        return []
    # Schemas live as long as their documents: a validator is kept by its schema's identity.
    validator = VALIDATORS.get(id(schema))
    if validator is None:
        import openapi_schema_validator as validators  # noqa: PLC0415  # costs 0.2 s

        whole = {**schema, "components": document["components"]}
        validator = validators.OAS30Validator(whole, format_checker=validators.oas30_format_checker)
        VALIDATORS[id(schema)] = validator
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _unknown(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str) -> list[str]:
    """Members that the document does not know: it allows them, but they mean nothing."""
    schema = _resolved(schema, document)
    if isinstance(value, list):
        items = schema.get("items", {})
        each = [_unknown(one, items, document, f"{at}[{n}]") for n, one in enumerate(value)]
        return [problem for problems in each for problem in problems]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    found: list[str] = []
    for name, member in value.items():
        if name not in schema["properties"]:
            if not schema.get("additionalProperties"):
                found.append(f"{at}.{name} is not in the document")
        else:
            found += _unknown(member, schema["properties"][name], document, f"{at}.{name}")
    return found


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _of_parameters(
    operation: dict[str, Any], document: dict[str, Any], in_path: dict[str, str], query: str
) -> list[str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    known = [_resolved(one, document) for one in operation.get("parameters", [])]
    in_query = {one["name"] for one in known if one["in"] == "query"}
    problems = [f"query {name} is not in the document" for name in given if name not in in_query]
    for one in known:
        values = {"query": given, "path": in_path}.get(one["in"], {})
        if one["name"] not in values:
            if one.get("required") and one["in"] in ("query", "path"):
                problems.append(f"{one['in']} {one['name']} is missing")
            continue
        value = _typed(values[one["name"]], one["schema"].get("type"))
        broken = _broken(value, one["schema"], document)
        problems += [f"{one['in']} {one['name']}: {problem}" for problem in broken]
    return problems


def _typed(text: str, kind: str | None) -> Any:
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "integer":
        try:
            return int(text)
        except ValueError:
            return text
    return text


def _of_unpublished(request: dict[str, Any]) -> list[str]:
    scheme = request["headers"].get("authorization", "").split(" ")[0]
    if request["method"] == "GET":
        return [] if scheme == "Bearer" else ["no bearer token"]
    problems = [] if scheme == "Basic" else ["the token's call is not authorized by Basic"]
    if dict(parse_qsl(request["body"])) != {"grant_type": "client_credentials"}:
        problems.append("the token's form is not grant_type=client_credentials alone")
    return problems
