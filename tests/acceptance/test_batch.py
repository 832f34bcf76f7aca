"""`POST /payout/batch`: a result for each item in order, in chunks or all at once, repeatable."""

import asyncio
import itertools
import time
from typing import Any

import httpx
import pytest
from psycopg.errors import SerializationFailure

from conftest import MakeBusiness
from payviox.allocations import batch, batcher, engine
from payviox.db.pool import Connection
from payviox.errors import DatabaseAway, PayvioxError, SettingsError
from support.businesses import TestBusiness
from support.live import LiveServer
from support.machine import stretch
from support.polling import eventually

pytestmark = pytest.mark.anyio


def people(count: int, amount: int = 1) -> list[dict[str, object]]:
    return [{"email": f"p{number}@example.com", "amount": amount} for number in range(count)]


async def pay(
    business: TestBusiness, items: object, key: str | None = None, **more: object
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await business.client.post(
        "/payout/batch", json={"items": items, **more}, headers=headers
    )


async def test_every_item_gets_its_hash_in_order_the_same_as_create_answers(
    business: TestBusiness,
) -> None:
    answer = await pay(business, people(3, 100))

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [set(result) for result in results] == [{"hash"}] * 3
    created = (await business.create("p1@example.com", 1)).json()
    assert created == results[1]
    books = await business.ledger()
    assert books["p0@example.com"] == 100
    assert books["payout"] == 1_000_000 - 301


async def test_bad_items_get_the_messages_of_create_and_the_good_ones_are_paid(
    business: TestBusiness,
) -> None:
    items: list[object] = [
        {"email": "ok@example.com", "amount": 5},
        {},
        {"email": 7, "amount": "5"},
        {"email": "no address", "amount": 0},
        "text",
        {"email": f"{'a' * 250}@example.com", "amount": 100_000_001},
        {"email": "ok@example.com", "amount": True},
        {"email": "ok@example.com", "amount": 5, "reference": "r" * 256},
        {"email": "ok@example.com", "amount": 5, "reference": "\0"},
        {"email": "OK@example.com ", "amount": 6, "reference": "mine"},
    ]

    results = (await pay(business, items)).json()["results"]

    assert results[0] == results[9]
    assert results[1:9] == [
        {
            "errors": {
                "email": ["The email field is required."],
                "amount": ["The amount field is required."],
            }
        },
        {
            "errors": {
                "email": ["The email must be a string."],
                "amount": ["The amount must be an integer."],
            }
        },
        {
            "errors": {
                "email": ["The email must be a valid email address."],
                "amount": ["The amount must be at least 1."],
            }
        },
        {"error": "The item must be an object"},
        {
            "errors": {
                "email": ["The email may not be greater than 255 characters."],
                "amount": ["The amount may not be greater than 100000000."],
            }
        },
        {"errors": {"amount": ["The amount must be an integer."]}},
        {"errors": {"reference": ["The reference may not be greater than 255 characters."]}},
        {"errors": {"reference": ["The reference is not valid."]}},
    ]
    books = await business.ledger()
    assert books["ok@example.com"] == 11
    reference = "SELECT reference FROM transfers WHERE business_id = %s AND amount = 6"
    assert await business.scalar(reference, business.business_id) == "mine"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"items": ["The items field is required."]}),
        ({"items": {}}, {"items": ["The items must be a list."]}),
        ({"items": []}, {"items": ["The items must have at least 1 item."]}),
        ({"items": people(10_001)}, {"items": ["The items may not have more than 10000 items."]}),
        (
            {"items": people(1), "mode": "some"},
            {"mode": ["The mode must be one of: all_or_nothing, each."]},
        ),
    ],
)
async def test_a_list_that_is_none_is_refused_as_a_whole(
    business: TestBusiness, body: object, errors: object
) -> None:
    before = await business.ledger()

    answer = await business.client.post("/payout/batch", json=body)

    assert answer.status_code == 400
    assert answer.json() == errors
    assert await business.ledger() == before


async def test_each_pays_until_the_balance_is_used_up_and_says_so_for_the_others(
    make_business: MakeBusiness,
) -> None:
    business = await make_business(funds=1_500)

    results = (await pay(business, people(2_000))).json()["results"]

    assert ["hash" in result for result in results] == [True] * 1_500 + [False] * 500
    assert results[-1] == {"error": "Insufficient payout balance"}
    books = await business.ledger()
    assert books["payout"] == 0
    assert books.users == 1_500


async def test_all_or_nothing_pays_everybody_in_one_commit(make_business: MakeBusiness) -> None:
    business = await make_business(funds=2_000)

    answer = await pay(business, people(2_000), mode="all_or_nothing")

    assert answer.status_code == 200
    assert all("hash" in result for result in answer.json()["results"])
    groups = "SELECT count(*) FROM allocation_groups WHERE business_id = %s"
    assert await business.scalar(groups, business.business_id) == 1


async def test_all_or_nothing_pays_nobody_where_one_item_cannot_be(
    make_business: MakeBusiness,
) -> None:
    business = await make_business(funds=2)
    before = await business.ledger()

    for items, first, last in (
        (people(3), "Not paid, because other items were refused", "Insufficient payout balance"),
        (
            [*people(1), {"email": "x", "amount": 1}],
            "Not paid, because other items were refused",
            None,
        ),
    ):
        answer = await pay(business, items, key="k", mode="all_or_nothing")

        assert answer.status_code == 400
        refused = answer.json()
        assert refused["error"] == "Nothing was paid, because some items were refused"
        assert refused["results"][0] == {"error": first}
        if last is not None:
            assert refused["results"][-1] == {"error": last}
        assert await business.ledger() == before

    # The key was not used up: nothing had an effect.
    paid = await pay(business, people(2), key="k", mode="all_or_nothing")
    assert paid.status_code == 200


@pytest.mark.parametrize("mode", ["each", "all_or_nothing"])
async def test_repeating_a_call_answers_the_same_and_pays_nothing_more(
    business: TestBusiness, mode: str
) -> None:
    first = await pay(business, people(2_500), key="once", mode=mode)
    before = await business.ledger()

    again = await pay(business, people(2_500), key="once", mode=mode)

    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await business.ledger() == before
    other = await pay(business, people(2_499), key="once", mode=mode)
    assert other.status_code == 422
    assert await business.ledger() == before


@pytest.mark.parametrize("mode", ["each", "all_or_nothing"])
async def test_concurrent_calls_with_one_key_have_one_effect(
    business: TestBusiness, mode: str
) -> None:
    answers = await asyncio.gather(
        *(pay(business, people(1_200), key="once", mode=mode) for _ in range(5))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert (await business.ledger())["payout"] == 1_000_000 - 1_200


async def test_a_replay_tells_again_who_was_refused_even_if_they_could_be_paid_now(
    make_business: MakeBusiness,
) -> None:
    business = await make_business(funds=1_200, main=5_000)
    first = await pay(business, people(2_500), key="once")
    assert (await business.client.post("/payout/fund", json={"amount": 5_000})).status_code == 200

    again = await pay(business, people(2_500), key="once")

    assert again.json() == first.json()
    assert (await business.ledger())["payout"] == 5_000


async def test_a_call_that_had_no_effect_does_not_use_its_key_up(
    make_business: MakeBusiness,
) -> None:
    business = await make_business(funds=5_000, payouts_enabled=False)
    refused = (await pay(business, people(1_500), key="once")).json()["results"]
    await business.set(payouts_enabled=True)

    paid = (await pay(business, people(1_500), key="once")).json()["results"]

    assert set(map(str, map(dict.keys, refused))) == {"dict_keys(['error'])"}
    assert all("hash" in result for result in paid)
    assert (await business.ledger())["payout"] == 3_500


async def test_a_commit_that_was_rolled_back_does_not_use_the_key_up(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, begin = batch.idempotency.keep, engine.queries.begin
    rolled_back = False

    async def conflict_once(*given: Any) -> None:
        nonlocal rolled_back
        await keep(*given)
        if not rolled_back:
            rolled_back = True
            raise SerializationFailure

    async def switched_off(*given: Any) -> Any:
        if rolled_back:
            await business.set(payouts_enabled=False)
        return await begin(*given)

    before = await business.ledger()
    with monkeypatch.context() as patched:
        patched.setattr(batch.idempotency, "keep", conflict_once)
        patched.setattr(engine.queries, "begin", switched_off)
        refused = await pay(business, people(2), key="once")
    assert all("disabled" in result["error"] for result in refused.json()["results"])
    assert await business.ledger() == before
    await business.set(payouts_enabled=True)

    paid = await pay(business, people(2), key="once")

    assert all("hash" in result for result in paid.json()["results"])
    assert (await business.ledger())["payout"] == 1_000_000 - 2


async def test_a_list_of_the_slowest_addresses_keeps_nobody_else_waiting(
    business: TestBusiness,
) -> None:
    """Told by this thread's CPU, which a machine that stalls does not spend."""
    before, letters = await business.ledger(), itertools.count(0x4E00, 304)  # none twice

    async def measured() -> bool:
        first, longest = next(letters), 0.0
        slowest = ["a@" + ".".join(chr(first + k + n) * 24 for n in range(4)) for k in range(300)]

        async def watch() -> None:
            nonlocal longest
            while True:
                since = time.thread_time()
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - since)

        watching = asyncio.create_task(watch())
        began = time.thread_time()
        answer = await pay(business, [{"email": email, "amount": 0} for email in slowest])
        took = time.thread_time() - began
        watching.cancel()
        if not all("errors" in result for result in answer.json()["results"]):
            pytest.fail(answer.text)
        assert longest < took / 4, "as one chunk it would be all of it"
        return True

    await eventually(measured)
    assert await business.ledger() == before


async def test_chunks_refused_before_the_first_payment_are_recorded_with_it(
    make_business: MakeBusiness,
) -> None:
    business = await make_business(funds=10, main=10_000)
    items = [*people(1_000, 11), {"email": "last@example.com", "amount": 10}]
    first = await pay(business, items, key="once")
    await business.client.post("/payout/fund", json={"amount": 10_000})

    again = await pay(business, items, key="once")

    assert again.json() == first.json()
    assert (await business.ledger())["payout"] == 10_000


async def test_a_call_overtaken_by_its_twin_answers_as_the_twin_did(
    make_business: MakeBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    business = await make_business(funds=10, main=100_000)
    items = [*people(1_000, 11), {"email": "last@example.com", "amount": 10}]
    submit = batcher.Batcher.submit
    twin: list[httpx.Response] = []

    async def pause(self: batcher.Batcher, *given: Any, **more: Any) -> Any:
        if more.get("begun") and not twin:
            twin.append(None)  # type: ignore[arg-type]  # the twin's own calls pass
            # Its first chunk was refused; now there is money, and the same call comes again.
            await business.client.post("/payout/fund", json={"amount": 100_000})
            twin[0] = await pay(business, items, key="once")
        return await submit(self, *given, **more)

    monkeypatch.setattr(batcher.Batcher, "submit", pause)
    ours = await pay(business, items, key="once")

    assert all("hash" in result for result in ours.json()["results"])
    assert ours.json() == twin[0].json()
    assert (await business.ledger())["payout"] == 100_010 - 11_010


async def test_repeating_a_call_that_was_cut_off_completes_it_and_answers_for_all(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = engine.queries.write
    calls = 0

    async def fail_once(connection: Connection, writes: engine.Writes) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise PayvioxError
        await write(connection, writes)

    monkeypatch.setattr(engine.queries, "write", fail_once)
    cut_off = await pay(business, people(4_500), key="once")
    assert cut_off.status_code == 500
    assert (await business.ledger())["payout"] == 1_000_000 - 2_000

    completed = await pay(business, people(4_500), key="once")

    assert completed.status_code == 200
    assert len(completed.json()["results"]) == 4_500
    assert all("hash" in result for result in completed.json()["results"])
    assert (await business.ledger())["payout"] == 1_000_000 - 4_500


async def test_a_call_cut_off_by_a_lost_database_says_that_a_part_was_done(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, calls = batcher.Batcher.submit, 0

    async def lose_the_database(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise DatabaseAway
        return await submit(*arguments, **options)

    monkeypatch.setattr(batcher.Batcher, "submit", lose_the_database)
    cut_off = await pay(business, people(1_500), key="once")
    assert cut_off.status_code == 503
    assert cut_off.headers["retry-after"] == "5"
    assert cut_off.json()["error"].startswith("Only a part of this was done.")
    assert (await business.ledger())["payout"] == 1_000_000 - 1_000

    completed = await pay(business, people(1_500), key="once")
    assert completed.status_code == 200
    assert (await business.ledger())["payout"] == 1_000_000 - 1_500


async def test_a_server_killed_in_the_middle_has_paid_nobody_twice_once_the_call_is_repeated(
    make_business: MakeBusiness, live_server: LiveServer
) -> None:
    business = await make_business(funds=10_000)
    call = {
        "url": f"{live_server.url}/payout/batch",
        "json": {"items": people(10_000)},
        "headers": {
            "Authorization": f"Bearer {business.secret_key}",
            "Idempotency-Key": "once",
        },
        "timeout": stretch(60),
    }

    async def begun() -> bool:
        paid = "SELECT count(*) FROM idempotency_keys WHERE business_id = %s"
        return int(await business.scalar(paid, business.business_id)) >= 2

    async with httpx.AsyncClient() as client:
        lost = asyncio.create_task(client.post(**call))
        await eventually(begun)
        live_server.kill()
        with pytest.raises(httpx.TransportError):
            await lost
    assert 0 < (await business.ledger())["payout"] < 10_000
    live_server.start()

    async with httpx.AsyncClient() as client:
        completed = await client.post(**call)

    assert completed.status_code == 200
    assert all("hash" in result for result in completed.json()["results"])
    books = await business.ledger()
    assert (books["payout"], books.users) == (0, 10_000)


async def test_without_a_key_a_call_that_was_cut_off_says_which_items_were_not_tried(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = engine.queries.write_and_commit
    calls = 0

    async def fail_later(connection: Connection, writes: engine.Writes) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise PayvioxError
        await write(connection, writes)

    monkeypatch.setattr(engine.queries, "write_and_commit", fail_later)

    results = (await pay(business, people(2_500))).json()["results"]

    assert "hash" in results[999]
    assert results[1_000] == {"error": "Internal server error"}
    assert results[2_499] == {"error": "Not attempted, because an earlier part of this call failed"}
    assert (await business.ledger())["payout"] == 1_000_000 - 1_000


@pytest.mark.parametrize("failure", [ValueError("secret"), SettingsError("secret"), LookupError()])
async def test_whatever_stops_a_later_chunk_the_earlier_results_are_kept_and_it_stays_unsaid(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    write = engine.queries.write_and_commit
    calls = 0

    async def fail_later(connection: Connection, writes: engine.Writes) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise failure
        await write(connection, writes)

    monkeypatch.setattr(engine.queries, "write_and_commit", fail_later)

    results = (await pay(business, people(1_500))).json()["results"]

    assert "hash" in results[999]
    assert results[1_000] == {"error": "Internal server error"}
    assert (await business.ledger())["payout"] == 1_000_000 - 1_000


async def test_a_key_regenerated_during_a_call_stops_it(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = engine.queries.write_and_commit
    client = business.client
    regenerated = False

    async def regenerate_meanwhile(connection: Connection, writes: engine.Writes) -> None:
        nonlocal regenerated
        if not regenerated:
            regenerated = True
            # It waits for the payout account, which this chunk still holds.
            tasks.append(asyncio.create_task(business.regenerate()))
            await asyncio.sleep(0)
        await write(connection, writes)

    tasks: list[asyncio.Task[str]] = []
    monkeypatch.setattr(engine.queries, "write_and_commit", regenerate_meanwhile)

    answer = await client.post("/payout/batch", json={"items": people(10_000)})
    await asyncio.gather(*tasks)

    results = answer.json()["results"]
    paid = sum("hash" in result for result in results)
    assert (await business.ledger())["payout"] == 1_000_000 - paid
    assert {str(result) for result in results[paid:]} <= {"{'error': 'Unauthorized'}"}
    assert (await client.get("/balance")).status_code == 401


async def test_inactive_users_are_refused_alone(business: TestBusiness) -> None:
    await business.create("p1@example.com", 1)
    users = (await business.client.get("/payout/users")).json()["data"]
    await business.client.post(f"/payout/users/{users[0]['id']}/deactivate")

    results = (await pay(business, people(3))).json()["results"]

    assert results[1] == {"error": "Payout user is inactive"}
    assert "hash" in results[0]
    assert "hash" in results[2]
    assert (await business.ledger())["p1@example.com"] == 1


async def test_one_person_may_stand_in_a_list_many_times(business: TestBusiness) -> None:
    results = (await pay(business, [{"email": "A@example.com", "amount": 2}] * 1_500)).json()

    assert len({result["hash"] for result in results["results"]}) == 1
    assert (await business.ledger())["a@example.com"] == 3_000


async def test_a_body_over_four_megabytes_is_refused_unread(business: TestBusiness) -> None:
    body = b'{"items":[' + b" " * 4_000_000 + b"]}"

    answer = await business.client.post(
        "/payout/batch", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 413
