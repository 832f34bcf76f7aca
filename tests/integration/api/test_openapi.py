"""The OpenAPI document: valid, complete, with an example of every answer."""

import httpx
import pytest
from openapi_spec_validator import validate

pytestmark = pytest.mark.anyio


async def test_the_document_is_valid_openapi_3_1(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    validate(document)


async def test_every_answer_of_every_operation_has_an_example(
    anonymous: httpx.AsyncClient,
) -> None:
    document = (await anonymous.get("/openapi.json")).json()

    missing = [
        (path, method, status)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        for media in answer["content"].values()
        if not media["examples"]
    ]

    assert not missing
    assert "post" in document["paths"]["/payout/create"]
