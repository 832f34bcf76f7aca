"""`payviox rail connect`: connecting an account, or replacing one; and making a wallet. Secrets are
asked for or read from standard input: arguments can be seen by other users of the machine."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from payviox import ids
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, as_json, print_json, print_pairs
from payviox.cli.rail.accounts import shown, warn
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.errors import Conflict, FieldErrors
from payviox.rail_accounts import connecting, rules
from payviox.rail_accounts.connecting import Made, NotFit, Wallet
from payviox.rail_accounts.model import Changes, RailName, Wanted
from payviox.rails.evm import keystores
from payviox.rails.evm.keys import SignerError

Command = Callable[..., None]

SHORTEST_PASSPHRASE = 8

COMMON = (
    ("--min-amount", "CENTS", "Least of one withdrawal there."),
    ("--max-amount", "CENTS", "Most of one withdrawal there."),
    ("--low-float", "CENTS", "Warn when the account holds less."),
    ("--fee-payer", "sender|recipient", "Who bears the fee; the sender unless said."),
    ("--fee-percentage", "PERCENT", "Of the amount, such as 2.5."),
    ("--fee-fixed", "CENTS", "Added to the percentage."),
    ("--fee-cap", "CENTS", "Most of one fee."),
)

no_check = click.option(
    "--no-check", is_flag=True, help="Save the account also where the rail's check finds fault."
)
base_url = click.option("--base-url", help="Where the API is, if not at the vendor's own address.")


def secret_stdin(lines: str) -> Callable[[Command], Command]:
    """The option for scripts; `lines` says what standard input holds, in which order."""
    help_text = f"Read from standard input: {lines}."
    return click.option("--secret-stdin", is_flag=True, help=help_text)


def _common(command: Command) -> Command:
    """The options that every account has."""
    for name, metavar, meaning in reversed(COMMON):
        command = click.option(name, metavar=metavar, help=meaning)(command)
    return as_json(command)


@click.group(cls=Group)
def connect() -> None:
    """Connect an account of a business, or replace its credentials.

    A test business connects a vendor's sandbox or a test chain, a live business the real thing.
    Limits, fees and settings that are not named stay as they are. Rails are asked first, and
    nothing is saved where that finds fault.
    """


@connect.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--client-id", required=True, help="The REST app's client id.")
@click.option("--webhook-id", help="The webhook's id, by which callbacks are verified.")
@base_url
@no_check
@secret_stdin("one line, the app's secret")
@_common
def paypal(
    business_id: UUID, no_check: bool, secret_stdin: bool, as_json: bool, **options: str | None
) -> None:
    """Connect PayPal Payouts; the REST app's secret is asked for."""
    secret, *_ = _secrets(["The app's secret"], from_stdin=secret_stdin)
    changes = _changes("paypal", options)
    credentials = {"client_secret": secret}
    _connect(business_id, "paypal", changes, credentials, as_json, check=not no_check)


@connect.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--funding-source", "funding_source_id", required=True, help="What pays; its id.")
@click.option("--campaign", "campaign_id", help="The campaign that dresses the rewards; its id.")
@base_url
@no_check
@secret_stdin("first the API key, then the webhook's private key, a line each")
@_common
def tremendous(
    business_id: UUID, no_check: bool, secret_stdin: bool, as_json: bool, **options: str | None
) -> None:
    """Connect Tremendous; the API key is asked for and, for callbacks, the webhook's private key.

    The latter may be left empty: one that was given before stays.
    """
    key, webhook_key = _secrets(
        ["API key", "Webhook's private key (empty: as before, or none)"], from_stdin=secret_stdin
    )
    credentials = {"api_key": key, "webhook_key": webhook_key}
    changes = _changes("tremendous", options)
    _connect(business_id, "tremendous", changes, credentials, as_json, check=not no_check)


@connect.command()
@click.argument("business_id", type=BUSINESS)
@click.option(
    "--keystore",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help="The wallet's keystore file; every worker needs it at this path.",
)
@click.option("--signer", help="URL of an external signer, in place of a keystore.")
@click.option("--address", help="The wallet's address; a keystore says its own.")
@click.option(
    "--chain",
    "rpc",
    metavar="NAME=RPC_URL",
    multiple=True,
    help="A chain and a node of it; a name given again adds another node.",
)
@click.option(
    "--chains",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML or JSON file of chains, for those that are not known by name.",
)
@secret_stdin("one line, the keystore's passphrase")
@_common
def evm(
    business_id: UUID,
    keystore: str | None,
    signer: str | None,
    address: str | None,
    rpc: tuple[str, ...],
    file: Path | None,
    secret_stdin: bool,
    as_json: bool,
    **options: str | None,
) -> None:
    """Connect a wallet that pays on EVM chains; the keystore's passphrase is asked for.

    The wallet must be used by nothing else. RPC URLs are stored encrypted; where one holds a key,
    give it in a file.
    """
    if (keystore is None) == (signer is None):
        raise click.UsageError("Give either --keystore or --signer.")
    if signer is not None and address is None:
        raise click.UsageError("An external signer needs --address, the wallet's.")
    passphrase = ""
    if keystore is not None:
        [passphrase] = _secrets(["Passphrase"], from_stdin=secret_stdin)
    path = None if keystore is None else Path(keystore)
    wallet = Wallet(path, passphrase, signer, address, rpc, file)
    changes, credentials, findings = asyncio.run(connecting.open_wallet(wallet))
    warn(findings)
    named = _changes("evm", options)
    both = Changes(named.columns, {**named.settings, **changes.settings})
    _connect(business_id, "evm", both, credentials, as_json, check=False)


@connect.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE…")
@no_check
@secret_stdin("first the SFTP user's private key in one line with \\n, or none, then a password")
@_common
def bank(
    business_id: UUID,
    assignments: tuple[str, ...],
    no_check: bool,
    secret_stdin: bool,
    as_json: bool,
    **options: str | None,
) -> None:
    """Connect a bank account that pays by files, by NAME=VALUE for each of its settings.

    For SEPA: schemes=sepa name=… iban=…; for ACH: schemes=ach name=… company_id=… and
    originating_dfi=…. How files get to the bank: release=download, folder or sftp. docs/bank.md
    has every setting.
    """
    given = rules.parse("bank", assignments, connecting=True)
    named = _changes("bank", options)
    changes = Changes(named.columns, given.settings)
    credentials: dict[str, str] = {}
    if changes.settings.get("release") == "sftp":
        key, password = _secrets(
            ["Private key (empty: as before, or none)", "Password (empty: as before, or none)"],
            from_stdin=secret_stdin,
        )
        credentials = {"sftp_key": key.replace("\\n", "\n"), "sftp_password": password}
    _connect(business_id, "bank", changes, credentials, as_json, check=not no_check)


@click.group("keystore", cls=Group)
def keystore_group() -> None:
    """Keystore files, which hold a wallet's key."""


@keystore_group.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@secret_stdin("one line, the new passphrase")
@as_json
def create(file: Path, secret_stdin: bool, as_json: bool) -> None:
    """Make a new wallet and keep its key in FILE, encrypted with a passphrase.

    Keep a copy of both away from this machine: without them what the wallet holds is lost.
    """
    [passphrase] = _secrets(["New passphrase"], from_stdin=secret_stdin, new=True)
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise FieldErrors(
            {"passphrase": [f"The passphrase must have {SHORTEST_PASSPHRASE} characters or more."]}
        )
    try:
        address = keystores.create(file, passphrase)
    except SignerError as error:
        raise FieldErrors({"keystore": [str(error)]}) from error
    print_json({"address": address}) if as_json else click.echo(address)


def _changes(rail: RailName, options: Mapping[str, str | None]) -> Changes:
    """What the options that were given set. Raises FieldErrors."""
    named = [f"{name}={text}" for name, text in options.items() if text is not None]
    return rules.parse(rail, named, connecting=True)


def _secrets(labels: Sequence[str], *, from_stdin: bool, new: bool = False) -> list[str]:
    """A secret for each label; on standard input a line each, of which the last may be missing."""
    if from_stdin:
        return [sys.stdin.readline().strip("\r\n") for _ in labels]
    if not sys.stdin.isatty():
        raise click.UsageError("No terminal to ask for the secret on: use --secret-stdin.")
    return [
        click.prompt(
            label, hide_input=True, confirmation_prompt=new, default="", show_default=False
        )
        for label in labels
    ]


def _connect(
    business_id: UUID,
    rail: RailName,
    changes: Changes,
    credentials: Mapping[str, str],
    as_json: bool,
    *,
    check: bool,
) -> None:
    wanted = Wanted(business_id, rail, changes, credentials)

    async def work(runtime: Runtime) -> tuple[dict[str, Any], Made]:
        async with runtime.rails() as rails:
            made = await connecting.connect(
                runtime.database,
                runtime.keyring,
                rails.connected(rail),
                wanted,
                ACTOR,
                public_url=runtime.settings.public_url,
                check=check,
            )
        return shown(runtime, made.account), made

    try:
        account, made = run(work)
    except NotFit as error:
        problems = " ".join(map(connecting.sentence, error.findings))
        message = f"Nothing was saved (--no-check saves it all the same). {problems}"
        raise Conflict(message) from error
    warn(made.findings)
    if as_json:
        print_json({**account, "new": made.new})
        return
    print_pairs(account)
    business = ids.show(ids.BUSINESS, business_id)
    if "callback_url" in account:
        click.echo(f"Register the callback_url at {rail}, so that it tells what happens.", err=True)
    click.echo(f"`payviox rail check {business} {rail}` says whether it works.", err=True)
