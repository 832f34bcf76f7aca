"""Every route of the OpenAPI document with every credential that must not open it: 401, or 404
where the credential is good and the thing another's; and nothing is changed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from conftest import MakeBusiness
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio

UNAUTHORIZED = {"error": "Unauthorized"}
NOT_FOUND = {"error": "Not found"}


@dataclass
class Operation:
    method: str
    path: str
    scheme: str | None
    body: Any

    @property
    def about(self) -> str:
        """What the id in its path names, such as `users`; nothing where it has none."""
        found = re.search(r"/(\w+)/\{id\}", self.path)
        return found[1] if found else ""


QUERIES = {
    "/payout/statement": {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
    "/payout/taxes": {"year": "2020"},
}
"""What a path does not answer without."""


@dataclass
class World:
    """A business with a payout user, an order and an event, and what others hold."""

    business: TestBusiness
    operations: list[Operation]
    ids: Mapping[str, str]
    payout_hash: str
    refused: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, scheme: str) -> Iterator[Operation]:
        return (operation for operation in self.operations if operation.scheme == scheme)

    async def call(self, operation: Operation, headers: Mapping[str, str]) -> httpx.Response:
        path = operation.path.replace("{id}", self.ids.get(operation.about, ""))
        async with self.business.client_with(headers) as client:
            query = QUERIES.get(operation.path)
            return await client.request(operation.method, path, json=operation.body, params=query)


def _operations(document: Any) -> list[Operation]:
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scheme = next((name for entry in operation["security"] for name in entry), None)
            content = operation.get("requestBody", {}).get("content", {})
            examples = content.get("application/json", {}).get("examples", {})
            body = next((example["value"] for example in examples.values()), None)
            found.append(Operation(method.upper(), path, scheme, body))
    return found


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def with_hash(payout_hash: str) -> dict[str, str]:
    return {"X-Payout-Hash": payout_hash}


async def withdraw(business: TestBusiness, email: str) -> tuple[str, str]:
    """A payout user's hash and the id of an order of theirs."""
    payout_hash = (await business.create(email, 1_000)).json()["hash"]
    answer = await business.client_with(with_hash(payout_hash)).post(
        "/payout/withdraw",
        json={"provider": "paypal", "amount": 500, "paypal": {"email": "ada@example.com"}},
    )
    assert answer.status_code == 201, answer.text
    return payout_hash, answer.json()["id"]


@pytest.fixture
async def world(business: TestBusiness, anonymous: httpx.AsyncClient) -> World:
    document = (await anonymous.get("/openapi.json")).json()
    settings = {
        "url": "https://example.com/hook",
        "enabled": True,
        "events": ["payout.created", "payout.succeeded"],
    }
    assert (await business.client.put("/payout/webhook", json=settings)).status_code == 200
    payout_hash, order = await withdraw(business, "ada@example.com")
    user = (await business.client.get("/payout/users")).json()["data"][0]["id"]
    event = (await business.client.get("/payout/events")).json()["data"][0]["id"]
    made = await business.client.post("/payout/keys", json={"name": "shop", "scopes": ["read"]})
    ids = {
        "users": user,
        "orders": order,
        "withdrawals": order,
        "events": event,
        "keys": made.json()["id"],
    }
    return World(business, _operations(document), ids, payout_hash)


async def test_the_document_holds_routes_of_both_kinds_and_ids_of_every_kind(world: World) -> None:
    assert len(list(world.of("secretKey"))) > 20
    assert len(list(world.of("payoutHash"))) > 8
    assert {operation.about for operation in world.operations} - {""} == world.ids.keys()
    open_to_all = {operation.path for operation in world.operations if operation.scheme is None}
    assert open_to_all == {
        "/",
        "/docs",
        "/docs/style.css",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/rails/{rail}/{business}/callback",
    }


async def test_business_routes_open_to_a_live_secret_key_alone(world: World) -> None:
    business = world.business
    revoked = business.secret_key
    business.secret_key = await business.regenerate()
    refused = {
        "no header": {},
        "an empty key": bearer(""),
        "a key that never was": bearer("sk_test_" + "x" * 43),
        "a revoked key": bearer(revoked),
        "a public key": bearer(business.public_key),
        "a payout hash as a key": bearer(world.payout_hash),
        "a payout hash": with_hash(world.payout_hash),
        "another scheme": {"Authorization": f"Basic {business.secret_key}"},
        "no scheme": {"Authorization": business.secret_key},
    }
    before = await business.ledger()

    wrong = [
        (operation.method, operation.path, name, answer.status_code, answer.text)
        for operation in world.of("secretKey")
        for name, headers in refused.items()
        for answer in [await world.call(operation, headers)]
        if (answer.status_code, answer.json()) != (401, UNAUTHORIZED)
    ]

    assert not wrong
    assert await business.ledger() == before


async def test_another_tenants_key_and_the_live_twins_find_nothing_of_ours(
    world: World, make_business: MakeBusiness
) -> None:
    business = world.business
    other = await make_business(funds=1_000)
    assert business.twin is not None
    before = await business.ledger()

    wrong = [
        (operation.method, operation.path, answer.status_code, answer.text)
        for operation in world.of("secretKey")
        if operation.about
        for key in (other.secret_key, business.twin.secret_key)
        for answer in [await world.call(operation, bearer(key))]
        if (answer.status_code, answer.json()) != (404, NOT_FOUND)
    ]

    assert not wrong
    assert await business.ledger() == before


async def test_what_a_business_lists_holds_nothing_of_another(
    world: World, make_business: MakeBusiness
) -> None:
    other = await make_business(funds=1_000)

    for operation in world.of("secretKey"):
        if operation.method == "GET" and not operation.about:
            answer = await world.call(operation, bearer(other.secret_key))
            assert answer.status_code == 200
            for name in (*world.ids.values(), "ada@example.com"):
                assert name not in answer.text


async def test_payout_users_routes_open_to_a_live_hash_alone(
    world: World, make_business: MakeBusiness
) -> None:
    business = world.business
    inactive, _ = await withdraw(business, "inactive@example.com")
    rotated, _ = await withdraw(business, "rotated@example.com")
    for email, verb in (("inactive", "deactivate"), ("rotated", "rotate-hash")):
        query = {"email": f"{email}@example.com"}
        [user] = (await business.client.get("/payout/users", params=query)).json()["data"]
        done = await business.client.post(f"/payout/users/{user['id']}/{verb}")
        assert done.status_code == 200
    refused = {
        "no header": {},
        "an empty hash": with_hash(""),
        "a hash that never was": with_hash(world.payout_hash[:8] + "0" * 56),
        "another business's code": with_hash("00000000" + world.payout_hash[8:]),
        "capitals": with_hash(world.payout_hash.upper()),
        "too short": with_hash(world.payout_hash[:-1]),
        "an inactive user's": with_hash(inactive),
        "a rotated one": with_hash(rotated),
        "the secret key": bearer(business.secret_key),
        "the secret key as a hash": with_hash(business.secret_key),
    }
    before = await business.ledger()

    wrong = [
        (operation.method, operation.path, name, answer.status_code, answer.text)
        for operation in world.of("payoutHash")
        for name, headers in refused.items()
        for answer in [await world.call(operation, headers)]
        if (answer.status_code, answer.json()) != (401, UNAUTHORIZED)
    ]

    assert not wrong
    assert await business.ledger() == before


async def test_another_users_hash_finds_nothing_of_ours(
    world: World, make_business: MakeBusiness
) -> None:
    business = world.business
    neighbour, _ = await withdraw(business, "neighbour@example.com")
    foreigner, _ = await withdraw(await make_business(funds=5_000), "ada@example.com")
    before = await business.ledger()

    wrong = [
        (operation.method, operation.path, answer.status_code, answer.text)
        for operation in world.of("payoutHash")
        if operation.about
        for payout_hash in (neighbour, foreigner)
        for answer in [await world.call(operation, with_hash(payout_hash))]
        if (answer.status_code, answer.json()) != (404, NOT_FOUND)
    ]

    assert not wrong
    assert await business.ledger() == before


async def test_a_refused_caller_learns_nothing_of_the_body(world: World) -> None:
    for operation in world.operations:
        if operation.scheme and operation.body is not None:
            path = operation.path.replace("{id}", world.ids.get(operation.about, ""))
            async with world.business.client_with({"Content-Type": "application/json"}) as client:
                answer = await client.request(operation.method, path, content=b"{")
            assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED), operation
