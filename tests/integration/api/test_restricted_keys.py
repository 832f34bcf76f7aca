"""Restricted keys over the API: their scopes, networks, expiry and limits, at the commit."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, get_args

import httpx
import msgspec
import pytest

from payviox import app
from payviox.api import scopes
from payviox.api.allocation import Create
from payviox.api.docs import openapi
from payviox.auth import keys
from payviox.auth.restrictions import Restrictions, Scope
from payviox.db.pool import Database
from payviox.treasury import restricted_keys
from payviox.treasury.restricted_keys import NewKey
from payviox.web.context import Services
from support import midnight
from support.businesses import TestBusiness
from support.every_post import Stage
from support.machine import stretch
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

EVERY: tuple[Scope, ...] = get_args(Scope)


@pytest.fixture(autouse=True)
def one_day() -> None:
    """What a key has spent today is looked at on that day."""
    midnight.keep_clear()


async def make(business: TestBusiness, *scopes: Scope, **bounds: Any) -> NewKey:
    wanted = Restrictions("a test", scopes or EVERY, **bounds)
    return await business.database.write(
        restricted_keys.create, business.business_id, wanted, "test"
    )


async def change(business: TestBusiness, key: NewKey, **bounds: Any) -> None:
    wanted = msgspec.structs.replace(key.key.restrictions, **bounds)
    await business.database.write(
        restricted_keys.change, business.business_id, key.key.id, wanted, "test"
    )


def client(business: TestBusiness, key: NewKey | str, place: str = "192.0.2.7") -> Any:
    secret = key if isinstance(key, str) else key.secret
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(business.application, client=(place, 1)),  # type: ignore[arg-type]
        base_url="http://payviox.test",
        headers={"Authorization": f"Bearer {secret}"},
    )


async def pay(caller: Any, amount: int, email: str = "a@x.com", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await caller.post(
        "/payout/create", json={"email": email, "amount": amount}, headers=named
    )


async def spent(business: TestBusiness, key: NewKey) -> int:
    found = await business.database.fetch(restricted_keys.get, business.business_id, key.key.id)
    return found.spent_today


def test_the_table_of_scopes_holds_every_route_of_businesses_and_no_other() -> None:
    documented = openapi.routes_of(
        app.Litestar(app.ROUTES, openapi_config=None, logging_config=None),
        {("POST", "/payout/create"): Create.create_payout},
    )
    routes = {
        f"{route.method} {route.template}"
        for route in documented
        if route.scheme == openapi.SECRET_KEY
    }
    assert routes == set(scopes.NEEDED)


async def test_every_route_names_the_scope_that_a_key_lacks_and_does_nothing(business) -> None:
    before = await business.ledger()
    for route, needed in scopes.NEEDED.items():
        method, path = route.replace("{id}", "usr_1").split(" ")
        without = [scope for scope in EVERY if scope != needed]
        key = await make(business, *without)
        answer = await client(business, key).request(
            method, path, json={"email": "a@x.com", "amount": 1} if method != "GET" else None
        )
        said = f"This key lacks the scope {needed}" if needed else "This needs the secret key"
        assert (answer.status_code, answer.json()) == (403, {"error": said}), route
        await business.database.write(
            restricted_keys.revoke, business.business_id, key.key.id, "test"
        )
    assert await business.ledger() == before


async def test_a_key_with_the_scope_is_let_in(business) -> None:
    allowed = await client(business, await make(business, "read")).get("/balance")
    assert allowed.json() == {"balance": 1_000_000, "payout_balance": 1_000_000}
    assert (await client(business, await make(business, "reports")).get("/payout/audit")).is_success
    assert (
        await client(business, await make(business, "webhooks")).get("/payout/webhook")
    ).is_success


async def test_one_payment_and_one_day_are_bounded_to_the_cent(business) -> None:
    key = await make(business, "allocate", amount_limit=500, daily_limit=1_000)
    caller = client(business, key)
    over = await pay(caller, 501)
    assert (over.status_code, over.json()["error"]) == (
        403, "The amount is over this key's limit for one payment",
    )  # fmt: skip
    assert (await pay(caller, 500)).status_code == 201
    assert (await pay(caller, 499)).status_code == 201
    over = await pay(caller, 2, "b@x.com")
    assert (over.status_code, over.json()["error"]) == (
        403, "The amount is over what this key may still spend today",
    )  # fmt: skip
    assert (await pay(caller, 1)).status_code == 201
    books = await business.ledger()
    assert (books["a@x.com"], books.users, await spent(business, key)) == (1_000, 1, 1_000)
    assert (await business.create("a@x.com", 5_000)).status_code == 201, "the secret key has none"


async def test_what_was_spent_yesterday_does_not_count(business, urls) -> None:
    key = await make(business, "allocate", daily_limit=1_000)
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO key_spending SELECT %s, %s, (now() AT TIME ZONE 'UTC')::date - 1, 1000",
            [business.business_id, key.key.id],
        )
    assert (await pay(client(business, key), 1_000)).status_code == 201
    assert (await pay(client(business, key), 1)).status_code == 403


async def test_a_replay_spends_nothing_also_at_the_limit(business) -> None:
    key = await make(business, "allocate", "hashes", daily_limit=100)
    caller = client(business, key)
    first = await pay(caller, 100, Idempotency_Key="one")
    again = await pay(caller, 100, Idempotency_Key="one")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert (await pay(caller, 99, Idempotency_Key="one")).status_code == 422
    assert (await spent(business, key), (await business.ledger())["a@x.com"]) == (100, 100)


async def test_money_taken_back_gives_no_limit_back(business) -> None:
    key = await make(business, "allocate", "decide", "read", daily_limit=100)
    caller = client(business, key)
    await pay(caller, 100)
    user = (await caller.get("/payout/users")).json()["data"][0]["id"]
    assert (await caller.post(f"/payout/users/{user}/revoke", json={"amount": 100})).is_success
    assert (await pay(caller, 1)).status_code == 403


async def test_a_batch_pays_what_the_limit_covers_and_a_repeated_one_spends_nothing(
    business,
) -> None:
    key = await make(business, "allocate", amount_limit=60, daily_limit=100)
    caller = client(business, key)
    items = [{"email": f"u{n}@x.com", "amount": a} for n, a in enumerate((60, 61, 60, 40, 1))]
    answers = []
    for _ in range(2):
        answer = await caller.post(
            "/payout/batch", json={"items": items}, headers={"Idempotency-Key": "b"}
        )
        answers.append(answer.json()["results"])
    assert answers[0] == answers[1]
    assert [sorted(result) for result in answers[0]] == [
        ["hash"], ["error"], ["error"], ["hash"], ["error"],
    ]  # fmt: skip
    assert (await spent(business, key), (await business.ledger()).users) == (100, 2)


async def test_all_or_nothing_over_the_limit_is_nothing(business) -> None:
    key = await make(business, "allocate", daily_limit=100)
    items = [{"email": f"u{n}@x.com", "amount": 51} for n in range(2)]
    answer = await client(business, key).post(
        "/payout/batch", json={"items": items, "mode": "all_or_nothing"}
    )
    assert answer.status_code == 400
    assert (await spent(business, key), (await business.ledger()).users) == (0, 0)


async def test_two_processes_that_race_let_exactly_the_limit_through(business, live_server) -> None:
    key = await make(business, "allocate", daily_limit=1_000)
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(
        base_url=live_server.url, headers=headers, timeout=stretch(60)
    ) as there:
        callers = (client(business, key), there)
        answers = await asyncio.gather(
            *(pay(callers[n % 2], 7, f"u{n % 9}@x.com") for n in range(300))
        )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(403)) == (142, 158)
    books = await business.ledger()
    assert (await spent(business, key), 1_000_000 - books["payout"]) == (994, 994)


async def test_what_a_key_approves_counts_against_its_limits(business) -> None:
    key = await make(business, "decide", "allocate", amount_limit=1_000, daily_limit=1_300)
    caller, stage = client(business, key), Stage(business)
    first, second = await stage.in_review(), await stage.in_review()  # 700 each
    for _ in range(2):
        done = await caller.post(
            f"/payout/orders/{first}/approve", headers={"Idempotency-Key": "one"}
        )
        assert (done.status_code, done.json()["status"]) == (200, "queued")
    assert await spent(business, key) == 700
    refused = await caller.post(f"/payout/orders/{second}/approve")
    assert refused.status_code == 403
    assert (await business.client.get(f"/payout/orders/{second}")).json()["status"] == "review"
    assert (await pay(caller, 601)).status_code == 403
    assert (await pay(caller, 600)).status_code == 201


async def test_from_elsewhere_a_key_does_nothing_and_says_nothing_of_itself(business) -> None:
    key = await make(business, "read", networks=("192.0.2.0/24", "2001:db8::/48"))
    for place, status in (
        ("192.0.2.9", 200), ("2001:db8::1", 200), ("::ffff:192.0.2.9", 200), ("198.51.100.1", 403),
    ):  # fmt: skip
        assert (await client(business, key, place).get("/balance")).status_code == status
    elsewhere = client(business, key, "198.51.100.1")
    said = {"error": "This key may not be used from here"}
    for answer in (
        await elsewhere.get("/balance"),
        await elsewhere.post("/payout/fund", json={"amount": 1}),
        await pay(elsewhere, 1),
        await pay(elsewhere, -1),
    ):
        assert (answer.status_code, answer.json()) == (403, said)


async def test_an_expired_and_a_revoked_key_are_the_one_401(business, urls) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    expired, revoked = await make(business, expires_at=soon), await make(business)
    assert (await pay(client(business, expired), 1)).status_code == 201, "remembered from here on"
    assert (await pay(client(business, revoked), 1)).status_code == 201
    await change(business, expired, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await business.database.write(
        restricted_keys.revoke, business.business_id, revoked.key.id, "test"
    )
    for key in (expired, revoked, f"{expired.secret[:-1]}!"):
        caller = client(business, key)
        for answer in (
            await pay(caller, 1), await pay(caller, -1), await caller.get("/balance"),
        ):  # fmt: skip
            assert (answer.status_code, answer.content) == (401, b'{"error":"Unauthorized"}')
    assert (await business.ledger())["a@x.com"] == 2


async def test_a_change_holds_at_once_for_a_key_that_was_used_before(business) -> None:
    key = await make(business, "allocate", "hashes")
    caller = client(business, key)
    assert (await pay(caller, 1)).json()["hash"]
    await change(business, key, scopes=("allocate",), amount_limit=1)
    assert (await pay(caller, 1)).json() == {"hash": ""}
    assert (await pay(caller, 2)).status_code == 403
    await change(business, key, scopes=("read",))
    assert (await pay(caller, 1)).json() == {"error": "This key lacks the scope allocate"}
    assert (await business.ledger())["a@x.com"] == 2


async def test_without_its_scope_no_answer_holds_a_hash(business) -> None:
    key = await make(business, "allocate", "read", "decide", "reports", "webhooks")
    caller = client(business, key)
    real = (await business.create("a@x.com", 1)).json()["hash"]
    batch = {"items": [{"email": "a@x.com", "amount": 1}]}
    texts = []
    for _ in range(2):
        texts.append((await pay(caller, 1, Idempotency_Key="k")).text)
        sent = await caller.post("/payout/batch", json=batch, headers={"Idempotency-Key": "b"})
        texts.append(sent.text)
    paths = ("/payout/users", "/payout/events", "/payout/history", "/payout/audit")
    texts += [(await caller.get(path)).text for path in paths]
    assert texts[:2] == ['{"hash":""}', '{"results":[{"hash":""}]}']
    assert not any(real in text for text in texts)


async def test_who_paid_and_where_a_key_was_last_used_is_kept(
    business, services: Services, database: Database
) -> None:
    key = await make(business, "allocate")
    await pay(client(business, key), 5)
    await services.recorder.write(database)
    actor = await business.scalar(
        "SELECT actor FROM transfers WHERE business_id = %s AND kind = 'allocation'",
        business.business_id,
    )
    assert actor == f"key:{key.secret[-4:]}"
    [listed] = (await business.client.get("/payout/keys")).json()["data"]
    assert (listed["hint"], listed["spent_today"]) == (key.secret[-4:], 5)
    assert (listed["last_used_from"], listed["last_used_at"] is not None) == ("192.0.2.7", True)


async def test_keys_are_made_changed_and_revoked_with_the_secret_key_alone(business) -> None:
    asked = {"name": "Shop", "scopes": ["allocate", "read"], "daily_limit": 10, "networks": []}
    made = await business.client.post(
        "/payout/keys", json=asked, headers={"Idempotency-Key": "make"}
    )
    again = await business.client.post(
        "/payout/keys", json=asked, headers={"Idempotency-Key": "make"}
    )
    assert made.status_code == 201
    secret, key_id = made.json()["key"], made.json()["id"]
    assert secret.startswith("rk_test_")
    assert again.json() == made.json() | {"key": None}
    with_it = client(business, secret)
    assert (await with_it.get("/payout/keys")).json() == {"error": "This needs the secret key"}
    changed = await business.client.put(
        f"/payout/keys/{key_id}", json=asked | {"name": "Store", "networks": ["10.0.0.1"]}
    )
    assert (changed.json()["name"], changed.json()["networks"]) == ("Store", ["10.0.0.1/32"])
    assert (await with_it.get("/balance")).status_code == 403
    revoked = await business.client.post(f"/payout/keys/{key_id}/revoke")
    assert revoked.is_success
    assert (await with_it.get("/balance")).status_code == 401
    assert (await business.client.post(f"/payout/keys/{key_id}/revoke")).status_code == 404
    assert (await business.client.get("/payout/keys")).json() == {"data": []}
    audit = (await business.client.get("/payout/audit")).json()["data"]
    assert [entry["act"] for entry in audit[:3]] == ["key.revoke", "key.change", "key.create"]
    assert secret not in str(audit)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "), ("name", "a\x07"), ("scopes", []), ("scopes", ["root"]), ("daily_limit", 0),
        ("amount_limit", "5"), ("networks", ["10.0.0.1/8"]), ("networks", ["shop.example.com"]),
        ("expires_at", "tomorrow"), ("expires_at", "2126-01-31T00:00:00"),
        ("expires_at", "0001-01-01T00:00:00+01:00"), ("expires_at", "9999-12-31T23:59:59-01:00"),
    ],
)  # fmt: skip
async def test_what_is_no_restriction_is_said_by_its_field(business, field, value) -> None:
    asked = {"name": "Shop", "scopes": ["read"]} | {field: value}
    answer = await business.client.post("/payout/keys", json=asked)
    assert answer.status_code == 400
    assert [name.partition(".")[0] for name in answer.json()] == [field], answer.text
    assert (await business.client.get("/payout/keys")).json() == {"data": []}


async def test_another_businesss_key_is_not_there(business, make_business) -> None:
    key, other = await make(business), await make_business()
    path = f"/payout/keys/key_{key.key.id}"
    wanted = {"name": "x", "scopes": ["read"]}
    assert (await other.client.post(f"{path}/revoke")).status_code == 404
    assert (await other.client.put(path, json=wanted)).status_code == 404
    assert (await client(business, key).get("/balance")).is_success


async def test_a_network_of_ipv4_written_as_ipv6_is_that_of_ipv4(business) -> None:
    asked = {"name": "Shop", "scopes": ["read"], "networks": ["::ffff:192.0.2.0/120"]}
    made = (await business.client.post("/payout/keys", json=asked)).json()
    assert made["networks"] == ["192.0.2.0/24"]
    for place, status in (("192.0.2.9", 200), ("::ffff:192.0.2.9", 200), ("192.0.3.9", 403)):
        answer = await client(business, made["key"], place).get("/balance")
        assert answer.status_code == status


async def test_a_new_secret_key_ends_as_no_restricted_one_does(business, monkeypatch) -> None:
    key = await make(business)
    drawn = iter(["x" * 39 + key.secret[-4:], "y" * 43])
    monkeypatch.setattr(keys, "secrets", SimpleNamespace(token_urlsafe=lambda _: next(drawn)))
    assert (await business.regenerate()).endswith("y" * 43)


async def test_regenerating_leaves_restricted_keys_and_a_restore_stops_them(
    business, database: Database
) -> None:
    key = await make(business)
    await business.regenerate()
    assert (await client(business, key).get("/balance")).is_success
    await database.write(keys.revoke_all, business.business_id)
    assert (await client(business, key).get("/balance")).status_code == 401


async def test_an_order_of_a_limited_key_goes_its_way(business) -> None:
    key = await make(business, "decide", daily_limit=700)
    order = await Stage(business).in_review()
    assert (await client(business, key).post(f"/payout/orders/{order}/approve")).is_success
    await Desk.of(business).process()
    assert (await business.client.get(f"/payout/orders/{order}")).json()["status"] == "succeeded"
