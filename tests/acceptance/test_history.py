"""`GET /payout/history`: every movement, filtered, by the page or as CSV."""

import csv
import io
from typing import Any

import pytest

from conftest import MakeBusiness
from payviox.web.movements import HEADER
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio


async def movements(business: TestBusiness, **query: Any) -> list[dict[str, Any]]:
    answer = await business.client.get("/payout/history", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def test_every_movement_is_there_newest_first(business: TestBusiness) -> None:
    await business.create("ada@example.com", 300)
    user = (await business.client.get("/payout/users")).json()["data"][0]
    await business.client.post(f"/payout/users/{user['id']}/revoke", json={"amount": 100})

    found = await movements(business)

    assert [(m["kind"], m["amount"], m["from"], m["to"]) for m in found] == [
        ("revocation", 100, "user", "payout"),
        ("allocation", 300, "payout", "user"),
        ("fund", 1_000_000, "main", "payout"),
        ("deposit", 2_000_000, "world", "main"),
    ]
    assert [m["payout_user_id"] for m in found] == [user["id"], user["id"], None, None]
    assert found[1]["email"] == "ada@example.com"
    assert all(m["id"].startswith("trf_") and m["created_at"].endswith("Z") for m in found)


async def test_movements_are_filtered_by_kind_user_and_time(business: TestBusiness) -> None:
    await business.create("ada@example.com", 1)
    await business.create("grace@example.com", 2)
    await business.create("ada@example.com", 3)
    found = await movements(business, kind="allocation")
    ada = found[0]["payout_user_id"]

    assert [m["amount"] for m in found] == [3, 2, 1]
    assert [m["amount"] for m in await movements(business, user=ada)] == [3, 1]
    middle = found[1]["created_at"]
    kind = {"kind": "allocation"}
    assert [m["amount"] for m in await movements(business, **kind, **{"from": middle})] == [3, 2]
    assert [m["amount"] for m in await movements(business, **kind, to=middle)] == [1]
    assert await movements(business, order="ord_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70") == []


async def test_pages_join_without_a_gap(business: TestBusiness) -> None:
    for amount in range(1, 8):
        await business.create("ada@example.com", amount)
    everything = await movements(business)

    pages: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = (await business.client.get("/payout/history", params=query)).json()
        pages += page["data"]
        if not page["has_more"]:
            break
        query["after"] = page["data"][-1]["id"]

    assert pages == everything
    assert len(pages) == 9


async def test_another_tenants_movements_cannot_be_seen_or_pointed_at(
    business: TestBusiness, make_business: MakeBusiness
) -> None:
    other = await make_business(funds=1_000)
    await other.create("ada@example.com", 1)
    theirs = await movements(other)

    assert not {m["id"] for m in theirs} & {m["id"] for m in await movements(business)}
    answer = await business.client.get("/payout/history", params={"after": theirs[0]["id"]})
    assert answer.status_code == 400
    assert await movements(business, user=theirs[0]["payout_user_id"]) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=gift", "kind"),
        ("user=ada", "user"),
        ("order=trf_1", "order"),
        ("from=yesterday", "from"),
        ("to=2026-01-31", "to"),
        ("to=2026-01-31T00:00:00", "to"),
        ("after=trf_x", "after"),
        ("after=trf_99999999999999999999", "after"),
        ("format=pdf", "format"),
    ],
)
async def test_a_bad_filter_is_named(business: TestBusiness, query: str, field: str) -> None:
    answer = await business.client.get(f"/payout/history?{query}")

    assert answer.status_code == 400
    assert list(answer.json()) == [field]


async def test_a_name_that_no_filter_has_is_ignored_as_by_every_list(
    business: TestBusiness,
) -> None:
    await business.create("ada@example.com", 7)
    for path in ("/payout/history", "/payout/users", "/payout/orders", "/payout/events"):
        plain = await business.client.get(path)
        answer = await business.client.get(f"{path}?colour=blue")
        assert (answer.status_code, answer.json()) == (200, plain.json())


async def read_csv(business: TestBusiness, **query: str) -> list[dict[str, str]]:
    answer = await business.client.get(
        "/payout/history", params=query, headers={"Accept": "text/csv"}
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_csv_holds_everything_that_matches_however_many_pages_it_takes(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payviox.web.movements.PAGE", 2)
    for amount in range(1, 8):
        await business.create("ada@example.com", amount)

    rows = await read_csv(business, kind="allocation")

    assert [row["amount"] for row in rows] == ["7", "6", "5", "4", "3", "2", "1"]
    assert list(rows[0]) == HEADER
    by_format = await business.client.get("/payout/history?format=csv&kind=allocation")
    assert list(csv.DictReader(io.StringIO(by_format.text))) == rows


@pytest.mark.parametrize(
    "start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1+1", "\uff1d1+1"]
)
async def test_a_spreadsheet_finds_no_formula_in_the_file(
    business: TestBusiness, start: str
) -> None:
    items = [{"email": "-ada@example.com", "amount": 1, "reference": start}]
    assert (await business.client.post("/payout/batch", json={"items": items})).status_code == 200

    [row] = await read_csv(business, kind="allocation")

    assert row["reference"] == f"'{start}"
    assert row["email"] == "'-ada@example.com"
    assert row["amount"] == "1"
