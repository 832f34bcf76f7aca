"""Processes that pay an upload are killed by SIGKILL wherever they are: nobody is paid twice,
nobody is left out, and what the upload says is what the ledger holds."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from payviox import actors
from payviox.allocations.uploads import checking, confirming
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import Choices, Part
from payviox.db.pool import Database
from payviox.ledger.verify import verify
from support import dying_payer, warm
from support.businesses import TestBusiness
from support.databases import Urls
from support.machine import stretch
from support.uploads import csv_of, pay

pytestmark = pytest.mark.anyio

ROWS = 1_700
CENTS = sum(range(1, ROWS + 1))


async def die_at(point: str, urls: Urls, business: TestBusiness, folder: Path) -> tuple[int, str]:
    """Pay in a process that ends there; its exit status and what it said."""
    ended = await asyncio.to_thread(
        warm.run,
        [dying_payer.__file__, urls.application, str(business.business_id), point],
        environment={},
        folder=folder,
        timeout=stretch(60),
    )
    return ended.returncode, ended.stdout + ended.stderr


async def test_an_upload_whose_payers_are_killed_everywhere_pays_every_row_once(
    make_business: Any, database: Database, urls: Urls, tmp_path: Path
) -> None:
    business: TestBusiness = await make_business(funds=CENTS)
    content = csv_of(*(f"p{n}@example.com,{n / 100:.2f},r{n}" for n in range(1, ROWS + 1)))
    who = actors.command()
    upload_id = await database.write(
        checking.receive, business.business_id, "may.csv", content, who
    )
    await checking.check(database, business.business_id, upload_id, content)

    async def start(connection: Any) -> bool:
        return await confirming.start(
            connection,
            business.business_id,
            upload_id,
            choices=Choices(),
            shown=Part(ROWS, CENTS),
            due_at=None,
            actor=who,
        )

    assert await database.write(start)
    paid_so_far = 0
    for point in dying_payer.POINTS:
        status, said = await die_at(point, urls, business, tmp_path)
        assert status == -9, (point, said)
        upload = await database.fetch(uploads.get, business.business_id, upload_id)
        held = await business.scalar(
            "SELECT coalesce(sum(balance), 0)::bigint FROM accounts"
            " WHERE business_id = %s AND kind = 'user'",
            business.business_id,
        )
        assert held == upload.paid_amount, point
        assert upload.paid >= paid_so_far, point
        paid_so_far = upload.paid
        with urls.as_admin() as admin:
            admin.execute("UPDATE uploads SET lease_until = NULL")
    assert paid_so_far == ROWS
    await pay(database, business.business_id)
    upload = await database.fetch(uploads.get, business.business_id, upload_id)
    assert (upload.status, upload.paid, upload.paid_amount) == ("done", ROWS, CENTS)
    once = await business.scalar(
        "SELECT count(*) FROM upload_rows r JOIN transfers t ON t.business_id = r.business_id"
        " AND t.idempotency_key = 'upload ' || r.upload_id || ' ' || r.number"
        " AND t.amount = r.amount AND t.reference = r.reference AND r.number = t.amount + 1"
        " WHERE r.business_id = %s AND r.status = 'paid'",
        business.business_id,
    )
    transfers = await business.scalar(
        "SELECT count(*) FROM transfers WHERE business_id = %s AND kind = 'allocation'",
        business.business_id,
    )
    assert (once, transfers) == (ROWS, ROWS)
    async with database.read() as connection:
        report = await verify(connection)
    assert report.ok, report.problems
