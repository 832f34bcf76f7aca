"""Who is calling: every failure is the same 401, whatever its cause, and takes the same time."""

import statistics
import time
from typing import Any

import httpx
import pytest

from support.polling import eventually

pytestmark = pytest.mark.anyio

UNAUTHORIZED = b'{"error":"Unauthorized"}'
ROUTES = [
    ("GET", "/balance"),
    ("POST", "/payout/create"),
    ("POST", "/payout/fund"),
    ("POST", "/payout/defund"),
]


async def failures(business: Any) -> dict[str, dict[str, str]]:
    """Headers of every way not to be let in."""
    other = business.secret_key[:-1] + ("A" if business.secret_key[-1] != "A" else "B")
    regenerated = business.twin.secret_key
    await business.twin.regenerate()
    return {
        "no header": {},
        "empty": {"Authorization": ""},
        "no scheme": {"Authorization": business.secret_key},
        "another scheme": {"Authorization": f"Basic {business.secret_key}"},
        "no token": {"Authorization": "Bearer"},
        "empty token": {"Authorization": "Bearer "},
        "two tokens": {"Authorization": f"Bearer {business.secret_key} {business.secret_key}"},
        "malformed": {"Authorization": "Bearer x"},
        "very long": {"Authorization": f"Bearer sk_test_{'x' * 7000}"},
        "unknown": {"Authorization": f"Bearer {other}"},
        "another case": {"Authorization": f"Bearer {business.secret_key.swapcase()}"},
        "public key": {"Authorization": f"Bearer {business.public_key}"},
        "regenerated": {"Authorization": f"Bearer {regenerated}"},
        "not ASCII": {"Authorization": "Bearer sk_test_\u00e9"},
        "a payout hash": {"X-Payout-Hash": (await business.create("h@x.com", 1)).json()["hash"]},
    }


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_failure_is_the_same_answer(business, method: str, path: str) -> None:
    causes = await failures(business)
    before = await business.ledger()
    answers = {}
    for cause, headers in causes.items():
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await business.client_with(encoded).request(  # type: ignore[arg-type]  # bytes
            method, path, json={"email": "a@x.com", "amount": 1} if method == "POST" else None
        )
        answers[cause] = (answer.status_code, answer.content, dict(answer.headers))
    assert {answer[:2] for answer in answers.values()} == {(401, UNAUTHORIZED)}, answers
    first = answers["no header"]
    assert all(answer == first for answer in answers.values()), "the headers tell nothing either"
    assert await business.ledger() == before


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_read_in_any_case(business, scheme: str) -> None:
    client = business.client_with({"Authorization": f"{scheme} {business.secret_key}"})
    assert (await client.get("/balance")).status_code == 200


async def test_a_get_may_carry_a_content_type_and_no_body(business) -> None:
    answer = await business.client.get("/balance", headers={"Content-Type": "application/json"})
    assert answer.status_code == 200


async def test_keys_of_live_and_test_open_their_own_business_alone(make_business) -> None:
    business = await make_business(funds=7)
    assert business.secret_key.startswith("sk_test_")
    assert business.public_key.startswith("pk_test_")
    assert business.twin.secret_key.startswith("sk_live_")
    assert business.twin.public_key.startswith("pk_live_")
    assert (await business.client.get("/balance")).json()["payout_balance"] == 7
    assert (await business.twin.client.get("/balance")).json()["payout_balance"] == 0


async def test_a_regenerated_key_stops_at_once_even_where_it_was_seen_before(business) -> None:
    old = business.client
    for answer in (await old.get("/balance"), await business.create("a@x.com", 1)):
        assert answer.is_success
    new = business.client_with({"Authorization": f"Bearer {await business.regenerate()}"})
    before = await business.ledger()
    body = {"email": "a@x.com", "amount": 1}
    for _ in range(2):
        assert (await old.post("/payout/create", json=body)).content == UNAUTHORIZED
        assert (await old.post("/payout/create", json={})).content == UNAUTHORIZED
        assert (await old.get("/balance")).content == UNAUTHORIZED
    assert await business.ledger() == before
    assert (await new.post("/payout/create", json=body)).status_code == 201


async def test_a_regenerated_key_stops_at_once_on_every_process(business, live_server) -> None:
    headers = {"Authorization": f"Bearer {business.secret_key}"}
    body = {"email": "a@x.com", "amount": 1}
    async with httpx.AsyncClient(base_url=live_server.url, headers=headers) as elsewhere:
        assert (await elsewhere.post("/payout/create", json=body)).status_code == 201
        assert (await business.create("a@x.com", 1)).status_code == 201
        await business.regenerate()
        assert (await elsewhere.post("/payout/create", json=body)).content == UNAUTHORIZED
        assert (await business.create("a@x.com", 1)).content == UNAUTHORIZED
    assert (await business.ledger())["a@x.com"] == 2


async def test_a_regenerated_public_key_leaves_the_secret_key_alone(business) -> None:
    await business.regenerate("public")
    assert (await business.client.get("/balance")).status_code == 200


async def test_keys_are_kept_as_digests_alone(business) -> None:
    stored = await business.scalar("SELECT string_agg(k::text, ' ') FROM api_keys k")
    assert business.secret_key not in stored
    # What follows `sk_test_` may hold an underscore itself.
    assert business.secret_key.split("_", 2)[2] not in stored
    assert business.public_key.split("_", 2)[2] not in stored


async def test_failures_take_the_same_time_whatever_their_cause(business) -> None:
    """Medians within a factor of one another: a difference that guessing could use would show."""
    causes = await failures(business)
    body = {"email": "a@x.com", "amount": 1}

    async def measured() -> bool:
        took: dict[str, list[float]] = {cause: [] for cause in causes}
        for _ in range(25):
            for cause, headers in causes.items():
                encoded = {name: value.encode("latin-1") for name, value in headers.items()}
                client = business.client_with(encoded)  # type: ignore[arg-type]  # bytes
                start = time.perf_counter()
                await client.post("/payout/create", json=body)
                took[cause].append(time.perf_counter() - start)
        medians = {cause: statistics.median(times) for cause, times in took.items()}
        middle = statistics.median(medians.values())
        assert all(middle / 2 < m < middle * 2 for m in medians.values()), medians
        return True

    await eventually(measured, timeout_s=30)
