"""Searches on pages enter an index by what is searched for, however much there is beside it."""

import re
from typing import Any
from uuid import UUID

import pytest

from payviox.db.pool import Connection, Database
from payviox.ledger import service as ledger
from payviox.payout_users import service as payout_users
from payviox.reporting.ageing import BEGINNING
from payviox.reporting.queries import ageing
from payviox.unclaimed import ageing as age_of_money
from support.businesses import TestBusiness
from support.citus import one_servers_plans
from support.databases import Urls
from support.explained import Explained

pytestmark = [pytest.mark.anyio, one_servers_plans]

ROWS = 20_000


@pytest.fixture
def crowded(business: TestBusiness, urls: Urls) -> UUID:
    """A business with many payout users, each paid once, under a reference."""
    business_id = business.business_id
    business.tampered = True
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " SELECT %s, gen_random_uuid(), md5(n::text) || '.' || md5('-' || n) || '@x.com', 'k',"
            " sha256(n::text::bytea) FROM generate_series(1, %s) n",
            [business_id, ROWS],
        )
        admin.execute(
            "INSERT INTO accounts (business_id, id, kind, balance, version)"
            " SELECT business_id, id, 'user', 1, 1 FROM payout_users WHERE business_id = %s",
            [business_id],
        )
        admin.execute(
            "INSERT INTO transfers (business_id, kind, amount, from_account, from_version,"
            " from_balance, to_account, to_version, to_balance, reference)"
            " SELECT business_id, 'allocation', 1, business_id, 100000 + row_number() OVER (), 0,"
            " id, 1, 1, email FROM payout_users WHERE business_id = %s",
            [business_id],
        )
        admin.execute("ANALYZE payout_users, accounts, transfers")
    return business_id


class ExplainedSearch(Explained):
    """Somebody searches, or goes on after the person with this address."""

    email = ""

    async def execute(self, query: Any, given: Any) -> "ExplainedSearch":
        if not query.startswith("SELECT email "):
            await super().execute(query, given)
        return self

    async def fetchone(self) -> Any:
        return [self.email]


@pytest.mark.parametrize(
    ("text", "after", "indexes"),
    [
        ("ab", None, ("prefix", "last_word", "domain")),
        ("a", "ab@x.com", ("prefix", "last_word", "domain")),
        ("a", "b.ab@x.com", ("last_word", "last_word", "domain")),
        ("x", "b.ab@x.com", ("domain", "domain")),
    ],
)
async def test_people_are_searched_in_the_indexes_of_addresses_and_their_parts(
    database: Database, crowded: UUID, text: str, after: str | None, indexes: tuple[str, ...]
) -> None:
    async def plan(connection: Connection) -> str:
        explained: Any = ExplainedSearch(connection)
        explained.email = after
        await payout_users.search(explained, crowded, text, crowded if after else None, 51)
        return "\n".join(explained.plan)

    shown = await database.fetch(plan)
    assert tuple(re.findall(r"Index .*Scan using payout_users_by_(\w+)", shown)) == indexes, shown
    assert "Seq Scan" not in shown
    assert "Sort" not in shown


async def test_a_reference_is_searched_in_its_index(database: Database, crowded: UUID) -> None:
    async def plan(connection: Connection) -> str:
        explained: Any = Explained(connection)
        await ledger.list_movements(explained, crowded, references=["survey-17"], limit=51)
        return "\n".join(explained.plan)

    assert "transfers_by_reference" in await database.fetch(plan)


async def test_unclaimed_money_is_listed_by_the_index_of_its_age(
    database: Database, crowded: UUID, urls: Urls
) -> None:
    await age_of_money.look_over(database, crowded)
    with urls.as_admin() as admin:
        admin.execute("ANALYZE unclaimed")

    async def plan(connection: Connection) -> str:
        explained: Any = Explained(connection)
        await ageing.list_page(explained, crowded, -1, 31, (BEGINNING, UUID(int=0)), 51)
        return "\n".join(explained.plan)

    shown = await database.fetch(plan)
    assert "unclaimed_by_age" in shown
    assert "Seq Scan" not in shown
