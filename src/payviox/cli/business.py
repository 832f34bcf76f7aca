"""`payviox business`: making businesses, their money, switches and rules."""

from collections.abc import Awaitable, Callable
from typing import get_args
from uuid import UUID

import click

from payviox import ids
from payviox.acts import ACTS, Alert
from payviox.approvals.service import WaitingAct
from payviox.audit import service as audit_entries
from payviox.audit.model import AuditEntry
from payviox.auth.keys import KINDS
from payviox.businesses import rules
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.cli.acting import as_person, person, say_waiting
from payviox.cli.groups import Group
from payviox.cli.output import (
    BUSINESS,
    CENTS,
    LIMIT,
    NAME,
    NOTE,
    REFERENCE,
    Id,
    NumberedId,
    as_json,
    cell,
    plain,
    print_json,
    print_pairs,
    print_table,
)
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.cli.shown import show_audit
from payviox.cli.shown_once import shown_once
from payviox.db.pool import Connection
from payviox.ledger.model import show_account
from payviox.money import dollars
from payviox.recipient_mails import brand
from payviox.reporting import ageing, business_summary
from payviox.reporting.ageing import BUCKETS, Ageing, UnclaimedRow
from payviox.reporting.business_summary import Accounts, BusinessSummary
from payviox.sites import hosts, origins
from payviox.sites.model import OwnHost
from payviox.treasury import service as treasury
from payviox.treasury.service import NewBusiness


@click.group(cls=Group)
def business() -> None:
    """Businesses, live and test: their balances, switches and rules."""


@business.command()
@click.argument("name", type=NAME)
@as_json
def create(name: str, as_json: bool) -> None:
    """Make a live and a test business called NAME, each with its keys, payouts off.

    The keys are shown this once; `payviox keys regenerate` makes new ones.
    """

    async def work(runtime: Runtime) -> tuple[NewBusiness, NewBusiness]:
        return await runtime.database.write(treasury.open_organization, name, ACTOR)

    twins = dict(zip(("live", "test"), map(_shown, run(work, may_begin=True)), strict=True))
    again = "; ".join(
        f"`payviox keys regenerate {twin['business_id']} {kind}`"
        for twin in twins.values()
        for kind in KINDS
    )
    with shown_once("the keys of the new businesses", again):
        if as_json:
            print_json({"name": name, **twins})
            return
        for mode, twin in twins.items():
            click.echo(f"{name} ({mode})")
            for field, value in twin.items():
                click.echo(f"  {field:<12} {value}")
    click.echo("Keep the keys: they are not shown again.", err=True)


def _shown(made: NewBusiness) -> dict[str, str]:
    return {
        "business_id": ids.show(ids.BUSINESS, made.business.id),
        "secret_key": made.secret_key,
        "public_key": made.public_key,
    }


@business.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List every business with its balances."""
    summaries = run(lambda runtime: runtime.database.fetch(business_summary.summaries))
    rows = [_summary(each) for each in summaries]
    if as_json:
        print_json(rows)
        return
    columns = ("business_id", "name", "mode", "payouts_enabled", "balance", "payout_balance")
    print_table(
        columns,
        [[row[column] for column in columns] for row in rows],
        "There is no business yet: `payviox business create NAME` makes one.",
    )


def _summary(summary: BusinessSummary) -> dict[str, object]:
    return {
        "business_id": ids.show(ids.BUSINESS, summary.business.id),
        "name": summary.business.name,
        "mode": summary.business.mode,
        "payouts_enabled": summary.business.payouts_enabled,
        "withdrawals_enabled": summary.business.withdrawals_enabled,
        "balance": summary.balance,
        "payout_balance": summary.payout_balance,
    }


@business.command()
@click.argument("business_id", type=BUSINESS)
@as_json
def show(business_id: UUID, as_json: bool) -> None:
    """Show one business: what every account holds, switches, rules and limits."""
    details = run(lambda runtime: runtime.database.fetch(business_summary.details, business_id))
    business = details.summary.business
    shown = {
        **_summary(details.summary),
        **{name: getattr(business, name) for name in rules.RULES},
        "created_at": business.created_at,
        "payout_users": details.payout_users,
    }
    accounts = details.accounts
    if as_json:
        print_json({**shown, "accounts": {**accounts.single, **accounts.by_rail}})
        return
    print_pairs(shown)
    click.echo("\nAccounts; together they are zero")
    print_pairs({name: dollars(cents) for name, cents in _flat(accounts).items()})


def _flat(accounts: Accounts) -> dict[str, int]:
    flat = dict(accounts.single)
    for kind, held in accounts.by_rail.items():
        flat |= {show_account(kind, rail): cents for rail, cents in held.items()} or {kind: 0}
    return flat


@business.command()
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


@business.command("enable-payouts")
@click.argument("business_id", type=BUSINESS)
def enable_payouts(business_id: UUID) -> None:
    """Switch payouts on: money can be allocated to payout users."""
    _set(business_id, {"payouts_enabled": True})
    click.echo("Payouts are enabled.")


@business.command("disable-payouts")
@click.argument("business_id", type=BUSINESS)
def disable_payouts(business_id: UUID) -> None:
    """Switch payouts off: nothing more is allocated from this moment on.

    Payout users can still withdraw what they have, and open orders go on: `disable-withdrawals`
    stops new orders, `payviox order cancel` an open one.
    """
    _set(business_id, {"payouts_enabled": False})
    click.echo("Payouts are disabled: nothing more is allocated.")
    click.echo(
        "Payout users can still withdraw what they have (`payviox business disable-withdrawals`"
        " stops that), and open orders go on.",
        err=True,
    )


@business.command("enable-withdrawals")
@click.argument("business_id", type=BUSINESS)
def enable_withdrawals(business_id: UUID) -> None:
    """Switch withdrawals on: payout users can ask for orders."""
    _set(business_id, {"withdrawals_enabled": True})
    click.echo("Withdrawals are enabled.")


@business.command("disable-withdrawals")
@click.argument("business_id", type=BUSINESS)
def disable_withdrawals(business_id: UUID) -> None:
    """Switch withdrawals off: payout users make no more orders from this moment on.

    Open orders go on, and money can still be allocated: `disable-payouts` stops that.
    """
    _set(business_id, {"withdrawals_enabled": False})
    click.echo("Withdrawals are disabled: no more orders are made.")
    click.echo(
        "Open orders go on (`payviox order cancel` stops one), and money can still be allocated"
        " (`payviox business disable-payouts` stops that).",
        err=True,
    )


@business.command("set")
@click.argument("business_id", type=BUSINESS)
@click.argument("assignments", metavar="NAME=VALUE...", nargs=-1, required=True)
@as_person
def set_(business_id: UUID, assignments: tuple[str, ...], operator: str | None) -> None:
    """Change review rules, limits and lifetimes; the value `none` clears one."""
    changes = rules.parse(assignments)
    waiting = _set(business_id, changes, operator)
    if waiting is not None:
        say_waiting(waiting)
    for name, value in changes.items():
        if waiting is not None and name in waiting.parameters:
            continue
        click.echo(f"{name} = {'none' if value in (None, []) else cell(value)}")


set_.help = f"{set_.help}\n\n\b\n" + "\n".join(
    f"{name:<23} {rule.meaning}" for name, rule in rules.RULES.items()
)


@business.command("brand")
@click.argument("business_id", type=BUSINESS)
@click.option("--notify/--no-notify", default=None, help="Tell payout users by mail, or not.")
@click.option("--name", help="The name that mails show; empty for the business's own.")
@click.option("--color", help="Such as #1f4b99, dark enough for white text; empty for this one.")
@click.option("--support-email", help="Where answers to mails go; empty for nowhere.")
@click.option("--language", help="For those who were never on their page, such as en, es or ar.")
def brand_(
    business_id: UUID,
    *,
    notify: bool | None,
    name: str | None,
    color: str | None,
    support_email: str | None,
    language: str | None,
) -> None:
    """Say whether payout users get mails, and in whose name; show what is set."""
    given = {
        "brand_name": name,
        "brand_color": color,
        "support_email": support_email,
        "language": language,
    }
    changes = brand.parse({key: text for key, text in given.items() if text is not None})
    if notify is not None:
        changes["notify"] = notify

    async def work(runtime: Runtime) -> Business:
        async def change(connection: Connection) -> Business:
            await brand.save(connection, business_id, changes, ACTOR)
            return await businesses.get(connection, business_id)

        return await runtime.database.write(change)

    kept = run(work)
    shown = brand.brand_of(kept)
    print_pairs(
        {
            "notify": kept.notify,
            "name": shown.name,
            "color": shown.color,
            "support_email": shown.support,
            "language": kept.language,
        }
    )


@business.command("expiry")
@click.argument("business_id", type=BUSINESS)
@click.option("--after", metavar="DAYS", help="Days after which it returns; `none` for never.")
@click.option("--notice", metavar="DAYS", help="Days for which that is announced before.")
@click.option("--remind", metavar="DAYS", help="Such as 7,30: when people are reminded; `none`.")
@as_person
@as_json
def expiry_(
    business_id: UUID,
    *,
    after: str | None,
    notice: str | None,
    remind: str | None,
    operator: str | None,
    as_json: bool,
) -> None:
    """Say when people are reminded of unspent money and when it returns; show what is set."""
    typed = {
        "balance_lifetime_days": after,
        "expiry_notice_days": notice,
        "reminder_days": remind,
    }
    changes = rules.parse([f"{name}={text}" for name, text in typed.items() if text is not None])
    if changes:
        _set(business_id, changes, operator)

    async def work(runtime: Runtime) -> Business:
        return await runtime.database.fetch(businesses.get, business_id)

    kept = run(work)
    shown = {name: getattr(kept, name) for name in typed}
    if as_json:
        print_json(shown)
        return
    print_pairs(shown)


@business.command("ageing")
@click.argument("business_id", type=BUSINESS)
@click.option("--age", type=click.Choice([bucket.name for bucket in BUCKETS]), help="Days.")
@click.option("--after", type=Id(ids.USER), help="Only people after this one.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def ageing_(
    business_id: UUID, *, age: str | None, after: UUID | None, limit: int, as_json: bool
) -> None:
    """Show money that payout users have not taken, by its age, and who has the oldest."""

    async def work(runtime: Runtime) -> tuple[Ageing, list[UnclaimedRow]]:
        async def read(connection: Connection) -> tuple[Ageing, list[UnclaimedRow]]:
            await businesses.get(connection, business_id)
            sums = await ageing.find(connection, business_id)
            bucket = ageing.bucket_of(age or "")
            return sums, await ageing.list_page(connection, business_id, bucket, after, limit)

        return await runtime.database.fetch(read)

    sums, people = run(work)
    rows = [
        {
            "user_id": ids.show(ids.USER, person.user_id),
            "email": person.email,
            "balance": person.balance,
            "since": person.since,
            "reminders": person.reminders,
            "last_mail": person.message,
            "mail_status": person.mail_status,
            "seen_at": person.seen_at,
            "expires_at": person.expires_at,
        }
        for person in people
    ]
    by_age = {bucket.name: cents for bucket, cents in sums.sums}
    if as_json:
        print_json({"summed_at": sums.summed_at, "by_age": by_age, "payout_users": rows})
        return
    print_pairs({f"{name} days": dollars(cents) for name, cents in by_age.items()})
    columns = ("user_id", "email", "balance", "since", "reminders", "mail_status", "expires_at")
    print_table(columns, [[row[name] for name in columns] for row in rows], "Nobody has any.")


@business.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--origin", "named", multiple=True, help="Such as https://shop.example.com.")
@click.option("--nowhere", is_flag=True, help="No site shows the page any more.")
def embed(business_id: UUID, named: tuple[str, ...], *, nowhere: bool) -> None:
    """Say which sites may show the redemption page inside their own; show which may.

    All of them are named at once: those that were named before and are not named now stop.
    """
    wanted = origins.parse(named)

    async def work(runtime: Runtime) -> list[str]:
        async def change(connection: Connection) -> list[str]:
            if wanted or nowhere:
                await origins.save(connection, business_id, wanted, ACTOR)
            return await origins.get(connection, business_id)

        return await runtime.database.write(change)

    for origin in run(work):
        click.echo(origin)


@business.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--set", "typed", help="Such as redeem.example.com; empty for the installation's.")
def host(business_id: UUID, typed: str | None) -> None:
    """Show the host of the redemption page and whether it leads here; look at it, or set it."""

    async def work(runtime: Runtime) -> OwnHost | None:
        settings, database = runtime.settings, runtime.database
        private, site = settings.allow_private_webhooks, settings.public_url
        if typed is not None:
            wanted = hosts.parse(typed, site, allow_private=private)
            await database.write(hosts.save, business_id, wanted, ACTOR)
        ask = hosts.asking(allow_private=private)
        seen = await hosts.leads_here(database, business_id, site, ask)
        if seen is not None:
            await database.write(hosts.record_check, business_id, seen, ACTOR)
        return await database.fetch(hosts.get, business_id)

    own = run(work)
    if own is not None:
        print_pairs({"host": own.host, "state": own.state})


def _set(
    business_id: UUID, changes: dict[str, object], operator: str | None = None
) -> WaitingAct | None:
    async def work(runtime: Runtime) -> WaitingAct | None:
        async def change(connection: Connection) -> WaitingAct | None:
            business = await businesses.get(connection, business_id)
            sends_mails = runtime.settings.smtp_url is not None
            rules.check_together(business, changes, sends_mails=sends_mails)
            who = await person(connection, operator)
            return await treasury.set_rules(connection, business_id, changes, who)

        return await runtime.database.write(change)

    return run(work)


@business.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@click.option(
    "--reference",
    "-r",
    type=REFERENCE,
    required=True,
    help="Names this deposit; each is booked once.",
)
@as_person
@as_json
def deposit(
    business_id: UUID, amount: int, reference: str, operator: str | None, as_json: bool
) -> None:
    """Credit AMOUNT cents to the main balance.

    Once for each reference: the same command again changes nothing, so it is safe to repeat.
    """
    made: list[treasury.Booked | WaitingAct] = []

    async def book(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(await treasury.deposit(connection, business_id, amount, reference, who))

    _say_made(_move(business_id, book, keyed=True), made, reference, as_json)


@business.command("withdraw-funds")
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@click.option(
    "--reference",
    "-r",
    type=REFERENCE,
    required=True,
    help="Names this withdrawal of funds; each is booked once.",
)
@click.option("--reason", type=NOTE, required=True, help="Why, kept beside it.")
@as_person
@as_json
def withdraw_funds(
    business_id: UUID,
    amount: int,
    *,
    reference: str,
    reason: str,
    operator: str | None,
    as_json: bool,
) -> None:
    """Take AMOUNT cents out of the main balance: a mistyped deposit, or money taken back.

    Once for each reference, like `deposit`. What was funded is moved back with `defund` first.
    """
    made: list[treasury.Booked | WaitingAct] = []

    async def book(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(
            await treasury.withdraw_funds(
                connection, business_id, amount, reference, reason=reason, actor=who
            )
        )

    _say_made(_move(business_id, book, keyed=True), made, reference, as_json)


def _say_made(
    after: treasury.Balances,
    made: list[treasury.Booked | WaitingAct],
    reference: str,
    as_json: bool,
) -> None:
    booked = [each for each in made if isinstance(each, treasury.Booked)]
    if booked:
        _say_booked(after, booked, reference, as_json)
    else:
        _say_unmoved(after, made[-1], as_json)


def _say_booked(
    after: treasury.Balances, made: list[treasury.Booked], reference: str, as_json: bool
) -> None:
    # Of several attempts of this one command, the first may have been the one that booked it.
    already_booked = all(each.already_booked for each in made)
    if as_json:
        print_json({**_both(after), "already_booked": already_booked})
        return
    if already_booked:
        at = made[-1].transfer.created_at
        click.echo(f"{reference} was booked already, at {plain(at)}. Nothing was changed.")
    _say(after)


@business.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@as_person
@as_json
def fund(business_id: UUID, amount: int, operator: str | None, as_json: bool) -> None:
    """Move AMOUNT cents from the main to the payout balance."""
    made: list[object] = []

    async def move(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(await treasury.fund(connection, business_id, amount, who))

    _say_unmoved(_move(business_id, move), made[-1], as_json)


@business.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("amount", type=CENTS)
@as_person
@as_json
def defund(business_id: UUID, amount: int, operator: str | None, as_json: bool) -> None:
    """Move AMOUNT cents from the payout back to the main balance."""
    made: list[object] = []

    async def move(connection: Connection) -> None:
        who = await person(connection, operator)
        made.append(await treasury.defund(connection, business_id, amount, who))

    _say_unmoved(_move(business_id, move), made[-1], as_json)


def _say_unmoved(after: treasury.Balances, made: object, as_json: bool) -> None:
    """The balances, and whether it waits for a second person."""
    waiting = made if isinstance(made, WaitingAct) else None
    if as_json:
        shown = {"waiting": ids.show(ids.APPROVAL, waiting.id)} if waiting else {}
        print_json({**_both(after), **shown})
        return
    if waiting is not None:
        say_waiting(waiting)
    _say(after)


def _move(
    business_id: UUID, move: Callable[[Connection], Awaitable[object]], *, keyed: bool = False
) -> treasury.Balances:
    async def work(runtime: Runtime) -> treasury.Balances:
        async def moved(connection: Connection) -> treasury.Balances:
            await businesses.get(connection, business_id)
            await move(connection)
            return await treasury.balances(connection, business_id)

        return await runtime.database.write(moved, keyed=keyed)

    return run(work)


def _both(after: treasury.Balances) -> dict[str, object]:
    return {"balance": after.balance, "payout_balance": after.payout_balance}


def _say(after: treasury.Balances) -> None:
    click.echo(f"Main balance {dollars(after.balance)}, payout balance ", nl=False)
    click.echo(f"{dollars(after.payout_balance)}.")
