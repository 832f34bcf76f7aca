"""`payviox operator`: the people who run the installation."""

import sys

import click

from payviox.auth import operators
from payviox.cli.groups import Group
from payviox.cli.output import as_json, print_json
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.errors import FieldErrors
from payviox.payout_users.email import InvalidEmail, canonical


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
    try:
        address = canonical(email)
    except InvalidEmail as error:
        raise FieldErrors({"email": [error.in_full]}) from error
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


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("No terminal to ask for the password on: use --password-stdin.")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
