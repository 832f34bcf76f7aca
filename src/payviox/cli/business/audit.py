"""`payviox business audit`: who did what."""

from typing import get_args
from uuid import UUID

import click

from payviox import ids
from payviox.acts import ACTS, Alert
from payviox.audit import service as audit_entries
from payviox.audit.model import AuditEntry
from payviox.businesses import service as businesses
from payviox.cli.output import BUSINESS, LIMIT, NumberedId, as_json, print_json, print_table
from payviox.cli.runtime import Runtime, run
from payviox.cli.shown import show_audit
from payviox.db.pool import Connection


@click.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--act", metavar="NAME", help="This act or alert alone, such as order.approve.")
@click.option("--alerts", is_flag=True, help="Alerts alone.")
@click.option("--after", type=NumberedId(ids.AUDIT), help="Only entries older than this one.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def audit(
    business_id: UUID,
    *,
    act: str | None,
    alerts: bool,
    after: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List who did what to the business's money, rights, settings and secrets, and alerts.

    Newest first. Allocations and withdrawals stand in the history and at their orders.
    """
    if act is not None and act not in (*ACTS, *get_args(Alert)):
        known = ", ".join([*ACTS, *get_args(Alert)])
        raise click.BadParameter(f"there is no act {act!r}; known are {known}", param_hint="--act")

    async def work(runtime: Runtime) -> list[AuditEntry]:
        async def read(connection: Connection) -> list[AuditEntry]:
            await businesses.get(connection, business_id)
            return await audit_entries.list_page(
                connection,
                business_id,
                act=act,
                kind="alert" if alerts else None,
                after=after,
                limit=limit,
            )

        return await runtime.database.fetch(read)

    rows = [show_audit(entry) for entry in run(work)]
    if as_json:
        print_json(rows)
        return
    columns = ("audit_id", "created_at", "act", "actor", "place", "detail", "before", "after")
    print_table(columns, [[row[column] for column in columns] for row in rows], "Nothing yet.")
