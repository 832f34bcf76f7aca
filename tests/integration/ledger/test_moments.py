"""What every account held at any moment is what replaying its transfers until then comes to."""

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.ledger import statements
from payviox.treasury import service as treasury
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

INSTANT = timedelta(microseconds=1)
EMAILS = [f"{name}@example.com" for name in ("ada", "bob", "cy", "di")]
COLUMNS = "id, amount, from_account, to_account, created_at"


async def live_at_random(business: TestBusiness, chance: random.Random) -> None:
    """Some rounds of everything that moves money, several things at once."""
    desk = Desk.of(business)
    ada = await desk.user(900)
    write, business_id = business.database.write, business.business_id

    async def move(number: int) -> None:
        amount = chance.randint(1, 50)
        match chance.randrange(6):
            case 0:
                await write(treasury.deposit, business_id, amount, f"{number}", "test")
            case 1:
                await write(treasury.fund, business_id, amount, "test")
            case 2:
                await write(treasury.defund, business_id, amount, "test")
            case 3:
                await desk.withdraw(ada, amount)
                await desk.process()
            case _:
                answer = await business.create(chance.choice(EMAILS), amount)
                assert answer.status_code == 201

    for turn in range(8):
        await asyncio.gather(*(move(turn * 10 + each) for each in range(5)))


async def transfers_of(business: TestBusiness) -> list[Any]:
    return await business.rows(
        f"SELECT {COLUMNS} FROM transfers WHERE business_id = %s ORDER BY id"  # constants
    )


def replayed(transfers: list[Any], until: datetime) -> Counter[UUID]:
    held = Counter[UUID]()
    for _, amount, source, target, created_at in transfers:
        if created_at <= until:
            held[source] -= amount
            held[target] += amount
    return held


@pytest.mark.parametrize("seed", range(2))
async def test_balances_at_every_moment_are_what_replaying_comes_to(
    database: Database, make_business: Any, seed: int
) -> None:
    business = await make_business(funds=5_000, main=5_000)
    await live_at_random(business, random.Random(seed))
    transfers = await transfers_of(business)
    users = [
        row[0] for row in await business.rows("SELECT id FROM payout_users WHERE business_id = %s")
    ]
    times = sorted({row[4] for row in transfers})
    for moment in [at for time in times for at in (time - INSTANT, time)]:
        held = replayed(transfers, moment)
        own = await database.fetch(statements.own_accounts_at, business.business_id, moment)
        theirs = await database.fetch(
            statements.user_balances_at, business.business_id, users, moment
        )
        assert {row.id: row.balance for row in own} == {row.id: held[row.id] for row in own}
        assert theirs == {user: held[user] for user in users}
        assert sum(row.balance for row in own) + sum(theirs.values()) == 0


async def test_a_period_between_any_two_moments_holds_just_the_transfers_between_them(
    database: Database, make_business: Any
) -> None:
    business = await make_business(funds=5_000, main=5_000)
    chance = random.Random(7)
    await live_at_random(business, chance)
    transfers = await transfers_of(business)
    account = business.business_id  # the payout account's id
    times = [row[4] for row in transfers]
    for _ in range(40):
        since, until = sorted(chance.choice(times) + chance.randint(0, 1) * INSTANT for _ in "ab")
        period = await database.fetch(
            statements.period, business.business_id, "payout", since, until
        )
        rows = await database.fetch(statements.list_rows, business.business_id, period, 0, 1_000)
        wanted = [t for t in transfers if since <= t[4] < until and account in (t[2], t[3])]
        assert [row.id for row in rows] == [row[0] for row in wanted]
        assert period.opening == replayed(transfers, since - INSTANT)[account]
        assert period.closing == replayed(transfers, until - INSTANT)[account]


async def test_an_accounts_times_go_one_way_although_transactions_wait_for_one_another(
    business: TestBusiness,
) -> None:
    """A transaction that began first and got its lock last recorded its transfer last."""
    database, business_id = business.database, business.business_id
    began, go_on = asyncio.Event(), asyncio.Event()

    async def wait_first(connection: Any) -> None:
        await connection.execute("SELECT 1")
        began.set()
        await go_on.wait()
        await treasury.fund(connection, business_id, 1, "test")

    slow = asyncio.create_task(database.write(wait_first))
    await began.wait()
    await database.write(treasury.fund, business_id, 2, "test")
    go_on.set()
    await slow
    rows = await business.rows(
        "SELECT amount FROM transfers WHERE business_id = %s AND kind = 'fund'"
        " AND amount < 3 ORDER BY created_at"
    )
    assert rows == [(2,), (1,)]


class TestApi:
    async def test_balances_then_and_now(self, business: TestBusiness) -> None:
        began = await moment_of(business)
        await business.create("ada@example.com", 700)
        between = await moment_of(business)
        await business.create("ada@example.com", 50)
        client = business.client
        now = await client.get("/balance")
        then = await client.get("/balance", params={"at": between})
        assert now.json() == {"balance": 1_000_000, "payout_balance": 999_250}
        assert then.json() == {"balance": 1_000_000, "payout_balance": 999_300}
        user = (await client.get("/payout/users")).json()["data"][0]
        assert user["balance"] == 750
        one = await client.get(f"/payout/users/{user['id']}", params={"at": between})
        assert one.json() == {**user, "balance": 700}
        listed = await client.get("/payout/users", params={"at": between})
        assert listed.json()["data"] == [{**user, "balance": 700}]
        before = await client.get("/payout/users", params={"at": began})
        assert before.json()["data"] == [{**user, "balance": 0}]

    async def test_the_accounts_come_to_nothing_at_every_moment(
        self, business: TestBusiness
    ) -> None:
        await business.create("ada@example.com", 700)
        between = await moment_of(business)
        await business.create("bob@example.com", 50)
        client = business.client
        for query, users in (({}, 750), ({"at": between}, 700)):
            answer = (await client.get("/payout/accounts", params=query)).json()["accounts"]
            held = {each["account"]: each["balance"] for each in answer}
            assert list(held)[:3] == ["main", "payout", "payout_users"]
            assert held["payout_users"] == users
            assert held["world"] == -2_000_000
            assert sum(held.values()) == 0

    async def test_the_same_moment_in_any_zone(self, business: TestBusiness) -> None:
        await business.create("ada@example.com", 700)
        between = datetime.fromisoformat(await moment_of(business))
        await business.create("ada@example.com", 50)
        for hours in (-14, 0, 5, 14):
            at = between.astimezone(timezone(timedelta(hours=hours))).isoformat()
            answer = await business.client.get("/balance", params={"at": at})
            assert answer.json()["payout_balance"] == 999_300

    async def test_before_everything_nothing_was_held(self, business: TestBusiness) -> None:
        for at in ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"):
            answer = await business.client.get("/balance", params={"at": at})
            assert answer.json() == {"balance": 0, "payout_balance": 0}

    @pytest.mark.parametrize(
        "path", ["/balance", "/payout/accounts", "/payout/users", "/payout/users/{user}"]
    )
    async def test_what_is_no_past_moment_is_refused_by_its_name(
        self, business: TestBusiness, path: str
    ) -> None:
        await business.create("ada@example.com", 1)
        user = (await business.client.get("/payout/users")).json()["data"][0]["id"]
        form = "The at must be a time such as 2026-01-31T00:00:00Z."
        future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        for at, message in {
            "2026-01-31": form,
            "2026-01-31T00:00:00": form,
            "yesterday": form,
            "": form,
            "infinity": form,
            future: "The at must not be in the future.",
            "9999-12-31T23:59:59-14:00": "The at must not be in the future.",
        }.items():
            answer = await business.client.get(path.format(user=user), params={"at": at})
            assert (answer.status_code, answer.json()) == (400, {"at": [message]}), at

    async def test_a_strangers_payout_user_is_not_there_at_any_moment(
        self, business: TestBusiness
    ) -> None:
        path = f"/payout/users/{ids.show(ids.USER, ids.new())}"
        answer = await business.client.get(path, params={"at": "2026-01-31T00:00:00Z"})
        assert answer.status_code == 404


class TestStatement:
    async def test_pages_of_it_come_from_opening_to_closing(self, business: TestBusiness) -> None:
        await business.create("ada@example.com", 700)
        since = await moment_of(business)
        for amount in (1, 2, 3, 4, 5):
            await business.create("ada@example.com", amount)
        until = await moment_of(business)
        await business.create("ada@example.com", 1_000)
        user = (await business.client.get("/payout/users")).json()["data"][0]["id"]
        for query, opening, sign in (({}, 999_300, -1), ({"user": user}, 700, 1)):
            lines = list[Any]()
            answer: dict[str, Any] = {"has_more": True}
            while answer["has_more"]:
                after = {"after": lines[-1]["id"]} if lines else {}
                answer = (
                    await business.client.get(
                        "/payout/statement",
                        params={**query, **after, "from": since, "to": until, "limit": "2"},
                    )
                ).json()
                assert (answer["opening"], answer["movements"]) == (opening, 5)
                lines += answer["data"]
            assert [line["amount"] for line in lines] == [1, 2, 3, 4, 5]
            running = opening
            for line in lines:
                running += sign * line["amount"]
                assert line["balance"] == running
            assert answer["closing"] == running

    @pytest.mark.parametrize("name", ["from", "to", "after", "user", "account"])
    async def test_what_is_wrong_is_said_by_its_name(
        self, business: TestBusiness, name: str
    ) -> None:
        query = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
        for wrong in ("x", "trf_1"):
            answer = await business.client.get("/payout/statement", params={**query, name: wrong})
            assert answer.status_code == 400
            assert list(answer.json()) == [name]

    async def test_both_moments_are_needed_the_first_before_the_second_and_both_past(
        self, business: TestBusiness
    ) -> None:
        ask = business.client.get
        nothing = await ask("/payout/statement")
        assert sorted(nothing.json()) == ["from", "to"]
        turned = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
        answer = await ask("/payout/statement", params=turned)
        assert answer.json() == {"to": ["The to must not be before the from."]}
        ahead = {"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59Z"}
        answer = await ask("/payout/statement", params=ahead)
        assert answer.json() == {"to": ["The to must not be in the future."]}
        ahead["to"] = "2000-01-01T00:00:00Z"
        answer = await ask("/payout/statement", params=ahead)
        assert (answer.json()["opening"], answer.json()["movements"]) == (0, 0)

    async def test_nobody_reads_another_business(
        self, business: TestBusiness, make_business: Any
    ) -> None:
        other = await make_business(funds=100)
        await other.create("ada@example.com", 1)
        user = (await other.client.get("/payout/users")).json()["data"][0]["id"]
        query = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z", "user": user}
        assert (await business.client.get("/payout/statement", params=query)).status_code == 404


async def moment_of(business: TestBusiness) -> str:
    """Now, by the database's clock."""
    now: datetime = await business.scalar("SELECT clock_timestamp()")
    return now.isoformat()


async def test_commands_show_what_was_held_at_a_moment(
    business: TestBusiness, urls: Urls, tmp_path: Path
) -> None:
    await business.create("ada@example.com", 700)
    between = await moment_of(business)
    await business.create("ada@example.com", 50)
    home = tmp_path / "home"
    installation = Installation(home, environment(home, urls.application))
    business_id = ids.show(ids.BUSINESS, business.business_id)
    shown = installation.run("business", "show", business_id, "--at", between, "--json")
    held = json.loads(shown.stdout)["accounts"]
    assert (held["payout"], held["payout_users"]) == (999_300, 700)
    assert sum(held.values()) == 0
    listed = installation.run("users", "list", business_id, "--at", between, "--json")
    assert [user["balance"] for user in json.loads(listed.stdout)] == [700]
    ahead = installation.run("business", "show", business_id, "--at", "9000-01-01T00:00:00Z")
    assert ahead.returncode != 0
    assert "must not be in the future" in ahead.stderr
    unzoned = installation.run("users", "list", business_id, "--at", "2026-01-31")
    assert unzoned.returncode == 2
    assert "no time like 2026-01-31T00:00:00Z" in unzoned.stderr
