"""PayPal's rail driven directly: tokens, limits, broken calls, floats, statements, checks and
callbacks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from payviox import ids
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, ReadyOrder, Request
from payviox.rails.paypal import rate_limit, tokens
from payviox.rails.paypal.rail import PayPalRail
from payviox.rails.protocol import Account, Entry, Forged, Known, RailError
from simulators.paypal_signing import FORGERIES
from support.paypal import FUNDS, SECRET, running
from support.polling import eventually
from support.simulator import PAYPAL_WEBHOOK, Simulator

__all__ = ["running"]

pytestmark = pytest.mark.anyio

CREATE, TOKEN, GET = "paypal.payouts.create", "paypal.token", "paypal.payouts.get"


class OneAccount:
    """Implements payviox.rails.protocol.Accounts."""

    def __init__(self, account: Account | None) -> None:
        self.account = account

    async def find(self, business_id: object, rail: str) -> Account | None:
        assert rail == "paypal"
        if isinstance(self.account, Exception):
            raise self.account
        return self.account


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    running.reset()
    running.forget()
    return running


@pytest.fixture
def account(simulator: Simulator) -> Account:
    client_id = f"client-{uuid4().hex}"
    simulator.paypal_account(client_id, secret=SECRET, balance=FUNDS, fee_bp=200, fee_cap=None)
    settings = {
        "client_id": client_id,
        "webhook_id": PAYPAL_WEBHOOK,
        "base_url": simulator.paypal_url,
    }
    return Account(
        uuid4(),
        "paypal",
        "sandbox",
        True,
        None,
        None,
        None,
        FeePolicy(),
        settings,
        {"client_secret": SECRET},
    )


@pytest.fixture
def accounts(account: Account) -> OneAccount:
    return OneAccount(account)


@pytest.fixture
async def rail(accounts: OneAccount) -> AsyncIterator[PayPalRail]:
    made = PayPalRail(accounts)
    yield made
    await made.close()


def order(payee: str = "success@example.com", net_amount: int = 1_000) -> tuple[ReadyOrder, str]:
    ready = ReadyOrder(
        uuid4(), ids.new(), "paypal", "paypal", net_amount, 0, net_amount, {"email": payee}, payee
    )
    return ready, f"{ids.show(ids.ORDER, ready.order_id)}.1"


async def submit(rail: PayPalRail, payee: str = "success@example.com") -> tuple[ReadyOrder, str]:
    ready, reference = order(payee)
    outcome = await rail.submit(ready, reference)
    assert outcome.state == "accepted"
    return replace(ready, rail_order_id=outcome.rail_order_id), reference


# Tokens ---------------------------------------------------------------------------------------


async def test_all_who_need_a_token_share_one(rail: PayPalRail, simulator: Simulator) -> None:
    outcomes = await asyncio.gather(*(rail.submit(*order()) for _ in range(20)))
    assert {outcome.state for outcome in outcomes} == {"accepted"}
    assert len(simulator.requests(TOKEN)) == 1
    (request,) = simulator.requests(TOKEN)
    assert request["body"] == "grant_type=client_credentials"
    assert request["headers"]["authorization"].startswith("Basic ")


async def test_a_token_is_renewed_before_it_expires(
    rail: PayPalRail, simulator: Simulator, account: Account
) -> None:
    simulator.paypal_account(account.settings["client_id"], token_s=int(tokens.MARGIN_S) - 1)
    for _ in range(3):
        await submit(rail)
    assert len(simulator.requests(TOKEN)) == 3
    simulator.paypal_account(account.settings["client_id"], token_s=3600)
    for _ in range(3):
        await submit(rail)
    assert len(simulator.requests(TOKEN)) == 4
    assert {request["status"] for request in simulator.requests(CREATE)} == {201}


async def test_a_token_that_paypal_does_not_accept_any_more_is_replaced_once(
    rail: PayPalRail, simulator: Simulator
) -> None:
    await submit(rail)
    simulator.advance(days=1)
    await submit(rail)
    assert [request["status"] for request in simulator.requests(CREATE)] == [201, 401, 201]
    assert len(simulator.requests(TOKEN)) == 2


async def test_refused_credentials_are_not_sent_and_not_tried_over_and_over(
    rail: PayPalRail, accounts: OneAccount, account: Account, simulator: Simulator
) -> None:
    accounts.account = replace(account, credentials={"client_secret": "wrong"})
    for _ in range(5):
        outcome = await rail.submit(*order())
        assert (outcome.state, outcome.waiting) == ("not_sent", "credentials_refused")
    assert len(simulator.requests(TOKEN)) == 1
    accounts.account = account
    await submit(rail)


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
async def test_an_account_without_credentials_is_not_called(
    rail: PayPalRail, accounts: OneAccount, account: Account, missing: str, simulator: Simulator
) -> None:
    settings = {**account.settings, **({"client_id": None} if missing == "client_id" else {})}
    credentials = {} if missing == "client_secret" else account.credentials
    accounts.account = replace(account, settings=settings, credentials=credentials)
    assert (await rail.submit(*order())).waiting == "credentials_refused"
    assert simulator.requests(TOKEN) == []


async def test_tokens_that_never_work_are_refused_credentials(
    rail: PayPalRail, simulator: Simulator
) -> None:
    simulator.script({"route": CREATE, "fault": "error", "status": 401, "times": None})
    for _ in range(3):
        outcome = await rail.submit(*order())
        assert (outcome.state, outcome.waiting) == ("not_sent", "credentials_refused")
    assert len(simulator.requests(CREATE)) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "drop"},
        {"fault": "drop", "when": "after"},
        {"fault": "error", "status": 500},
        {"fault": "html", "when": "after"},
        {"fault": "list", "when": "after"},
        {"fault": "garbage", "when": "after"},
        {"fault": "empty", "when": "after"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_whatever_happens_before_there_is_a_token_nothing_was_sent(
    rail: PayPalRail, simulator: Simulator, fault: dict[str, Any]
) -> None:
    simulator.script({"route": TOKEN, **fault})
    outcome = await rail.submit(*order())
    assert (outcome.state, outcome.waiting) == ("not_sent", "rail_unreachable")
    assert simulator.requests(CREATE) == []
    await submit(rail)


async def test_a_token_that_takes_too_long_was_not_waited_for_and_serves_the_next(
    rail: PayPalRail, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "WAIT_S", 0.05)
    simulator.script({"route": TOKEN, "fault": "slow", "seconds": 0.3})
    outcome = await rail.submit(*order())
    assert (outcome.state, outcome.waiting) == ("not_sent", "rail_unreachable")
    monkeypatch.setattr(tokens, "WAIT_S", 5)
    await submit(rail)
    assert len(simulator.requests(TOKEN)) == 1


async def test_whoever_is_cancelled_leaves_the_others_their_token(
    rail: PayPalRail, simulator: Simulator
) -> None:
    simulator.script({"route": TOKEN, "fault": "slow", "seconds": 1.0})
    first = asyncio.create_task(rail.submit(*order()))
    second = asyncio.create_task(rail.submit(*order()))
    await eventually(lambda: simulator.requests(TOKEN))
    first.cancel()
    assert (await second).state == "accepted"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(simulator.requests(TOKEN)) == 1


async def test_a_submission_that_is_cancelled_in_the_middle_pays_once_when_it_is_made_again(
    rail: PayPalRail, simulator: Simulator
) -> None:
    ready, reference = order()
    fault = {"fault": "hang", "when": "after", "seconds": 2}
    simulator.script({"route": CREATE, "contains": reference, **fault})
    call = asyncio.create_task(rail.submit(ready, reference))
    await eventually(lambda: simulator.books().of(reference))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await rail.look_up(ready, reference)).state == "not_found"
    assert (await rail.submit(ready, reference)).state == "succeeded"
    assert simulator.books().times_paid(reference) == 1


# Limits ---------------------------------------------------------------------------------------


async def test_no_more_is_sent_than_paypal_allows_and_nobody_waits_in_the_call(
    rail: PayPalRail, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "POSTS_PER_MINUTE", 40)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcomes = await asyncio.gather(*(rail.submit(*order()) for _ in range(25)))
    assert loop.time() - begun < 20, "all of them would take 30 s"
    states = [outcome.state for outcome in outcomes]
    assert (states.count("accepted"), states.count("not_sent")) == (10, 15)
    waits = [o.again_s for o in outcomes if o.state == "not_sent"]
    assert {o.waiting for o in outcomes if o.state == "not_sent"} == {"rate_limited"}
    assert all(wait is not None and 1 < wait < 60 for wait in waits)
    assert len({round(wait or 0) for wait in waits}) > 10, "each has a time of its own"
    assert len(simulator.requests(CREATE)) == 10


async def test_while_paypal_wants_no_calls_none_are_made(
    rail: PayPalRail, simulator: Simulator
) -> None:
    done, reference = await submit(rail)
    simulator.script({"route": CREATE, "fault": "rate_limit", "retry_after": 70})
    for _ in range(3):
        outcome = await rail.submit(*order())
        assert (outcome.state, outcome.waiting) == ("not_sent", "rate_limited")
        assert outcome.again_s is not None
        assert 0 < outcome.again_s <= 70
    assert len(simulator.requests(CREATE)) == 2
    looked = await rail.look_up(done, reference)
    assert looked.state == "unknown"
    assert looked.again_s is not None
    assert 0 < looked.again_s <= 70
    assert simulator.requests(GET) == []


async def test_too_many_requests_for_tokens_are_a_limit_too(
    rail: PayPalRail, simulator: Simulator
) -> None:
    simulator.script({"route": TOKEN, "fault": "rate_limit"})
    outcome = await rail.submit(*order())
    assert (outcome.state, outcome.waiting) == ("not_sent", "rate_limited")
    assert (await rail.submit(*order())).waiting == "rate_limited"
    assert len(simulator.requests(TOKEN)) == 1


# Sending and looking --------------------------------------------------------------------------


async def test_nobody_at_the_address_was_not_sent(
    rail: PayPalRail, accounts: OneAccount, account: Account
) -> None:
    for base_url in ("http://127.0.0.1:1", "nonsense", "ftp://127.0.0.1", "http://"):
        accounts.account = replace(account, settings={**account.settings, "base_url": base_url})
        outcome = await rail.submit(*order())
        assert (outcome.state, outcome.waiting) == ("not_sent", "rail_unreachable"), base_url


async def test_without_an_account_nothing_is_sent_and_nothing_known(
    rail: PayPalRail, accounts: OneAccount
) -> None:
    accounts.account = None
    ready, reference = order()
    outcome = await rail.submit(ready, reference)
    assert (outcome.state, outcome.waiting) == ("not_sent", "rail_not_connected")
    known = replace(ready, rail_order_id="BATCH")
    assert (await rail.look_up(known, reference)).state == "unknown"
    assert (await rail.take_back(known, reference)).state == "unknown"
    with pytest.raises(RailError):
        await rail.read_float(ready.business_id)


async def test_an_account_that_cannot_be_read_was_not_sent_to(rail: PayPalRail) -> None:
    class Broken:
        async def find(self, business_id: object, name: str) -> Account | None:
            raise ConnectionError("the database is away")

    rail._accounts = Broken()
    outcome = await rail.submit(*order())
    assert (outcome.state, outcome.waiting) == ("not_sent", "rail_not_connected")


async def test_a_disabled_account_takes_no_new_orders_and_pays_those_under_way(
    rail: PayPalRail, accounts: OneAccount, account: Account
) -> None:
    accounts.account = replace(account, enabled=False)
    request = Request(account.business_id, "paypal", {"email": "ada@example.com"}, amount=1_000)
    with pytest.raises(Invalid) as refused:
        await rail.quote(request)
    assert list(refused.value.fields) == ["provider"]
    await submit(rail)


async def test_a_quote_may_be_asked_for_before_the_address_is_known(
    rail: PayPalRail, account: Account
) -> None:
    request = Request(account.business_id, "paypal", {}, amount=1_000)
    quote = await rail.quote(request)
    assert (quote.amount, quote.fees, quote.net_amount, quote.destination) == (1_000, 0, 1_000, {})
    with pytest.raises(Invalid) as refused:
        await rail.validate(ids.new(), quote, request, "ada@example.com")
    assert list(refused.value.fields) == ["paypal.email"]


@pytest.mark.parametrize(
    ("status", "state", "waiting"),
    [
        (400, "unknown", None),
        (403, "not_sent", "credentials_refused"),
        (404, "not_sent", "rail_unreachable"),
        (409, "unknown", None),
        (422, "unknown", None),
        (500, "unknown", None),
    ],
)
async def test_a_refusal_before_anything_was_done(
    rail: PayPalRail, simulator: Simulator, status: int, state: str, waiting: str | None
) -> None:
    simulator.script({"route": CREATE, "fault": "error", "status": status})
    outcome = await rail.submit(*order())
    assert (outcome.state, outcome.waiting) == (state, waiting)


async def test_an_address_that_paypal_does_not_take_fails_the_payment(
    rail: PayPalRail, simulator: Simulator
) -> None:
    ready, reference = order("not an address")
    outcome = await rail.submit(ready, reference)
    assert (outcome.state, outcome.reason) == (
        "failed",
        "PayPal does not accept this email address.",
    )
    assert simulator.books().of(reference) == []


DROPPED = {"fault": "drop", "times": 2}
"""A GET on a connection that was kept open is tried once more by itself."""

LOST_LOOKS = [
    DROPPED,
    {"fault": "error", "status": 404},
    {"fault": "error", "status": 403},
    {"fault": "error", "status": 500},
    {"fault": "html", "when": "after"},
    {"fault": "list", "when": "after"},
    {"fault": "cut", "when": "after"},
    {"fault": "empty", "when": "after"},
]


@pytest.mark.parametrize("fault", LOST_LOOKS, ids=lambda fault: "-".join(map(str, fault.values())))
async def test_a_look_that_broke_says_nothing(
    rail: PayPalRail, simulator: Simulator, fault: dict[str, Any]
) -> None:
    known, reference = await submit(rail)
    simulator.script({"route": GET, **fault})
    outcome = await rail.look_up(known, reference)
    assert outcome.state == "unknown"
    assert outcome.evidence["error"]
    assert (await rail.look_up(known, reference)).state == "succeeded"


async def test_a_batch_of_another_order_or_that_paypal_does_not_have_says_nothing(
    rail: PayPalRail,
) -> None:
    mine, reference = await submit(rail)
    other, _ = await submit(rail, "failed@example.com")
    strange = replace(mine, rail_order_id=other.rail_order_id)
    outcome = await rail.look_up(strange, reference)
    assert (outcome.state, outcome.rail_order_id) == ("unknown", None)
    for batch_id in ("NOSUCHBATCH", "../webhooks", "A/B?c#d", "\u00e9"):
        outcome = await rail.look_up(replace(mine, rail_order_id=batch_id), reference)
        assert outcome.state == "unknown", batch_id


async def test_a_batch_that_is_still_processed_has_been_accepted(
    rail: PayPalRail, simulator: Simulator, account: Account
) -> None:
    simulator.paypal_account(account.settings["client_id"], processing_s=1_000)
    known, reference = await submit(rail)
    assert (await rail.look_up(known, reference)).state == "accepted"
    again = await rail.submit(known, reference)
    assert (again.state, again.rail_order_id) == ("accepted", known.rail_order_id)
    simulator.advance(seconds=600)
    assert (await rail.look_up(known, reference)).state == "accepted"
    simulator.advance(seconds=600)
    assert (await rail.look_up(known, reference)).state == "succeeded"


# Taking back ----------------------------------------------------------------------------------


async def test_what_is_not_unclaimed_is_not_taken_back(
    rail: PayPalRail, simulator: Simulator
) -> None:
    for payee, state in (("success", "succeeded"), ("pending", "accepted"), ("failed", "failed")):
        outcome = await rail.take_back(*await submit(rail, f"{payee}@example.com"))
        assert outcome.state == state
    assert simulator.requests("paypal.items.cancel") == []
    assert (await rail.take_back(*order())).state == "not_found"


@pytest.mark.parametrize(
    ("fault", "state", "waiting"),
    [
        ({"fault": "error", "status": 500}, "unknown", None),
        ({"fault": "drop"}, "unknown", None),
        ({"fault": "rate_limit", "retry_after": 1}, "unknown", None),
        ({"fault": "error", "status": 422}, "accepted", "unclaimed"),
        ({"fault": "drop", "when": "after"}, "canceled", None),
        ({"fault": "html", "when": "after"}, "canceled", None),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
async def test_what_became_of_it_decides_not_what_the_cancellation_answered(
    rail: PayPalRail,
    simulator: Simulator,
    fault: dict[str, Any],
    state: str,
    waiting: str | None,
) -> None:
    known, reference = await submit(rail, "unclaimed@example.com")
    simulator.script({"route": "paypal.items.cancel", **fault})
    outcome = await rail.take_back(known, reference)
    assert (outcome.state, outcome.waiting) == (state, waiting)


# The account ----------------------------------------------------------------------------------


async def test_the_float_is_what_can_be_paid_out(
    rail: PayPalRail, accounts: OneAccount, account: Account, simulator: Simulator
) -> None:
    simulator.paypal_account(account.settings["client_id"], balance=12_345)
    (held,) = await rail.read_float(account.business_id)
    assert (held.asset, held.amount, held.cents, held.low) == ("USD", "123.45", 12_345, False)
    for low_float, low in ((12_345, False), (12_346, True)):
        accounts.account = replace(account, low_float=low_float)
        assert (await rail.read_float(account.business_id))[0].low is low


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"fault": "error", "status": 403}, "Transaction Search"),
        ({"fault": "error", "status": 500}, "INTERNAL_SERVER_ERROR"),
        ({"fault": "rate_limit", "retry_after": 9}, "9 s"),
        (DROPPED, "try again"),
        ({"fault": "list", "when": "after"}, "no balances"),
    ],
)
async def test_a_float_that_cannot_be_read_says_why(
    rail: PayPalRail, account: Account, simulator: Simulator, fault: dict[str, Any], word: str
) -> None:
    simulator.script({"route": "paypal.balances", **fault})
    with pytest.raises(RailError, match=word):
        await rail.read_float(account.business_id)


async def findings(rail: PayPalRail, account: Account) -> dict[str, str | None]:
    return {found.subject: found.problem for found in await rail.check(account)}


async def test_a_check_finds_nothing_wrong_with_what_is_right(
    rail: PayPalRail, account: Account, simulator: Simulator
) -> None:
    url = f"https://pay.example/rails/paypal/{ids.show(ids.BUSINESS, account.business_id)}/callback"
    simulator.paypal_account(account.settings["client_id"], callback_url=url)
    assert await findings(rail, account) == dict.fromkeys(
        ("credentials", "payouts", "balance", "webhook")
    )


async def test_a_check_says_what_is_wrong_and_what_to_do(
    rail: PayPalRail, account: Account, simulator: Simulator
) -> None:
    client_id = account.settings["client_id"]
    found = await findings(rail, account)
    assert "register" in str(found["webhook"])
    simulator.paypal_account(client_id, reporting=False, callback_url="https://pay.example/other")
    found = await findings(rail, account)
    assert "Transaction Search" in str(found["balance"])
    assert "register" in str(found["webhook"])
    url = f"https://pay.example/rails/paypal/{ids.show(ids.BUSINESS, account.business_id)}/callback"
    simulator.paypal_account(client_id, callback_url=url)
    other = replace(account, settings={**account.settings, "webhook_id": "ANOTHER"})
    found = await findings(rail, other)
    assert f"webhook_id={PAYPAL_WEBHOOK}" in str(found["webhook"])
    wrong = replace(account, credentials={"client_secret": "wrong"})
    assert list(await findings(rail, wrong)) == ["credentials"]
    low = replace(account, low_float=FUNDS + 1)
    simulator.paypal_account(client_id, reporting=True)
    assert "pay in" in str((await findings(rail, low))["balance"])


# Statements -----------------------------------------------------------------------------------


async def known_pages(*pages: Sequence[Known]) -> AsyncIterator[Sequence[Known]]:
    for page in pages:
        yield page


async def statement(rail: PayPalRail, *pages: Sequence[Known]) -> list[list[Entry]]:
    found = rail.statement(uuid4(), datetime.now(UTC), known_pages(*pages))
    return [list(page) async for page in found]


async def test_a_statement_has_each_known_payment_as_paypal_has_it(
    rail: PayPalRail,
) -> None:
    ends = {
        "success": "paid",
        "pending": "pending",
        "unclaimed": "pending",
        "strange": "pending",
        "failed": "failed",
        "returned": "failed",
        "batch-denied": "failed",
    }
    made = [await submit(rail, f"{course}@example.com") for course in ends]
    known = [Known(ready, reference, datetime.now(UTC)) for ready, reference in made]
    lost, reference = order()
    known.insert(1, Known(lost, reference, datetime.now(UTC)))
    gone = replace(lost, rail_order_id="NOSUCHBATCH")
    known.insert(2, Known(gone, reference, datetime.now(UTC)))
    first, second = await statement(rail, known[:3], known[3:])
    entries = [*first, *second]
    assert [(e.reference, e.state) for e in entries] == [
        (reference, state) for (_, reference), state in zip(made, ends.values(), strict=True)
    ]
    assert {e.amount for e in entries} == {1_000}
    assert entries[0].cost == 20
    assert [e.rail_order_id for e in entries] == [ready.rail_order_id for ready, _ in made]


async def test_a_statement_waits_for_paypal_and_says_when_it_cannot_be_had(
    rail: PayPalRail, simulator: Simulator
) -> None:
    ready, reference = await submit(rail)
    page = [Known(ready, reference, datetime.now(UTC))]
    simulator.script({"route": GET, "fault": "rate_limit", "retry_after": 1})
    assert [[e.state for e in found] for found in await statement(rail, page)] == [["paid"]]
    for fault in ({"fault": "error", "status": 500}, DROPPED):
        simulator.script({"route": GET, **fault})
        with pytest.raises(RailError):
            await statement(rail, page)
    simulator.script({"route": GET, "fault": "rate_limit", "retry_after": 600})
    with pytest.raises(RailError, match="later"):
        await statement(rail, page)


# Callbacks ------------------------------------------------------------------------------------


async def test_what_the_simulator_signs_is_believed_and_what_it_forges_is_not(
    rail: PayPalRail, account: Account, simulator: Simulator, unused: str
) -> None:
    simulator.paypal_account(account.settings["client_id"], callback_url=unused)
    simulator.callbacks(*({"do": "forge", "forge": how} for how in FORGERIES))
    for _ in range(4):
        known, reference = await submit(rail)
        await rail.look_up(known, reference)
    sent = await eventually(lambda: _enough(simulator, len(FORGERIES) + 3))
    believed = 0
    for each in sent:
        headers = {name.lower(): value for name, value in each["headers"].items()}
        body = each["body"].encode()
        if each["forged"] is not None:
            with pytest.raises(Forged):
                await rail.parse_callback(account, headers, body)
            continue
        callback = await rail.parse_callback(account, headers, body)
        (named,) = callback.named
        assert named.reference
        assert named.rail_order_id
        assert named.reference in each["body"]
        assert named.rail_order_id in each["body"]
        believed += 1
    assert believed


def _enough(simulator: Simulator, count: int) -> list[dict[str, Any]] | None:
    sent = simulator.sent()
    forged = {each["forged"] for each in sent} - {None}
    return sent if len(sent) >= count and forged == set(FORGERIES) else None


@pytest.fixture
def unused(simulator: Simulator) -> str:
    """Nobody is there: what is sent is all that matters."""
    return f"{simulator.paypal_url}/nobody"
