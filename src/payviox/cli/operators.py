"""`payviox operator`: the people who run the installation."""

import contextlib
import sys
from collections.abc import Awaitable, Callable
from uuid import UUID

import click

from payviox import ids
from payviox.access import invitations, links, members, password_resets
from payviox.actors import Actor
from payviox.auth import factors, operators
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, as_json, print_json, print_table
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.cli.shown_once import shown_once
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.rights import service as rights
from payviox.rights.roles import ROLES, Role


def _roles() -> str:
    return "; ".join(f"{role}: {meaning}" for role, meaning in ROLES.items())


@click.group(cls=Group)
def operator() -> None:
    """Operators: the people who run the installation."""


@operator.command()
@click.option("--email", required=True, help="Whom to make; also the name to sign in with.")
@click.option("--admin", is_flag=True, help="May see and change every business.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@as_json
def create(email: str, admin: bool, password_stdin: bool, as_json: bool) -> None:
    """Make an operator; the password is asked for unless --password-stdin is given."""
    address = _address(email)
    password = _password(from_stdin=password_stdin)

    async def work(runtime: Runtime) -> None:
        await runtime.database.write(
            lambda db: operators.create(db, address, password, ACTOR, is_admin=admin)
        )

    run(work)
    if as_json:
        print_json({"email": address, "admin": admin})
    else:
        click.echo(f"Operator {address} is made.")


@operator.command("set-password")
@click.option("--email", required=True, help="Whose.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@as_json
def set_password(email: str, password_stdin: bool, as_json: bool) -> None:
    """Give an operator another password; whoever is signed in with the old one is signed out."""
    address = _address(email)
    password = _password(from_stdin=password_stdin)
    run(lambda app: app.database.write(operators.set_password, address, password, ACTOR))
    if as_json:
        print_json({"email": address})
    else:
        click.echo(f"Operator {address} has another password and is signed out everywhere.")


@operator.command("remove-factors")
@click.option("--email", required=True, help="Whose.")
@as_json
def remove_factors(email: str, as_json: bool) -> None:
    """Take every second factor and passkey from an operator who lost theirs, and sign them out.

    Their password alone lets them in until they set up others.
    """
    address = _address(email)
    run(lambda app: app.database.write(factors.remove_all, address, ACTOR))
    if as_json:
        print_json({"email": address})
    else:
        click.echo(f"Operator {address} has no second factor and is signed out everywhere.")


@operator.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--email", required=True, help="Whom to let in.")
@click.option("--role", required=True, type=click.Choice(list(ROLES)), help=_roles())
@as_json
def join(business_id: UUID, email: str, role: Role, as_json: bool) -> None:
    """Let an operator into a business's organization, live and test, or change their role there."""
    address = _address(email)
    run(lambda app: app.database.write(members.join, address, business_id, role, ACTOR))
    if as_json:
        print_json({"email": address, "role": role})
    else:
        click.echo(f"{address} is {role} there: {ROLES[role]}.")


@operator.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--email", required=True, help="Who is a member no longer.")
@as_json
def leave(business_id: UUID, email: str, as_json: bool) -> None:
    """Take an operator out of a business's organization, live and test."""
    address = _address(email)

    async def work(connection: Connection) -> None:
        operator_id = await operators.require_id(connection, address)
        await members.remove(connection, business_id, operator_id, ACTOR)

    run(lambda app: app.database.write(work))
    if as_json:
        print_json({"email": address})
    else:
        click.echo(f"{address} is no member there any more.")


@operator.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--email", required=True, help="Whom to ask; who has no account makes one.")
@click.option("--role", required=True, type=click.Choice(list(ROLES)), help=_roles())
@as_json
def invite(business_id: UUID, email: str, role: Role, as_json: bool) -> None:
    """Invite somebody to a business's organization, by mail where a mail server is set.

    Else the link is printed, this once, for you to hand over. It opens for a week, and a new
    invitation stops it.
    """
    address = _address(email)

    async def work(app: Runtime) -> str | None:
        made = await app.database.write(
            lambda db: invitations.invite(
                db,
                app.keyring,
                business_id,
                address,
                role,
                ACTOR,
                by_mail=app.settings.smtp_url is not None,
            )
        )
        site = app.settings.public_url
        return made.token and links.invitation_address(site, made.token)

    link = run(work)
    again = f"`payviox operator invite` with {address}"
    with shown_once("the link", again) if link else contextlib.nullcontext():
        if as_json:
            print_json({"email": address, "role": role} | ({"link": link} if link else {}))
        else:
            click.echo(link or f"{address} is invited by mail.")


@operator.command("reset-password")
@click.option("--email", required=True, help="Whose.")
@as_json
def reset_password(email: str, as_json: bool) -> None:
    """Print a link by which an operator chooses another password, once and within an hour.

    The password stays until then. Second factors stay as they are.
    """
    address = _address(email)

    async def work(app: Runtime) -> str:
        token = await app.database.write(password_resets.make_link, app.keyring, address, ACTOR)
        return links.reset_address(app.settings.public_url, token)

    link = run(work)
    with shown_once("the link", f"`payviox operator reset-password --email {address}`"):
        print_json({"email": address, "link": link}) if as_json else click.echo(link)


@operator.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List who may sign in, with their organizations and roles."""

    async def work(connection: Connection) -> list[dict[str, object]]:
        return [
            {
                "operator_id": ids.show(ids.OPERATOR, each.id),
                "email": each.email,
                "admin": each.is_admin,
                "organizations": dict(await rights.list_roles(connection, each.id)),
                "created_at": each.created_at,
                "seen_at": each.seen_at,
                "disabled_at": each.disabled_at,
            }
            for each in await operators.list_all(connection)
        ]

    rows = run(lambda app: app.database.fetch(work))
    if as_json:
        print_json(rows)
        return
    columns = ("email", "admin", "organizations", "seen_at", "disabled_at")
    print_table(
        columns,
        [[row[column] for column in columns] for row in rows],
        "There is no operator yet: `payviox operator create --email EMAIL` makes one.",
    )


@operator.command()
@click.option("--email", required=True, help="Who is let in nowhere any more.")
@as_json
def disable(email: str, as_json: bool) -> None:
    """Let an operator in nowhere any more, and end their sessions at once.

    Their roles and what they did stay; `enable` lets them in again.
    """
    _switch(email, operators.disable, as_json, "is signed out everywhere and let in no more")


@operator.command()
@click.option("--email", required=True, help="Who is let in again.")
@as_json
def enable(email: str, as_json: bool) -> None:
    """Let an operator in again who was disabled."""
    _switch(email, operators.enable, as_json, "may sign in again")


def _switch(
    email: str,
    work: Callable[[Connection, str, Actor], Awaitable[object]],
    as_json: bool,
    done: str,
) -> None:
    address = _address(email)
    run(lambda app: app.database.write(work, address, ACTOR))
    print_json({"email": address}) if as_json else click.echo(f"{address} {done}.")


def _address(email: str) -> str:
    try:
        return canonical(email)
    except InvalidEmail as error:
        raise FieldErrors({"email": [error.in_full]}) from error


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("No terminal to ask for the password on: use --password-stdin.")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
