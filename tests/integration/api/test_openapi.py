"""The OpenAPI document: valid, complete, true to its own examples; and the page made from it."""

import logging
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from payviox import app
from payviox.api.authentication import require_business
from payviox.api.docs import openapi
from payviox.webhooks.events import TYPES

pytestmark = pytest.mark.anyio


@pytest.fixture
async def document(anonymous: httpx.AsyncClient) -> Any:
    return (await anonymous.get("/openapi.json")).json()


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def contents(document: Any) -> Iterator[tuple[str, Any]]:
    """Every body that the document describes, asked or answered."""
    for name, operation in operations(document):
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for part, body in bodies.items():
            for media in body.get("content", {}).values():
                yield f"{name} {part}", media


async def test_it_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


async def test_it_holds_every_route_of_the_application(document: Any) -> None:
    framework = Litestar(app.ROUTES, openapi_config=None, logging_config=None)
    routes = {
        f"{method} {path.replace(':str', '')}"
        for handler in app.ROUTES
        for path in handler.paths
        for method in handler.http_methods
    }

    assert routes | {"POST /payout/create"} == {name for name, _ in operations(document)}
    assert len(framework.routes) > 20


async def test_describing_it_leaves_the_log_of_the_process_as_it_is() -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    assert app.described("https://payviox.test")["paths"]
    assert (root.level, root.handlers) == before


async def test_a_route_without_documentation_does_not_start() -> None:
    @get("/secret", guards=[require_business], sync_to_thread=False)
    def undocumented() -> None: ...

    framework = Litestar([undocumented], openapi_config=None, logging_config=None)
    routes = openapi.routes_of(framework, {})

    with pytest.raises(LookupError, match="GET /secret is not documented"):
        openapi.document(routes, "http://payviox.test")


async def test_every_body_has_an_example_and_every_example_is_one(document: Any) -> None:
    wrong = []
    for name, media in contents(document):
        schema = media["schema"] | {"components": document["components"]}
        examples = list(media["examples"].values())
        validator = OAS31Validator(schema)
        wrong += [name for example in examples if not validator.is_valid(example["value"])]
        wrong += [] if examples else [name]

    assert not wrong


async def test_it_shows_every_webhook_that_a_receiver_may_get(document: Any) -> None:
    assert tuple(document["webhooks"]) == TYPES
    for event_type, item in document["webhooks"].items():
        body = item["post"]["requestBody"]["content"]["application/json"]
        schema = body["schema"] | {"components": document["components"]}
        examples = [example["value"] for example in body["examples"].values()]
        assert [example["type"] for example in examples] == [event_type] * 4
        providers = [example["provider"] for example in examples]
        assert providers == ["paypal", "crypto", "gift_card", "bank"]
        assert all(OAS31Validator(schema).is_valid(example) for example in examples)


async def test_every_operation_says_how_it_may_fail(document: Any) -> None:
    for name, operation in operations(document):
        statuses = operation["responses"].keys()
        assert any(status < "300" for status in statuses), name
        assert {"500", "413", "415"} <= statuses, name
        assert ("401" in statuses) >= bool(operation["security"]), name
        assert operation["summary"], name
        if "{id}" in name:
            assert "404" in statuses, name
        # A POST that only reads has no effect to repeat.
        reads = name == "POST /payout/operations"
        if name.startswith("POST") and operation["security"] and not reads:
            assert {"400", "422", "503"} <= statuses, name
            headers = [parameter["name"] for parameter in operation["parameters"]]
            assert "Idempotency-Key" in headers, name


async def test_the_schemas_say_what_the_api_insists_on(document: Any) -> None:
    create = document["components"]["schemas"]["CreateRequest"]

    assert create["required"] == ["email", "amount"]
    assert create["properties"]["email"]["format"] == "email"
    assert create["properties"]["amount"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100_000_000,
        "description": "US cents",
    }


async def test_the_index_leads_to_the_documentation(anonymous: httpx.AsyncClient) -> None:
    index = (await anonymous.get("/")).json()

    assert index["name"] == "Payviox"
    for link in (index["documentation"], index["openapi"]):
        assert (await anonymous.get(link)).status_code == 200


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    def all(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


async def test_the_page_needs_no_script_and_nothing_from_outside(
    anonymous: httpx.AsyncClient,
) -> None:
    answer = await anonymous.get("/docs")
    page = Page(answer.text)

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy
    assert not {tag for tag, _ in page.tags} & {"script", "style", "img", "iframe", "form"}
    assert not page.all("style")
    links = page.all("href") + page.all("src")
    assert all(link.startswith(("#", "/")) for link in links)
    style = await anonymous.get("/docs/style.css")
    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in style.text
    assert "url(" not in style.text
    assert "@import" not in style.text


async def test_the_page_tells_of_every_operation(
    anonymous: httpx.AsyncClient, document: Any
) -> None:
    page = Page((await anonymous.get("/docs")).text)

    for name, operation in operations(document):
        assert operation["operationId"] in page.all("id"), name
        assert name.split()[1] in page.words


async def test_the_page_can_be_read_by_keyboard_and_by_ear(anonymous: httpx.AsyncClient) -> None:
    page = Page((await anonymous.get("/docs")).text)

    assert ("html", {"lang": "en"}) in page.tags
    names = page.all("id")
    assert len(names) == len(set(names))
    targets = [link[1:] for link in page.all("href") if link.startswith("#")]
    assert set(targets) <= set(names)
    assert set(page.all("aria-labelledby")) <= set(names)
    links = [attrs for tag, attrs in page.tags if tag == "a"]
    assert links[0]["href"] == "#content"
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
