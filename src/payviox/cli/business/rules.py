"""`payviox business set`; and how a business's columns are changed."""

from uuid import UUID

import click

from payviox.approvals.service import WaitingAct
from payviox.businesses import rules
from payviox.businesses import service as businesses
from payviox.cli.acting import as_person, person, say_waiting
from payviox.cli.output import BUSINESS, cell
from payviox.cli.runtime import Runtime, run
from payviox.db.pool import Connection
from payviox.treasury import service as treasury


@click.command("set")
@click.argument("business_id", type=BUSINESS)
@click.argument("assignments", metavar="NAME=VALUE...", nargs=-1, required=True)
@as_person
def set_(business_id: UUID, assignments: tuple[str, ...], operator: str | None) -> None:
    """Change review rules, limits and lifetimes; the value `none` clears one."""
    changes = rules.parse(assignments)
    waiting = set_rules(business_id, changes, operator)
    if waiting is not None:
        say_waiting(waiting)
    for name, value in changes.items():
        if waiting is not None and name in waiting.parameters:
            continue
        click.echo(f"{name} = {'none' if value in (None, []) else cell(value)}")


set_.help = f"{set_.help}\n\n\b\n" + "\n".join(
    f"{name:<23} {rule.meaning}" for name, rule in rules.RULES.items()
)


def set_rules(
    business_id: UUID, changes: dict[str, object], operator: str | None = None
) -> WaitingAct | None:
    """Change these columns; answer what waits for a second person. Raises FieldErrors, NotFound."""

    async def work(runtime: Runtime) -> WaitingAct | None:
        async def change(connection: Connection) -> WaitingAct | None:
            business = await businesses.get(connection, business_id)
            sends_mails = runtime.settings.smtp_url is not None
            rules.check_together(business, changes, sends_mails=sends_mails)
            who = await person(connection, operator)
            return await treasury.set_rules(connection, business_id, changes, who)

        return await runtime.database.write(change)

    return run(work)
