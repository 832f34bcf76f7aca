"""`payviox order list`."""

from typing import cast, get_args
from uuid import UUID

import click

from payviox.businesses import service as businesses
from payviox.cli.order.shown import recipient, shown
from payviox.cli.output import BUSINESS, LIMIT, ORDER, USER, age, as_json, print_json, print_table
from payviox.cli.runtime import Runtime, run
from payviox.db.pool import Connection
from payviox.order_states import Status
from payviox.rails.orders import Provider
from payviox.withdrawals import listing
from payviox.withdrawals.model import Order

LISTED = "order_id status waiting age provider rail amount email created_at"
IN_REVIEW = "order_id review_reasons age amount to email provider rail created_at"
"""What is listed of orders on a screen, and of those that somebody has to decide on."""


@click.command("list")
@click.argument("business_id", type=BUSINESS)
@click.option("--status", type=click.Choice(get_args(Status)))
@click.option("--provider", type=click.Choice(get_args(Provider)))
@click.option("--user", "user_id", type=USER, help="Of this payout user alone.")
@click.option("--waiting", metavar="CAUSE", help="Waiting for this alone, such as person.")
@click.option("--after", type=ORDER, help="Only orders older than this one.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def list_(
    business_id: UUID,
    *,
    status: str | None,
    provider: str | None,
    user_id: UUID | None,
    waiting: str | None,
    after: UUID | None,
    limit: int,
    as_json: bool,
) -> None:
    """List a business's orders, newest first, with what each waits for."""

    async def work(runtime: Runtime) -> list[Order]:
        async def read(connection: Connection) -> list[Order]:
            await businesses.get(connection, business_id)
            return await listing.list_page(
                connection,
                business_id,
                user_id=user_id,
                status=status,
                provider=cast("Provider | None", provider),
                waiting=waiting,
                after=after,
                limit=limit,
            )

        return await runtime.database.fetch(read)

    orders = run(work)
    rows = [shown(each) | {"age": age(each.created_at)} for each in orders]
    if as_json:
        print_json(rows)
        return
    for row, each in zip(rows, orders, strict=True):
        row["to"] = recipient(each)
    columns = (IN_REVIEW if status == "review" else LISTED).split()
    nothing = "No orders." if rows or waiting is None else nobody_waits(business_id, waiting)
    print_table(columns, [[row[column] for column in columns] for row in rows], nothing)


def nobody_waits(business_id: UUID, waiting: str) -> str:
    """A sentence on a cause that no order waits for, with those that some do."""

    async def work(runtime: Runtime) -> list[str]:
        return await runtime.database.fetch(listing.waiting_causes, business_id)

    causes = run(work)
    known = f"orders wait for: {', '.join(causes)}" if causes else "no order waits for anything"
    return f"No order waits for {waiting!r}; {known}."
