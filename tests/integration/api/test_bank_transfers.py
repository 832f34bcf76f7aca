"""Bank transfers over HTTP, by the sandbox: what is taken, what is refused, how each ends, and that
a number is shown to nobody."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from payviox import wiring
from payviox.rails.sandbox.endings import BY_NAME
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

IBAN = "DE89370400440532013000"
SEPA = {"name": "Ada Lovelace", "iban": "DE89 3704 0044 0532 0130 00"}
ACH = {
    "scheme": "ach",
    "name": "Ada Lovelace",
    "routing_number": "021000021",
    "account_number": "004412345678",
    "account_type": "checking",
    "holder": "person",
}


@dataclass
class Payee:
    """Ada with $100.00, over HTTP, and her business's orders."""

    business: TestBusiness
    client: httpx.AsyncClient
    desk: Desk

    async def withdraw(self, bank: dict[str, Any], **more: Any) -> httpx.Response:
        body = {"provider": "bank", "amount": 2_500, "bank": bank} | more
        return await self.client.post("/payout/withdraw", json=body)

    async def balance(self) -> int:
        return (await self.business.ledger())["ada@example.com"]


@pytest.fixture
async def ada(business: TestBusiness, services: Services) -> Payee:
    made = await business.create("ada@example.com", 10_000)
    client = business.client_with({"X-Payout-Hash": made.json()["hash"]})
    rails = wiring.rails(business.database, services.keyring)
    return Payee(business, client, Desk.of(business, rails))


async def test_an_order_names_the_account_masked_and_no_table_has_its_number_in_clear(
    ada: Payee, urls: Urls
) -> None:
    answers = [await ada.withdraw(SEPA), await ada.withdraw(ACH)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert [answer.json()["bank"] for answer in answers] == [
        {"scheme": "sepa", "country": "DE", "name": "Ada Lovelace", "masked": "DE89 •••• 3000"},
        {"scheme": "ach", "country": "US", "name": "Ada Lovelace", "masked": "•••• 5678"},
    ]
    await ada.desk.process()
    listed = await ada.client.get("/payout/withdrawals")
    assert {order["status"] for order in listed.json()["data"]} == {"succeeded"}
    assert all(order["bank"]["end_to_end_id"] for order in listed.json()["data"])
    events = await ada.business.client.get("/payout/events")
    for text in (listed.text, events.text, *(answer.text for answer in answers)):
        assert IBAN not in text
        assert ACH["account_number"] not in text
    with psycopg.connect(urls.owner) as owner:
        tables = owner.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE"
            " 'procrastinate%'"
        ).fetchall()
        for (table,) in tables:
            found = owner.execute(
                f"SELECT count(*) FROM {table} t WHERE t::text LIKE ANY(%s)",  # a name of ours
                [[f"%{IBAN}%", f"%{ACH['account_number']}%"]],
            ).fetchone()
            assert found == (0,), table


async def test_a_webhook_names_the_account_masked(ada: Payee) -> None:
    await ada.withdraw(SEPA)
    await ada.desk.process()
    events = (await ada.business.client.get("/payout/events")).json()["data"]
    told = [event.get("body", event) for event in events]
    text = json.dumps(told, ensure_ascii=False)
    assert '"masked": "DE89 •••• 3000"' in text
    assert '"scheme": "sepa"' in text


@pytest.mark.parametrize(
    ("bank", "fields"),
    [
        (None, ["bank"]),
        ({}, ["bank.name"]),
        ({"name": "Ada"}, ["bank.iban"]),
        ({"name": "Ada", "iban": "DE88370400440532013000"}, ["bank.iban"]),
        ({"name": "Ada", "iban": "BR1800360305000010009795493C1"}, ["bank.iban"]),
        (ACH | {"routing_number": "021000022"}, ["bank.routing_number"]),
        (ACH | {"account_type": "gold"}, ["bank.account_type"]),
        (ACH | {"holder": None}, ["bank.holder"]),
        (ACH | {"name": "A" * 60}, ["bank.name"]),
        (SEPA | {"scheme": "swift"}, ["bank.scheme"]),
    ],
)
async def test_what_no_bank_would_pay_is_refused_by_its_field_and_nothing_moves(
    ada: Payee, bank: Any, fields: list[str]
) -> None:
    answer = await ada.withdraw(bank)
    assert (answer.status_code, list(answer.json())) == (400, fields)
    assert await ada.balance() == 10_000


async def test_a_quote_holds_for_its_account_and_for_no_other(ada: Payee) -> None:
    body = {"provider": "bank", "amount": 2_500, "bank": SEPA}
    quote = (await ada.client.post("/payout/quote", json=body)).json()
    assert (quote["amount"], quote["fees"], quote["net_amount"]) == (2_500, 0, 2_500)
    other = await ada.withdraw(ACH, quote_id=quote["quote_id"])
    assert (other.status_code, list(other.json())) == (400, ["quote_id"])
    spelled = SEPA | {"iban": IBAN}
    assert (await ada.withdraw(spelled, quote_id=quote["quote_id"])).status_code == 201
    sketch = {"provider": "bank", "amount": 2_500}
    assert (await ada.client.post("/payout/quote", json=sketch)).status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "left"),
    [("fail", "failed", 10_000), ("slow", "sent", 5_000)],
)
async def test_an_account_ends_as_its_last_digits_ask(
    ada: Payee, name: str, status: str, left: int
) -> None:
    ending = BY_NAME[name]
    answers = [
        await ada.withdraw(SEPA | {"iban": ending.iban}),
        await ada.withdraw(ACH | {"account_number": f"0000{ending.number}"}),
    ]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    await ada.desk.process()
    orders = (await ada.client.get("/payout/withdrawals")).json()["data"]
    assert {order["status"] for order in orders} == {status}
    assert await ada.balance() == left


async def test_operations_say_to_which_countries_each_scheme_pays(ada: Payee) -> None:
    methods = (await ada.client.get("/payout/operations")).json()["methods"]
    bank = next(method for method in methods if method["provider"] == "bank")
    assert bank["enabled"]
    assert bank["schemes"]["ach"] == ["US"]
    assert {"DE", "FR", "ES"} <= set(bank["schemes"]["sepa"])
