"""The Python client against the application: through a server that fails, and past it."""

import importlib
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import payviox_client
import pytest
from anyio import to_thread
from payviox_client import AsyncPayviox, PayoutUser, Payviox, _attempts
from payviox_client._attempts import Attempts, Options

from conftest import MakeBusiness
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.faulty_server import Fault, FaultyServer, faulty_server

pytestmark = pytest.mark.anyio

T = TypeVar("T")
FAULTS: list[Fault] = ["refused", "lost", "half", "cut", 429, 500, 503]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_attempts, "FIRST_WAIT_S", 0.001)


@pytest.fixture
async def failing(application: Application) -> AsyncIterator[FaultyServer]:
    async with faulty_server(application) as running:
        yield running


@pytest.fixture
async def client(business: TestBusiness, application: Application) -> AsyncIterator[AsyncPayviox]:
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # ASGI
    async with httpx.AsyncClient(transport=transport) as http_client:
        yield AsyncPayviox("http://payviox.test", business.secret_key, http_client=http_client)


async def in_thread(
    business: TestBusiness, failing: FaultyServer, work: Callable[[Payviox], T], **options: Any
) -> T:
    """`work` with a client of plain code, in a thread of its own."""

    def run() -> T:
        with Payviox(failing.url, business.secret_key, **options) as payviox:
            return work(payviox)

    return await to_thread.run_sync(run)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_call_that_failed_on_its_way_is_made_again_and_pays_once(
    business: TestBusiness, failing: FaultyServer, fault: Fault
) -> None:
    failing.faults = [fault, fault]

    answer = await in_thread(
        business, failing, lambda it: it.create_payout(email="ada@example.com", amount=2_500)
    )

    assert len(answer["hash"]) == 64
    ledger = await business.ledger()
    assert (ledger["ada@example.com"], ledger["payout"]) == (2_500, 997_500)
    assert ledger.transfers["allocation"] == 1
    assert len(failing.keys) == 3
    assert len(set(failing.keys)) == 1


async def test_async_calls_are_made_again_as_well(
    business: TestBusiness, failing: FaultyServer
) -> None:
    failing.faults = ["lost", 503, "half"]
    async with AsyncPayviox(failing.url, business.secret_key) as payviox:
        created = await payviox.create_payout(email="ada@example.com", amount=2_500)
        failing.faults = ["lost"]
        ada = payviox.payout_user(created["hash"])
        await ada.withdraw(provider="paypal", amount=1_000, paypal={"email": "ada@example.com"})

    ledger = await business.ledger()
    assert (ledger["payout"], ledger["ada@example.com"]) == (997_500, 1_500)
    assert (ledger.orders, ledger.transfers["reserve"]) == (1, 1)


async def test_two_calls_pay_twice_and_two_with_one_key_once(
    business: TestBusiness, failing: FaultyServer
) -> None:
    def work(payviox: Payviox) -> None:
        for key in (None, None, "invoice-1", "invoice-1"):
            payviox.create_payout(email="ada@example.com", amount=100, idempotency_key=key)

    await in_thread(business, failing, work)

    assert (await business.ledger())["ada@example.com"] == 300


async def test_when_retries_run_out_the_error_has_the_key_with_which_it_is_paid_once(
    business: TestBusiness, failing: FaultyServer
) -> None:
    failing.faults = ["lost", "lost"]

    def work(payviox: Payviox) -> None:
        with pytest.raises(payviox_client.ConnectionFailed) as raised:
            payviox.create_payout(email="ada@example.com", amount=100)
        assert raised.value.idempotency_key == failing.keys[0]
        payviox.create_payout(
            email="ada@example.com", amount=100, idempotency_key=raised.value.idempotency_key
        )

    await in_thread(business, failing, work, max_retries=1)

    assert (await business.ledger())["ada@example.com"] == 100


async def test_a_server_that_stays_busy_is_an_error_that_says_so(
    business: TestBusiness, failing: FaultyServer
) -> None:
    def work(payviox: Payviox) -> None:
        with pytest.raises(payviox_client.TooManyRequests) as busy:
            payviox.with_options(max_retries=1).create_payout(email="a@example.com", amount=1)
        assert (busy.value.retry_after_s, busy.value.status) == (0.0, 429)
        with pytest.raises(payviox_client.ServerError, match="Try again"):
            payviox.with_options(max_retries=0).get_balance()

    failing.faults = [429, 429, 503]
    await in_thread(business, failing, work)

    assert (await business.ledger())["payout"] == 1_000_000


async def test_a_server_that_never_answers_is_given_up(business: TestBusiness) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with AsyncPayviox(url, business.secret_key, timeout_s=0.01, max_retries=1) as payviox:
            with pytest.raises(payviox_client.ConnectionFailed, match="Timeout"):
                await payviox.get_balance()


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [("7", 7, 7), ("", 0, 0.01), ("soon", 0, 0.01), ("@20", 15, 20), ("@-20", 0, 0.01)],
)
def test_it_waits_for_as_long_as_the_server_asks(
    retry_after: str, least: float, most: float
) -> None:
    if retry_after.startswith("@"):
        at = datetime.now(UTC) + timedelta(seconds=int(retry_after[1:]))
        retry_after = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    error = payviox_client.TooManyRequests("", 429, None, {})

    assert least <= attempts().wait_after(error, {"retry-after": retry_after}) <= most


def test_it_waits_longer_each_time_and_never_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_attempts, "FIRST_WAIT_S", 1.0)
    call = attempts(max_retries=6)
    waits = [call.wait_after(httpx.ReadError(""), {}) for _ in range(6)]
    assert all(
        most / 2 <= wait <= most for wait, most in zip(waits, [1, 2, 4, 8, 8, 8], strict=True)
    )
    with pytest.raises(payviox_client.ConnectionFailed):
        call.wait_after(httpx.ReadError(""), {})


def test_who_is_asked_to_wait_longer_than_wanted_is_told_at_once() -> None:
    error = payviox_client.TooManyRequests("", 429, None, {})
    with pytest.raises(payviox_client.TooManyRequests) as raised:
        attempts().wait_after(error, {"retry-after": "31"})
    assert raised.value.retry_after_s == 31


def attempts(max_retries: int = 4) -> Attempts:
    options = Options(timeout_s=1, max_retries=max_retries, max_wait_s=30)
    return Attempts("GET", "/balance", options, query={}, content=None, headers={}, as_text=False)


async def test_errors_say_what_was_wrong(business: TestBusiness, client: AsyncPayviox) -> None:
    with pytest.raises(payviox_client.InvalidFields) as fields:
        await client.create_payout(email="nobody", amount=0)
    assert fields.value.fields == {
        "email": ["The email must be a valid email address."],
        "amount": ["The amount must be at least 1."],
    }
    assert fields.value.request_id in str(fields.value)
    with pytest.raises(payviox_client.InsufficientBalance, match="Insufficient payout balance"):
        await client.create_payout(email="ada@example.com", amount=1_000_001)
    with pytest.raises(payviox_client.NotFound):
        await client.get_user("usr_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70")
    with pytest.raises(payviox_client.NotFound):
        await client.get_user("../balance")
    with pytest.raises(ValueError, match="empty"):
        await client.get_user("")
    with pytest.raises(payviox_client.Unauthorized):
        await client.payout_user("0" * 64).get_operations()
    await client.fund(amount=1, idempotency_key="k")
    with pytest.raises(payviox_client.IdempotencyMismatch) as mismatch:
        await client.fund(amount=2, idempotency_key="k")
    assert mismatch.value.idempotency_key == "k"
    await business.set(payouts_enabled=False)
    with pytest.raises(payviox_client.Forbidden):
        await client.create_payout(email="ada@example.com", amount=1)
    ledger = await business.ledger()
    assert (ledger["payout"], ledger.users) == (1_000_001, 0)


async def test_a_key_or_url_that_cannot_work_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="secret key"):
        Payviox("https://payviox.test", "pk_test_1")
    with pytest.raises(ValueError, match="http"):
        Payviox("payviox.test", "sk_test_1")
    with pytest.raises(ValueError, match="timeout_s"):
        Payviox("https://payviox.test", "sk_test_1", timeout_s=0)
    for unset in ("sk_test_…", "sk_test_1\n", None):
        with pytest.raises(ValueError, match="secret key"):
            Payviox("https://payviox.test", unset)  # type: ignore[arg-type]  # as untyped code does
    with pytest.raises(ValueError, match="http"):
        Payviox(None, "sk_test_1")  # type: ignore[arg-type]  # as above
    for no_hash in ("", "…", None):
        with pytest.raises(ValueError, match="payout hash must"):
            PayoutUser("https://payviox.test", no_hash)  # type: ignore[arg-type]  # as above
    with Payviox("https://payviox.test", "sk_test_secret") as payviox:
        assert "secret" not in repr(payviox)


@pytest.mark.parametrize("key", ["", "rechnung-ä", "a b", "line\n", "k" * 256])
async def test_an_idempotency_key_that_would_not_count_pays_nobody(
    business: TestBusiness, client: AsyncPayviox, key: str
) -> None:
    with (
        Payviox("https://payviox.test", "sk_test_1") as plain,
        pytest.raises(ValueError, match="idempotency key"),
    ):
        plain.create_payout(email="ada@example.com", amount=1, idempotency_key=key)
    with pytest.raises(ValueError, match="idempotency key"):
        await client.create_payout(email="ada@example.com", amount=1, idempotency_key=key)
    assert (await business.ledger()).users == 0


async def test_what_a_business_does(business: TestBusiness, client: AsyncPayviox) -> None:
    people = [{"email": f"p{number}@example.com", "amount": 100} for number in range(3)]
    paid = await client.pay_batch(items=[*people, {"email": "nobody", "amount": 1}])  # type: ignore[list-item]  # made of plain dicts
    assert [set(result) for result in paid["results"]] == [{"hash"}] * 3 + [{"errors"}]
    users = [user async for user in client.list_users(limit=2)]
    assert [user["email"] for user in users] == [f"p{n}@example.com" for n in (2, 1, 0)]
    assert [len(page["data"]) async for page in client.list_users(limit=2).pages()] == [2, 1]
    assert (await client.list_users(limit=2).page())["has_more"]
    last = users[0]
    assert (await client.deactivate_user(last["id"]))["status"] == "inactive"
    assert [u["id"] async for u in client.list_users(status="inactive")] == [last["id"]]
    with pytest.raises(payviox_client.Conflict):
        await client.create_payout(email=last["email"], amount=1)
    assert (await client.activate_user(last["id"]))["status"] == "active"
    assert (await client.revoke_balance(last["id"], amount=40))["balance"] == 60
    assert (await client.get_user(last["id"]))["balance"] == 60
    assert len((await client.rotate_hash(last["id"]))["hash"] or "") == 64
    assert "/redeem" in ((await client.make_redeem_link(last["id"]))["url"] or "")
    assert (await client.fund(amount=10))["balance"] == 999_990
    assert (await client.defund(amount=10))["balance"] == 1_000_000
    held = await client.get_balance()
    assert held["payout_balance"] == (await business.ledger())["payout"]
    before = datetime.now(UTC) - timedelta(days=1)
    assert (await client.get_balance(at=before))["payout_balance"] == 0
    with pytest.raises(ValueError, match="zone"):
        await client.get_balance(at=datetime(2026, 1, 1))  # noqa: DTZ001  # which is what is wrong
    assert sum(a["balance"] for a in (await client.list_accounts())["accounts"]) == 0
    moved = [each["kind"] async for each in client.list_history(limit=2)]
    assert (len(moved), moved[:2]) == (8, ["defund", "fund"])
    assert (await client.export_history(kind="revocation")).count("\n") == 2
    period = {"from_": before - timedelta(days=1), "to": before}
    assert (await client.get_statement(**period))["movements"] == 0
    assert [line async for line in client.list_statement(**period)] == []
    assert [entry["act"] async for entry in client.list_audit(kind="act", limit=1)]


async def test_what_a_payout_user_does_and_its_business_decides(
    business: TestBusiness, client: AsyncPayviox
) -> None:
    await business.set(review_amount=1)
    created = await client.create_payout(email="ada@example.com", amount=5_000)
    ada = client.payout_user(created["hash"])
    destination: payviox_client.models.PaypalDestination = {"email": "ada@example.com"}
    quote = await ada.quote(provider="paypal", amount=1_000, paypal=destination)
    orders = [
        await ada.withdraw(provider="paypal", paypal=destination, quote_id=quote["quote_id"]),
        await ada.withdraw(provider="paypal", amount=1_000, paypal=destination),
        await ada.withdraw(provider="paypal", amount=1_000, paypal=destination),
        await ada.withdraw(
            provider="gift_card", amount=500, gift_card={"product": "sandbox_card_5"}
        ),
    ]
    assert (await client.approve_order(orders[0]["id"]))["status"] == "queued"
    assert (await client.reject_order(orders[1]["id"], note="no"))["status"] == "rejected"
    assert (await client.cancel_order(orders[2]["id"]))["status"] == "canceled"
    assert (await ada.cancel_withdrawal(orders[3]["id"]))["status"] == "canceled"
    with pytest.raises(payviox_client.Conflict):
        await ada.reveal_gift_card(orders[3]["id"])
    assert (await client.get_order(orders[0]["id"]))["recipient"]["email"] == "ada@example.com"
    assert (await ada.get_withdrawal(orders[1]["id"]))["status"] == "rejected"
    assert len([order async for order in ada.list_withdrawals(limit=3)]) == 4
    assert [o["id"] async for o in client.list_orders(status="queued")] == [orders[0]["id"]]
    seen = await ada.get_operations(limit=1)
    assert (seen["balance"], len(seen["operations"]), seen["has_more"]) == (4_000, 1, True)
    assert len([line async for line in ada.list_operations(limit=2)]) == 5
    assert (await ada.list_gift_cards())["data"]
    ledger = await business.ledger()
    assert (ledger["ada@example.com"], ledger.transfers["release"]) == (4_000, 3)


async def test_what_is_set_of_a_webhook(client: AsyncPayviox) -> None:
    made = await client.set_webhook(
        url="http://127.0.0.1:9000/hook", enabled=True, events=["payout.failed"]
    )
    assert made["token"].startswith("whsec_")
    assert (await client.set_webhook(enabled=False))["url"] == "http://127.0.0.1:9000/hook"
    queued = await client.send_test_webhook(type="payout.failed")
    assert (await client.get_event(queued["id"]))["body"]["test_mode"] is True
    assert [event["id"] async for event in client.list_events()] == [queued["id"]]
    assert (await client.redeliver_event(queued["id"]))["id"] == queued["id"]
    assert (await client.rotate_webhook_token())["token"] != made["token"]
    assert (await client.rotate_webhook_token(confirm=True))["confirmed"]
    assert (await client.set_webhook(url=None))["url"] is None
    assert (await client.get_webhook())["url"] is None


async def test_another_tenants_list_is_not_seen(
    make_business: MakeBusiness, client: AsyncPayviox
) -> None:
    other = await make_business(funds=100)
    await other.create("eve@example.com", 100)
    assert [user async for user in client.list_users()] == []


@pytest.fixture
def not_imported() -> Iterator[None]:
    """As if the client had not been imported."""
    own = {name: module for name, module in sys.modules.items() if _is_client(name)}
    for name in own:
        del sys.modules[name]
    yield
    for name in [name for name in sys.modules if _is_client(name)]:
        del sys.modules[name]
    sys.modules.update(own)


def _is_client(name: str) -> bool:
    return name.partition(".")[0] == "payviox_client"


def test_importing_it_opens_no_socket(not_imported: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", opened)
    monkeypatch.setattr(socket, "getaddrinfo", opened)

    importlib.import_module("payviox_client")
