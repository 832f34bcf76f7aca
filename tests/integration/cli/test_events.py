"""`payviox listen`, `trigger` and `events tail`, on the application in this process."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest
from click.testing import CliRunner

from payviox import wiring
from payviox.cli.events import following
from payviox.cli.events.api import Api, CallFailed
from payviox.cli.events.commands import events, forward, listen, token_of
from payviox.cli.events.following import Event, follow
from payviox.cli.events.trigger import make_happen, trigger
from payviox.db.pool import Database
from payviox.installation import Installation, keyring_of
from payviox.settings import Settings
from payviox.webhooks.events import TYPES, EventType
from payviox.webhooks.sender import Kept
from payviox.webhooks.targets import parse_target
from payviox.worker import Worker
from support.businesses import TestBusiness
from support.live import free_port
from support.polling import eventually
from support.receiver import receiver

pytestmark = pytest.mark.anyio

KEY = "sk_test_of_the_environment"


@pytest.fixture
async def worker(settings: Settings, database: Database) -> AsyncIterator[Worker]:
    """Running, until the test ends."""
    installation = Installation(settings, database, keyring_of(settings))
    made = Worker(installation, wiring.rails(database, installation.keyring))
    running = asyncio.create_task(made.run())
    yield made
    await made.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def api_of(business: TestBusiness) -> Api:
    return Api(
        "http://payviox.test",
        "PAYVIOX_URL",
        business.secret_key,
        httpx2.ASGITransport(business.application),  # type: ignore[arg-type]  # ASGI
    )


@pytest.mark.parametrize("event_type", [name for name in TYPES if name != "payout.returned"])
async def test_an_event_is_made_to_happen(
    worker: Worker, business: TestBusiness, event_type: EventType
) -> None:
    said: list[str] = []
    async with api_of(business) as api:
        made = await make_happen(api, event_type, 1_000, said.append)
    answer = await business.client.get(f"/payout/events/{made['event_id']}")
    assert answer.json()["type"] == event_type
    assert answer.json()["order_id"] == made["order_id"]
    assert said[0] == "$10.00 allocated to trigger@example.com"


async def test_what_waits_for_a_review_is_approved(worker: Worker, business: TestBusiness) -> None:
    await business.set(review_amount=500)
    said: list[str] = []
    async with api_of(business) as api:
        await make_happen(api, "payout.succeeded", 1_000, said.append)
    assert any("approved: a rule of the business" in text for text in said)


async def test_without_money_nothing_happens_and_the_books_stay(business: TestBusiness) -> None:
    await business.client.post("/payout/defund", json={"amount": await _payout_balance(business)})
    before = await business.ledger()
    async with api_of(business) as api:
        with pytest.raises(CallFailed, match="answered 400: Insufficient payout balance"):
            await make_happen(api, "payout.succeeded", 1_000, lambda _: None)
    assert await business.ledger() == before


async def test_a_key_of_nobody_is_named_before_anything_is_said_to_begin(
    business: TestBusiness,
) -> None:
    business.secret_key = "sk_test_nobody"
    begun: list[bool] = []
    async with api_of(business) as api:
        with pytest.raises(CallFailed, match="PAYVIOX_KEY must hold a secret key"):
            await make_happen(api, "payout.succeeded", 1_000, lambda _: None)
        with pytest.raises(CallFailed, match="PAYVIOX_KEY must hold a secret key"):
            await anext(follow(api, lambda _: None, lambda: begun.append(True)))
    assert begun == []


@pytest.mark.parametrize(
    "arguments", [["tail"], ["listen", "--forward-to", "http://localhost:4242/"]]
)
def test_a_wrong_address_is_told_by_what_named_it(arguments: list[str]) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    name, *more = arguments
    command = {"tail": events.commands["tail"], "listen": listen}[name]
    by_option = CliRunner().invoke(
        command, [*more, "--api-url", gone], env={"PAYVIOX_KEY": KEY, "PAYVIOX_URL": "http://x"}
    )
    by_name = CliRunner().invoke(command, more, env={"PAYVIOX_KEY": KEY, "PAYVIOX_URL": gone})
    assert "--api-url says where it is" in str(by_option.exception)
    assert "PAYVIOX_URL says where it is" in str(by_name.exception)
    assert "whsec_" not in by_option.output


async def test_events_are_followed_from_now_on_each_once_with_the_bytes_that_are_signed(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVERY_S", 0.02)
    monkeypatch.setattr(following, "PAGE", 3)
    await _order(business)  # before anybody listens
    async with api_of(business) as api, receiver() as receiving:
        passed: list[Event] = []
        target, kept = parse_target(receiving.url, allow_private=True), Kept()
        token = token_of(business.secret_key)

        async def listen_on() -> None:
            async for event in follow(api, lambda _: None):
                passed.append(event)
                assert (await forward(event, target, token, kept)).status == 200

        asked = _calls(api)
        listening = asyncio.create_task(listen_on())
        await eventually(_more_than(asked, 1))
        orders = [await _order(business) for _ in range(10)]

        async def all_passed() -> bool:
            return listening.done() or len(receiving.received) >= len(orders)

        await eventually(all_passed)
        so_far = len(asked)
        await eventually(_more_than(asked, so_far + 2))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        kept.hang_up()
    assert [event.order_id for event in passed] == orders
    stored = await business.rows("SELECT body FROM events WHERE business_id = %s ORDER BY id")
    assert [one.body.decode() for one in receiving.received] == [row[0] for row in stored][1:]
    for one in receiving.received:
        one.verify(token)
        assert one.documented_signature(token)


async def test_an_api_that_is_away_is_asked_again_and_nothing_is_missed(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVERY_S", 0.02)
    said: list[str] = []
    async with api_of(business) as api:
        passed: list[Event] = []

        async def listen_on() -> None:
            async for event in follow(api, said.append):
                passed.append(event)  # noqa: PERF401  # it never ends

        asked = _calls(api)
        listening = asyncio.create_task(listen_on())
        await eventually(_more_than(asked, 1))
        answering, asking = api._client, api._client.request

        async def refuse(*_: object, **__: object) -> httpx2.Response:
            raise httpx2.ConnectError("refused")

        monkeypatch.setattr(answering, "request", refuse)
        order = await _order(business)

        async def told() -> bool:
            return bool(said)

        await eventually(told)
        monkeypatch.setattr(answering, "request", asking)

        async def passes() -> bool:
            return bool(passed)

        await eventually(passes)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert [event.order_id for event in passed] == [order]
    away, back = said
    assert away.startswith("http://payviox.test does not answer (refused).")
    assert back == "http://payviox.test answers again."


async def test_what_happened_before_is_not_told_however_much_of_it_there_is(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "EVERY_S", 0.02)
    monkeypatch.setattr(following, "PAGE", 2)
    for _ in range(5):
        await _order(business)
    async with api_of(business) as api:
        passed: list[Event] = []

        async def listen_on() -> None:
            async for event in follow(api, lambda _: None):
                passed.append(event)  # noqa: PERF401  # it never ends

        asked = _calls(api)
        listening = asyncio.create_task(listen_on())
        await eventually(_more_than(asked, 1 + 3 + 3))
        order = await _order(business)
        await eventually(lambda: listening.done() or passed)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert [event.order_id for event in passed] == [order]


@pytest.mark.parametrize(
    ("status", "content", "says"),
    [
        (200, b"<html>Welcome</html>", "answers, but not as Payviox does. PAYVIOX_URL says"),
        (200, b"[]", "answers, but not as Payviox does. PAYVIOX_URL says"),
        (404, b'{"errors": ["There is no such page."]}', "answered 404: There is no such page."),
        (404, b'{"errors": {"page": ["is not there"]}}', "answered 404: is not there"),
        (404, b"[]", "answered 404: it does not say why"),
        (302, b"", "answered 302: no JSON; is this the address"),
    ],
)
async def test_an_address_of_something_else_is_said_to_be_that(
    status: int, content: bytes, says: str
) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, content=content))
    async with Api("http://elsewhere.test", "PAYVIOX_URL", KEY, transport) as api:
        with pytest.raises(CallFailed, match=re.escape(says)):
            await anext(follow(api, lambda _: None))
        with pytest.raises(CallFailed, match=re.escape(says)):
            await make_happen(api, "payout.created", 1_000, lambda _: None)


def test_the_token_belongs_to_the_key() -> None:
    assert token_of(KEY) == token_of(KEY) != token_of(KEY + "2")
    assert KEY not in token_of(KEY)


@pytest.mark.parametrize(
    ("command", "arguments", "key", "said"),
    [
        (listen, ["--forward-to", "http://localhost:4242/"], "", "Set PAYVIOX_KEY"),
        (listen, ["--forward-to", "http://localhost:4242/"], "sk_live_1", "begin with sk_test_"),
        (listen, ["--forward-to", "ftp://localhost/"], KEY, "--forward-to is not accepted"),
        (listen, ["--forward-to", "localhost:4242"], KEY, "with https:// or http://"),
        (events, ["tail"], "sk_test_…", "PAYVIOX_KEY holds no secret key"),
        (listen, ["--forward-to", "http://localhost:4242/", "--events", "a"], KEY, "no event a"),
        (trigger, ["payout.failed"], "sk_live_1", "begin with sk_test_"),
        (trigger, ["payout.lost"], KEY, "'payout.lost' is not one of"),
        (events, ["tail", "--events", "payout.lost"], KEY, "no event payout.lost"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(
    command: object, arguments: list[str], key: str, said: str
) -> None:
    result = CliRunner().invoke(command, arguments, env={"PAYVIOX_KEY": key})  # type: ignore[arg-type]
    assert result.exit_code == 2
    assert said in result.output


async def _order(business: TestBusiness) -> str:
    """An order that no worker sends: its one event is payout.created."""
    hash_ = (await business.create("ada@example.com", 1_000)).json()["hash"]
    body = {"provider": "paypal", "amount": 1_000, "paypal": {"email": "ada@example.com"}}
    client = business.client_with({"X-Payout-Hash": hash_})
    answer = await client.post("/payout/withdraw", content=json.dumps(body))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _payout_balance(business: TestBusiness) -> int:
    return int((await business.client.get("/balance")).json()["payout_balance"])


def _calls(api: Api) -> list[str]:
    """The paths that were asked for, as they are."""
    asked: list[str] = []

    async def note(request: httpx2.Request) -> None:
        asked.append(request.url.path)

    api._client.event_hooks = {"request": [note]}
    return asked


def _more_than(asked: list[str], number: int) -> Callable[[], Awaitable[bool]]:
    async def more() -> bool:
        return len(asked) > number

    return more
