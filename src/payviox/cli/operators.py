"""`payviox operator`: the people who run the installation."""

import sys
from uuid import UUID

import click

from payviox.auth import factors, operators
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, as_json, print_json
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.errors import FieldErrors
from payviox.payout_users.email import InvalidEmail, canonical
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
    run(lambda app: app.database.write(operators.join, address, business_id, role, ACTOR))
    if as_json:
        print_json({"email": address, "role": role})
    else:
        click.echo(f"{address} is {role} there: {ROLES[role]}.")


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
