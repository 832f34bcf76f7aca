"""The search over everything of a business, by what somebody has at hand."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from conftest import MakeBusiness
from payviox.db.pool import Connection, Database
from payviox.ledger import suspense
from payviox.ledger.suspense import NewItem
from payviox.reporting import search
from payviox.reporting.queries import search as queries
from payviox.treasury import service as treasury
from payviox.web import assets
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, signed_in
from support.databases import Urls
from support.explained import Explained
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true", "HX-Target": "div#search-results"}
HASH = "0x" + "ab" * 32


async def test_one_hit_by_its_exact_id_leads_straight_there(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(5_000), 2_500)
    item = NewItem("sandbox", "unknown_payment", "A1", None, 150, {})
    (opened,) = await database.write(
        lambda db: suspense.change(db, business.business_id, opening=[item], reason="test")
    )
    ways = {
        f"ord_{order.id}": f"/orders/ord_{order.id}",
        f"ord_{order.id}.1": f"/orders/ord_{order.id}",
        f"usr_{order.payout_user_id}": f"/users/usr_{order.payout_user_id}",
        f"%20{order.id}%20": f"/orders/ord_{order.id}",
        f"sus_{opened.id}": f"/reconciliation/sus_{opened.id}",
    }
    for text, tail in ways.items():
        answer = await browser.get(f"{base}/search?q={text}")
        assert (answer.status_code, answer.headers["location"]) == (303, base + tail), text
    part = await browser.client.get(f"{base}/search?q=ord_{order.id}", headers=PART)
    assert part.status_code == 200
    assert f'href="{base}/orders/ord_{order.id}"' in part.text
    assert "<h1>" not in part.text


async def test_everything_is_found_by_what_somebody_has_at_hand(
    browser: Browser, database: Database, business: TestBusiness, urls: Urls
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(5_000), 2_537)
    business_id = business.business_id
    await database.write(
        lambda db: treasury.deposit(db, business_id, 123_456, "bank-2026-11", "test")
    )
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO order_attempts (business_id, order_id, number, reference, request,"
            " rail_order_id) VALUES (%s, %s, 9, 'r', '{}', 'PAYPAL-7')",
            [business_id, order.id],
        )
        admin.execute(
            "INSERT INTO evm_wallet_owners (business_id, chain_id, address) VALUES (%s, 1, %s)",
            [business_id, str(order.id)],
        )
        admin.execute(
            "INSERT INTO evm_wallets (business_id, chain_id, address, next_nonce)"
            " VALUES (%s, 1, %s, 1)",
            [business_id, str(order.id)],
        )
        admin.execute(
            "INSERT INTO evm_payments (business_id, chain_id, wallet, nonce, reference, request)"
            " VALUES (%s, 1, %s, 0, %s, '{}')",
            [business_id, str(order.id), f"ord_{order.id}.9"],
        )
        admin.execute(
            "INSERT INTO evm_transactions (business_id, chain_id, wallet, nonce, number, hash,"
            " raw, fees) VALUES (%s, 1, %s, 0, 1, %s, '', '{}')",
            [business_id, str(order.id), HASH],
        )
    for text, group, link in (
        (order.email[:9], "Users", f"/users/usr_{order.payout_user_id}"),
        ("PAYPAL-7", "Orders", f"/orders/ord_{order.id}"),
        (HASH.upper().replace("0X", "0x"), "Orders", f"/orders/ord_{order.id}"),
        ("25.37", "Orders", f"/orders/ord_{order.id}"),
        ("$1,234.56", "Movements", "/balance?search=bank-2026-11"),
        ("bank-2026-11", "Movements", "/balance?search=bank-2026-11"),
        (business.secret_key[-4:], "API keys", "/developer/keys"),
    ):
        page = await browser.client.get(f"{base}/search", params={"q": text})
        assert heading(page) == "Search"
        section = page.text.partition(f">{group}</h2>")[2].partition("</section>")[0]
        assert f'href="{base}{link}"' in section, text
    for text in ("", "nothing-goes-by-this", "\x00", "%", "' OR 1=1"):
        page = await browser.client.get(f"{base}/search", params={"q": text})
        assert page.status_code == 200
        assert "<tbody>" not in page.text


async def test_a_key_or_a_hash_that_is_pasted_stands_in_no_address(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    payout_hash, key = "0a1b2c3d" + "e" * 56, business.secret_key
    end = f"{base}/search?q={key[-4:]}"
    for text, address in (
        (key, end),
        (f"Bearer {key}", end),
        (business.public_key, f"{base}/search?q={business.public_key[-4:]}"),
        (key[:8], f"{base}/search?q="),
        (payout_hash, f"{base}/search?q="),
        (f"https://pay.example/redeem#{payout_hash}", f"{base}/search?q="),
        ("whsec_abc+d/e=", f"{base}/search?q="),
        (HASH, f"{base}/search?q={HASH}"),
        ("a&b=c d", f"{base}/search?q=a%26b%3Dc%20d"),
    ):
        sent = await browser.post(f"{base}/search", q=text)
        assert (sent.status_code, sent.headers["location"]) == (303, address), text
        part = await browser.client.post(
            f"{base}/search", data={"q": text}, headers=PART | {"Sec-Fetch-Site": "same-origin"}
        )
        assert (part.status_code, part.headers["hx-replace-url"]) == (200, address)
        assert text == HASH or text not in part.text
        opened = await browser.client.get(f"{base}/search", params={"q": text})
        is_secret = text not in (HASH, "a&b=c d")
        assert (opened.status_code == 303) is is_secret, text
    page = await browser.get(end)
    assert f'href="{base}/developer/keys"' in page.text.partition(">API keys</h2>")[2]
    assert re.search(r'<form[^>]*role="search"[^>]*method="post"', page.text)


async def test_nothing_of_another_business_is_found(
    browser: Browser, database: Database, business: TestBusiness, make_business: MakeBusiness
) -> None:
    other = await make_business(funds=100_000)
    desk = Desk.of(other)
    order = await desk.withdraw(await desk.user(5_000), 2_537)
    base = await signed_in(browser, database, business)
    for text in (f"ord_{order.id}", f"usr_{order.payout_user_id}", order.email, "25.37"):
        page = await browser.client.get(f"{base}/search", params={"q": text})
        assert page.status_code == 200
        assert str(order.id) not in re.sub(r'(value="|“)[^"”]*', "", page.text)
    assert (await browser.get(f"{base_of(other)}/search?q=25.37")).status_code == 404
    assert (await browser.get(f"{base_of(other)}/live?kinds=orders")).status_code == 404


FILL = """
INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)
  SELECT %(b)s, md5(n::text)::uuid, n || '@x.com', 'k', sha256(n::text::bytea)
  FROM generate_series(1, 20000) n;
INSERT INTO accounts (business_id, id, kind, balance, version)
  SELECT business_id, id, 'user', 1, 1 FROM payout_users WHERE business_id = %(b)s;
INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount, fees,
                    net_amount, destination, destination_digest)
  SELECT business_id, id, id, 'paypal', 'sandbox', 'succeeded', a, 1, a - 1, '{}', ''
  FROM payout_users, LATERAL (SELECT 100 + split_part(email, '@', 1)::int / 10 AS a) amounts
  WHERE business_id = %(b)s;
INSERT INTO order_attempts (business_id, order_id, number, reference, request, rail_order_id)
  SELECT business_id, id, 1, id::text, '{}', id::text FROM orders WHERE business_id = %(b)s;
INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                       to_account, to_version, to_balance, reference)
  SELECT business_id, CASE WHEN random() < 0.1 THEN 'fund' ELSE 'allocation' END, amount,
         business_id, 100000 + row_number() OVER (), 0, id, 1, 1, id::text
  FROM orders WHERE business_id = %(b)s;
INSERT INTO suspense_items (business_id, id, rail, cause, subject, amount, evidence)
  SELECT business_id, id, 'sandbox', 'stuck', id::text, 1, '{}' FROM orders
  WHERE business_id = %(b)s;
"""


@pytest.fixture
def crowded(business: TestBusiness, urls: Urls) -> UUID:
    """A business with many payout users, orders and transfers, some of each amount."""
    business_id = business.business_id
    business.tampered = True
    with urls.as_admin() as admin:
        for statement in FILL.split(";\n")[:-1]:
            admin.execute(statement, {"b": business_id})
        admin.execute(
            "ANALYZE payout_users, accounts, orders, order_attempts, transfers, suspense_items"
        )
    return business_id


async def test_no_search_reads_a_table(database: Database, crowded: UUID) -> None:
    async def plan(connection: Connection, text: str) -> str:
        explained: Any = Explained(connection)
        await search.search(explained, crowded, text)
        return "\n".join(explained.plan)

    for text in ("17", "5.00", f"ord_{crowded}", "17@x.com", HASH, str(crowded)):
        shown = await database.fetch(plan, text)
        sought = [line for line in shown.splitlines() if "Seq Scan" in line]
        assert not [line for line in sought if "evm" not in line and "api_keys" not in line], shown
    shown = await database.fetch(plan, "5.00")
    for index in ("orders_by_amount", "orders_by_net_amount", "transfers_by_hand_by_amount"):
        assert index in shown
    assert "orders_pkey" in shown
    hits = await database.fetch(queries.orders, crowded, "5.00", [], 500, 8)
    assert len(hits) == 8


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ("users", "search"),
        ("balance", "search"),
        ("orders", "user"),
        ("developer/requests", "path"),
        ("developer/requests", "key"),
        ("webhooks/logs", "order"),
        ("mails", "to"),
    ],
)
async def test_what_opens_something_stands_in_no_address_of_a_list(
    browser: Browser, database: Database, business: TestBusiness, page: str, field: str
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    key = business.secret_key
    for secret, kept in (("0a1b2c3d" + "E" * 56, ""), (key, key[-4:]), ("whsec_abc", "")):
        answer = await browser.get(f"{base}/{page}?{field}={secret}&status=all")
        leads = f"{base}/{page}?{field}={kept}&status=all"
        assert (answer.status_code, answer.headers["location"]) == (303, leads)
        assert secret not in answer.text
        assert (await browser.get(leads)).status_code in (200, 422)  # too short for some filters


def test_the_script_of_filters_knows_the_same_secrets_as_the_server() -> None:
    script = (Path(assets.HERE) / "js" / "secrets.js").read_text()
    assert f"/{search.KEY.pattern}/;" in script
    assert f"/{search.SECRET.pattern}/i;" in script
