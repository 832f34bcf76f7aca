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
from payviox.cli.rail.accounts import shown, wake_waiting
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.rail_accounts import owners, rules, service
from payviox.rail_accounts.model import Changes, RailAccount, RailName
from payviox.rails.evm import chain_settings, keystores
from payviox.rails.evm import check as checking
from payviox.rails.evm.chains import Chain, ChainError
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.node import NodeError
from payviox.rails.protocol import Account, Finding, RailError

Command = Callable[..., None]

SHORTEST_PASSPHRASE = 8

NODE_S = 10.0
"""How long a chain's nodes may take to be compared with its settings, in seconds."""

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
    told = f"Read from standard input: {lines}."
    return click.option("--secret-stdin", is_flag=True, help=told)


def _common(command: Command) -> Command:
    """The options that every account has."""
    for name, metavar, meaning in reversed(COMMON):
        command = click.option(name, metavar=metavar, help=meaning)(command)
    return as_json(command)


@click.group(cls=Group)
def connect() -> None:
    """Connect an account of a business, or replace its credentials.

    A test business connects a vendor's sandbox or a test chain, a live business the real thing.
    Limits, fees and settings that are not named stay as they are. PayPal and Tremendous are asked
    first, and nothing is saved where that finds fault.
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
    business_id: UUID, no_check: bool, secret_stdin: bool, as_json: bool, **given: str | None
) -> None:
    """Connect PayPal Payouts; the REST app's secret is asked for."""
    secret, *_ = _secrets(["The app's secret"], from_stdin=secret_stdin)
    changes = _changes("paypal", given)
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
    business_id: UUID, no_check: bool, secret_stdin: bool, as_json: bool, **given: str | None
) -> None:
    """Connect Tremendous; the API key is asked for and, for callbacks, the webhook's private key.

    The latter may be left empty: one that was given before stays.
    """
    key, webhook_key = _secrets(
        ["API key", "Webhook's private key (empty: as before, or none)"], from_stdin=secret_stdin
    )
    credentials = {"api_key": key, "webhook_key": webhook_key}
    changes = _changes("tremendous", given)
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
    **given: str | None,
) -> None:
    """Connect a wallet that pays on EVM chains; the keystore's passphrase is asked for.

    The wallet must be used by nothing else. RPC URLs are stored encrypted; where one holds a key,
    give it in a file.
    """
    if (keystore is None) == (signer is None):
        raise click.UsageError("Give either --keystore or --signer.")
    if signer is not None and address is None:
        raise click.UsageError("An external signer needs --address, the wallet's.")
    credentials = {}
    try:
        chains = chain_settings.read(rpc, file)
        if keystore is not None:
            [credentials["passphrase"]] = _secrets(["Passphrase"], from_stdin=secret_stdin)
            address = _opened(Path(keystore), credentials["passphrase"], address)
        asyncio.run(_ask_nodes(chains.chains))
    except (ChainError, SignerError) as error:
        raise FieldErrors({"evm": [str(error)]}) from error
    wallet = {
        "address": address,
        "keystore": keystore or rules.NONE,
        "signer": signer or rules.NONE,
    }
    named = _changes("evm", {**given, **wallet})
    changes = Changes(named.columns, {**named.settings, **chains.settings})
    secrets = {**credentials, **chains.credentials}
    _connect(business_id, "evm", changes, secrets, as_json, check=False)


async def _ask_nodes(chains: Mapping[str, Chain]) -> None:
    """Raises ChainError where a node contradicts what is said of its chain; one that cannot be
    asked is told."""
    for name, chain in chains.items():
        try:
            async with asyncio.timeout(NODE_S):
                problems = await checking.contradictions(chain)
        except (NodeError, TimeoutError):
            click.echo(f"{name}: no node answers, so nothing of it was checked.", err=True)
        else:
            if problems:
                raise ChainError(" ".join(problems))


def _opened(keystore: Path, passphrase: str, wanted: str | None) -> str:
    """The address of the wallet that the passphrase opens. Raises SignerError."""
    address = keystores.unlock(keystore, passphrase).address
    if wanted is not None and wanted.lower() != address.lower():
        raise SignerError(f"{keystore} is the keystore of {address}, not of {wanted}.")
    return address


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


def _changes(rail: RailName, given: Mapping[str, str | None]) -> Changes:
    """What the options that were given set. Raises FieldErrors."""
    named = [f"{name}={text}" for name, text in given.items() if text is not None]
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
    async def work(runtime: Runtime) -> tuple[dict[str, Any], bool]:
        account = await runtime.database.fetch(
            service.candidate, runtime.keyring, business_id, rail, changes, credentials
        )
        async with runtime.rails() as rails:
            at = rails.connected(rail)
            if check:
                _refuse(await at.check(account))
            asked = await _with_owner(at, rail, account, changes)

        async def write(connection: Connection) -> tuple[RailAccount, bool]:
            made = await service.connect(
                connection, runtime.keyring, business_id, rail, asked, credentials, ACTOR
            )
            await wake_waiting(connection, business_id)
            return made

        stored, new = await runtime.database.write(write)
        return shown(runtime, stored), new

    now, new = run(work)
    _warn_of_address(rail, now)
    if as_json:
        print_json({**now, "new": new})
        return
    print_pairs(now)
    business = ids.show(ids.BUSINESS, business_id)
    if "callback_url" in now:
        click.echo(f"Register the callback_url at {rail}, so that it tells what happens.", err=True)
    click.echo(f"`payviox rail check {business} {rail}` says whether it works.", err=True)


def _refuse(findings: Sequence[Finding]) -> None:
    """Raises Conflict where payments could not go on. What is harmless is told."""
    told = [f"{found.subject}: {found.problem}" for found in findings if found.problem]
    if any(found.problem and not found.harmless for found in findings):
        raise Conflict(f"Nothing was saved (--no-check saves it all the same). {' '.join(told)}")
    for line in told:
        click.echo(f"Warning: {line}", err=True)


def _warn_of_address(rail: RailName, now: Mapping[str, Any]) -> None:
    if now["environment"] == "live" and not rules.is_vendors_own(rail, now["settings"]):
        click.echo(
            f"Warning: {now['settings']['base_url']} is no address of {rules.VENDORS[rail]}. It is"
            " given the credentials, and what it says is believed to be paid.",
            err=True,
        )


async def _with_owner(at: object, rail: RailName, account: Account, changes: Changes) -> Changes:
    """The changes with whose account it is; as they are, and said so, where the rail cannot say."""
    try:
        return await owners.ask(at, rail, account, changes)
    except RailError as error:
        click.echo(f"Whose account it is could not be asked. {error}", err=True)
        return changes
