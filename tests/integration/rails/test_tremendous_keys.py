"""Replacing Tremendous's API key: whose it is is asked, not guessed, since another organization
would be asked for the same order again and would pay it again."""

import pytest

from payviox.errors import Conflict
from payviox.rail_accounts import checking, owners
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.directory import opened
from payviox.rail_accounts.model import Changes
from payviox.withdrawals.model import Order
from support.simulator import TREMENDOUS_FUNDING_SOURCE
from support.tremendous import FUNDS, Shop, running, shop

__all__ = ["running", "shop"]

pytestmark = pytest.mark.anyio

CREATE = "tremendous.orders.create"
ORGANIZATIONS = "tremendous.organizations.list"


async def organization(shop: Shop) -> object:
    return (await shop.account()).settings.get("organization_id")


async def broken_off(shop: Shop) -> Order:
    """An order that Tremendous made, and whose call broke before it said so."""
    shop.simulator.script({"route": CREATE, "fault": "drop", "when": "after"})
    order = await shop.buy(await shop.shopper())
    await shop.desk.process()
    assert ((await shop.desk.get(order)).status, shop.paid(order)) == ("unknown", 1)
    return order


def new_key(shop: Shop, **settings: object) -> dict[str, str]:
    """Credentials: another organization's, unless it `replaces` a key."""
    made = shop.api_key + "new"
    shop.simulator.tremendous_account(made, **{"balance": FUNDS, "fee_bp": 0, **settings})
    return {"api_key": made, "webhook_key": "key"}


async def learn(shop: Shop) -> None:
    """What `payviox rail check` does after checking."""
    business_id = shop.business.business_id
    stored = await shop.business.database.fetch(rail_accounts.get, business_id, "tremendous")
    account = opened(stored, shop.services.keyring)
    await owners.learn(shop.business.database, shop.rail, stored, account, "test")


async def look_alone(shop: Shop) -> None:
    """What `payviox doctor` does."""
    database, keyring = shop.business.database, shop.services.keyring
    accounts = await checking.accounts_of(database, shop.business.business_id, "tremendous")
    await checking.check(
        database,
        keyring,
        shop.services.rails.connected,
        accounts,
        "test",
        public_url="https://payouts.example.com",
        changes_nothing=True,
    )


@pytest.mark.parametrize(
    "source", [TREMENDOUS_FUNDING_SOURCE, "BALANCE", "INVOICE", "INVOICE_THEN_BALANCE"]
)
async def test_another_organizations_key_waits_until_no_order_is_under_way(
    shop: Shop, source: str
) -> None:
    await shop.connect(funding_source_id=source)
    first = await organization(shop)
    order = await broken_off(shop)
    other = new_key(shop)
    with pytest.raises(Conflict, match=r"1 order is under way .* another api_key"):
        await shop.connect(other, funding_source_id=source)
    assert (await shop.run(order, days=1)).status == "succeeded"
    assert shop.paid(order) == 1
    await shop.connect(other, funding_source_id=source)
    assert await organization(shop) not in (None, first)


async def test_a_revoked_key_is_replaced_by_one_of_the_same_organization_at_any_time(
    shop: Shop,
) -> None:
    await shop.connect(funding_source_id="BALANCE")
    order = await broken_off(shop)
    await shop.connect(new_key(shop, replaces=shop.api_key), funding_source_id="BALANCE")
    assert (await shop.run(order, days=1)).status == "succeeded"
    assert shop.paid(order) == 1


async def test_the_same_key_stays_while_nobody_can_say_whose_it_is(shop: Shop) -> None:
    known = await organization(shop)
    order = await broken_off(shop)
    shop.simulator.script({"route": ORGANIZATIONS, "fault": "error", "times": None})
    await shop.connect(max_amount=5_000)
    assert await organization(shop) == known
    assert (await shop.run(order, days=1)).status == "succeeded"


async def test_a_key_of_which_nobody_can_say_whose_it_is_waits_until_no_order_is_under_way(
    shop: Shop,
) -> None:
    order = await broken_off(shop)
    again = new_key(shop, replaces=shop.api_key)
    shop.simulator.script({"route": ORGANIZATIONS, "fault": "error", "times": None})
    with pytest.raises(Conflict, match="1 order is under way"):
        await shop.connect(again)
    shop.simulator.reset()
    await shop.connect(again)
    assert (await shop.run(order, days=1)).status == "succeeded"


async def test_a_key_that_nobody_vouches_for_is_not_taken_for_the_organization_before(
    shop: Shop,
) -> None:
    first = await organization(shop)
    other = new_key(shop)
    shop.simulator.script({"route": ORGANIZATIONS, "fault": "error", "times": None})
    await shop.connect(other)
    assert await organization(shop) is None
    await learn(shop)
    assert await organization(shop) is None, "it still cannot be asked"
    shop.simulator.reset()
    await look_alone(shop)
    assert await organization(shop) is None, "`payviox doctor` changes nothing"
    await learn(shop)
    assert await organization(shop) not in (None, first)


async def test_what_was_learned_of_a_key_is_not_kept_of_the_one_that_replaced_it(
    shop: Shop,
) -> None:
    business_id, database = shop.business.business_id, shop.business.database
    shop.simulator.script({"route": ORGANIZATIONS, "fault": "error", "times": None})
    await shop.connect(new_key(shop))
    seen = await database.fetch(rail_accounts.get, business_id, "tremendous")
    await shop.connect()
    await database.write(rail_accounts.keep_owner, seen, "NOTITSOWN", "test")
    assert await organization(shop) is None


async def test_the_funding_source_may_change_at_any_time(shop: Shop) -> None:
    order = await broken_off(shop)
    await shop.business.database.write(
        rail_accounts.change,
        order.business_id,
        "tremendous",
        Changes(settings={"funding_source_id": "BALANCE"}),
        "test",
    )
    assert (await shop.run(order, days=1)).status == "succeeded"
    assert shop.paid(order) == 1


@pytest.mark.parametrize("body", ["empty", "list", "html"])
async def test_an_answer_that_names_no_organization_is_none(shop: Shop, body: str) -> None:
    shop.simulator.script({"route": ORGANIZATIONS, "fault": body, "times": None})
    await shop.connect(new_key(shop))
    assert await organization(shop) is None
