"""`payviox reconcile` and what a person does about its items, as processes of their own."""

import csv
import io
import json
from typing import Any

import pytest

from payviox import ids
from payviox.actors import command
from payviox.db.pool import Database
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.databases import Urls
from support.installation import Installation
from support.live import environment
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def installation(urls: Urls, tmp_path: Any) -> Installation:
    return Installation(tmp_path / "home", environment(tmp_path / "home", urls.application))


@pytest.fixture
def desk(business: TestBusiness) -> Desk:
    return Desk.of(business)


async def ended(desk: Desk, amount: int, urls: Urls) -> Order:
    """An order that the sandbox has paid, some time ago."""
    order = await desk.withdraw(await desk.user(amount), amount)
    await desk.process()
    with urls.as_admin() as admin:
        for statement in (
            "UPDATE orders SET updated_at = now() - interval '1 hour' WHERE id = %s",
            "UPDATE order_attempts SET started_at = now() - interval '1 hour' WHERE order_id = %s",
        ):
            admin.execute(statement, [order.id])
        admin.execute("UPDATE sandbox_payments SET created_at = now() - interval '1 hour'")
    return await desk.get(order)


def of(business: TestBusiness) -> list[str]:
    return ["--business", ids.show(ids.BUSINESS, business.business_id)]


def changed(urls: Urls, order: Order, amount: int) -> None:
    """The sandbox says that it paid another amount."""
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE sandbox_payments SET request = request || %s::jsonb WHERE reference = %s",
            [json.dumps({"amount": amount}), f"ord_{order.id}.1"],
        )


async def test_books_that_agree_exit_0_and_a_difference_1_until_it_is_resolved(
    installation: Installation, desk: Desk, urls: Urls
) -> None:
    business = desk.business
    order = await ended(desk, 5_000, urls)
    good = installation.run("reconcile", *of(business))
    assert (good.returncode, good.stderr) == (0, "")
    assert "nothing is unexplained" in good.stdout
    assert "matched\t$50.00\t$50.00" in good.stdout

    resolve = ("reconcile", "resolve", ids.show(ids.SUSPENSE_ITEM, ids.new()))
    missing = installation.refused(*resolve, "--as", "explained", "--reason", "why")
    assert "There is no item" in missing

    changed(urls, order, 5_040)
    found = installation.run("reconcile", *of(business), "--rail", "sandbox", "--since", "7d")
    assert found.returncode == 1
    assert "amount_differs  $0.40" in found.stdout
    assert "1 open item: `payviox reconcile items` lists them" in found.stdout

    (item,) = installation.told("reconcile", "items", *of(business))
    assert (item["cause"], item["amount"]) == ("amount_differs", 40)
    shown = installation.done("reconcile", "show", item["item_id"])
    assert "The rail paid another amount than was booked." in shown
    assert ids.show(ids.ORDER, order.id) in shown
    assert installation.done("ledger", "verify").endswith("all is well")

    said = installation.refused(
        *("reconcile", "resolve", item["item_id"], "--as", "absorbed", "--reason", "x"), status=2
    )
    assert "No terminal to ask on: use --yes." in said
    assert len(installation.told("reconcile", "items", *of(business))) == 1

    resolved = installation.done(
        *(
            "reconcile",
            "resolve",
            item["item_id"],
            "--as",
            "absorbed",
            "--reason",
            "case 4711",
            "--yes",
        )
    )
    assert resolved == f"{item['item_id']} ($0.40) is absorbed."
    assert installation.told("reconcile", "items", *of(business)) == []
    (kept,) = installation.told("reconcile", "items", "--all", *of(business))
    assert (kept["resolved_by"], kept["resolution"], kept["reason"]) == (
        command(),
        "absorbed",
        "case 4711",
    )
    assert (await business.ledger())["main"] == 1_000_000 - 40
    assert installation.run("reconcile", *of(business)).returncode == 0
    assert installation.done("ledger", "verify").endswith("all is well")
    again = installation.refused(
        *("reconcile", "resolve", item["item_id"], "--as", "absorbed", "--reason", "again", "--yes")
    )
    assert "resolved already" in again


async def test_json_and_csv_say_the_same_and_hold_no_formula(
    installation: Installation, desk: Desk, urls: Urls, database: Database
) -> None:
    business = desk.business
    await ended(desk, 5_000, urls)
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO sandbox_payments (business_id, reference, request, created_at)"
            " VALUES (%s, '=cmd|calc', %s, now() - interval '1 hour')",
            [business.business_id, '{"ending": "succeed", "amount": 77}'],
        )
    told = installation.run("reconcile", *of(business), "--json")
    assert told.returncode == 1
    (report,) = json.loads(told.stdout)
    assert (report["rail"], report["clean"], report["not_compared"]) == ("sandbox", False, None)
    assert report["theirs"]["told"] == 5_077
    (item,) = report["open_items"]
    assert (item["cause"], item["amount"], item["subject"]) == ("unknown_payment", 77, "=cmd|calc")

    written = installation.run("reconcile", *of(business), "--csv", "-")
    assert written.returncode == 1
    rows = list(csv.DictReader(io.StringIO(written.stdout)))
    sums = {row["line"]: (row["our_books"], row["rail_says"]) for row in rows}
    for name in ("matched", "in_transit", "suspense", "explained", "sum", "told", "difference"):
        assert sums[name] == (str(report["ours"][name]), str(report["theirs"][name]))
    (listed,) = [row for row in rows if row["item_id"]]
    assert (listed["line"], listed["rail_says"]) == ("unknown_payment", "77")
    assert listed["subject"] == "'=cmd|calc"
    nowhere = installation.home.parent / "none" / "report.csv"
    said = installation.refused("reconcile", *of(business), "--csv", str(nowhere), status=2)
    assert "No such file or directory" in said
    file = installation.home.parent / "report.csv"
    assert installation.run("reconcile", *of(business), "--csv", str(file)).stdout == ""
    assert file.read_text().startswith('"business_id","rail","line",')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "yesterday"], "is no date like"),
        (["--since", "2999-01-01"], "is not in the past"),
        (["--rail", "swift"], "is none of"),
        (["resolve", "sus_1", "--as", "absorbed", "--reason", "x"], "is no id like"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    installation: Installation, arguments: list[str], said: str
) -> None:
    assert said in installation.refused("reconcile", *arguments, status=2)


def test_an_item_that_is_not_there_is_told(installation: Installation) -> None:
    missing = ids.show(ids.SUSPENSE_ITEM, ids.new())
    assert f"There is no item {missing}" in installation.refused("reconcile", "show", missing)
