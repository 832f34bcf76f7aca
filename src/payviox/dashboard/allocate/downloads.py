"""`…/allocate/<upl_id>/problems.…` and `results.…`: an upload's rows as they were in the file, in
the kind of file that they came in, each with what became of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from litestar import Response, get

from payviox import ids
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import UploadRow
from payviox.dashboard.allocate.show import UPLOAD, find_upload
from payviox.dashboard.visits import read
from payviox.money import decimal
from payviox.web import sheets
from payviox.web.context import Call

PAGE = 1_000
RESULTS = {
    "bad": "cannot be paid",
    "ready": "not paid",
    "left_out": "left out",
    "paid": "paid",
    "refused": "refused",
}
Fetch = Callable[[int], Awaitable[list[UploadRow]]]
"""Reads the rows after the one with this number."""


@get([f"{UPLOAD}/problems.csv", f"{UPLOAD}/problems.xlsx"], include_in_schema=False)
async def download_problems(request: Call) -> Response[Any]:
    """The rows that cannot be paid, each with why."""
    visit, upload = await find_upload(request)

    async def fetch(after: int) -> list[UploadRow]:
        return await read(
            request,
            visit,
            lambda connection: uploads.list_rows(
                connection, visit.business.id, upload.id, bad=True, after=after, limit=PAGE
            ),
        )

    def problem(row: UploadRow) -> list[object]:
        return [row.number, row.problem]

    header = [*upload.header, "Row", "Problem"]
    return _file(request, header, _rows(fetch, len(upload.header), problem))


@get([f"{UPLOAD}/results.csv", f"{UPLOAD}/results.xlsx"], include_in_schema=False)
async def download_results(request: Call) -> Response[Any]:
    """Every row, with its transfer where it was paid."""
    visit, upload = await find_upload(request)

    async def fetch(after: int) -> list[UploadRow]:
        return await read(
            request, visit, uploads.list_results, visit.business.id, upload.id, after, PAGE
        )

    def result(row: UploadRow) -> list[object]:
        paid = row.amount if row.transfer_id is not None else None
        return [
            row.number,
            RESULTS[row.status],
            row.problem,
            None if paid is None else Decimal(decimal(paid)),
            None if row.user_id is None else ids.show(ids.USER, row.user_id),
            None if paid is None else ids.show(ids.TRANSFER, str(row.transfer_id)),
            upload.digest,
        ]

    more = ["Row", "Result", "Why", "Allocated", "Payout user", "Transfer", "File SHA-256"]
    return _file(request, [*upload.header, *more], _rows(fetch, len(upload.header), result))


async def _rows(
    fetch: Fetch, width: int, more: Callable[[UploadRow], list[object]]
) -> AsyncIterator[Sequence[Sequence[object]]]:
    """Rows as they came with something beside each, read a page at a time."""
    after = 0
    while True:
        rows = await fetch(after)
        yield [[*row.cells[:width], *[None] * (width - len(row.cells)), *more(row)] for row in rows]
        if len(rows) < PAGE:
            return
        after = rows[-1].number


def _file(request: Call, header: Sequence[str], rows: sheets.Rows) -> Response[Any]:
    return sheets.answer(str(request.scope["path"]).rpartition("/")[2], header, rows)


ROUTES = [download_problems, download_results]
