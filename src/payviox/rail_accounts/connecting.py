"""Connecting an account: what its rail and its nodes say of it first, whose it is, and what the
operator should know. Rails are asked outside of any transaction; what they say are values."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from payviox.actors import Actor
from payviox.db.pool import Database
from payviox.errors import Conflict, FieldErrors
from payviox.keyring import Keyring
from payviox.rail_accounts import callbacks, owners, rules, service
from payviox.rail_accounts.model import Changes, RailAccount, RailName, Wanted
from payviox.rails.evm import chain_settings, keystores
from payviox.rails.evm import check as chain_check
from payviox.rails.evm.chains import Chain, ChainError
from payviox.rails.evm.client import NodeError
from payviox.rails.evm.keys import SignerError
from payviox.rails.protocol import Account, Connected, Finding, RailError

NODE_S = 10.0
"""How long a chain's nodes may take to be compared with its settings, in seconds."""


class NotFit(Conflict):
    """Payments could not go on by this account; `findings` say why. Nothing was saved."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("Nothing was saved. " + " ".join(map(sentence, findings)))


class Made(msgspec.Struct, frozen=True):
    """The account as it is now, whether it is new, and what the operator should know of it."""

    account: RailAccount
    new: bool
    findings: tuple[Finding, ...]


class Wallet(msgspec.Struct, frozen=True):
    """A wallet as somebody names it: a keystore's file or an external signer, and its chains as
    `NAME=RPC_URL` and in a file."""

    keystore: Path | None
    passphrase: str
    signer: str | None
    address: str | None
    rpc: Sequence[str]
    chains: Path | None


async def connect(
    database: Database,
    keyring: Keyring,
    rail: Connected,
    wanted: Wanted,
    actor: Actor,
    *,
    public_url: str,
    check: bool = True,
) -> Made:
    """Connect an account, or replace one, once its rail finds nothing that keeps payments from
    working; where it does, and `check` is asked for, nothing is saved.

    Raises NotFit, and what `service.connect` raises.
    """
    account = await database.fetch(
        service.candidate,
        keyring,
        wanted.business_id,
        wanted.rail,
        wanted.changes,
        wanted.credentials,
    )
    findings: list[Finding] = []
    if check:
        findings += [finding for finding in await rail.check(account) if finding.problem]
        if any(not finding.harmless for finding in findings):
            raise NotFit(findings)
    changes, unnamed = await _owner(rail, wanted.rail, account, wanted.changes)
    stored, new = await database.write(
        service.connect,
        keyring,
        wanted.business_id,
        wanted.rail,
        changes,
        wanted.credentials,
        actor,
    )
    all_findings = [*findings, unnamed, _address(stored), callbacks.reachable(public_url, stored)]
    return Made(stored, new, tuple(finding for finding in all_findings if finding))


async def open_wallet(wallet: Wallet) -> tuple[Changes, dict[str, str], list[Finding]]:
    """What connecting a wallet sets, its credentials, and which chains no node answered for.

    Raises FieldErrors where the keystore is another wallet's or does not open, and where a node
    contradicts what is said of its chain.
    """
    credentials: dict[str, str] = {}
    address = wallet.address
    try:
        chains = chain_settings.read(tuple(wallet.rpc), wallet.chains)
        if wallet.keystore is not None:
            credentials["passphrase"] = wallet.passphrase
            address = _address_of(wallet.keystore, wallet.passphrase, address)
        findings = await _nodes(chains.chains)
    except (ChainError, SignerError) as error:
        raise FieldErrors({"evm": [str(error)]}) from error
    settings = {
        "address": address,
        "keystore": None if wallet.keystore is None else str(wallet.keystore),
        "signer": wallet.signer,
        **chains.settings,
    }
    return Changes(settings=settings), {**credentials, **chains.credentials}, findings


def sentence(finding: Finding) -> str:
    """Write a finding on one line, such as `balance: 0.00 USD available: pay in`."""
    return f"{finding.subject}: {finding.problem or finding.detail}"


def _address_of(keystore: Path, passphrase: str, wanted: str | None) -> str:
    """The address of the wallet that the passphrase opens. Raises SignerError."""
    address = keystores.unlock(keystore, passphrase).address
    if wanted is not None and wanted.lower() != address.lower():
        raise SignerError(f"{keystore} is the keystore of {address}, not of {wanted}.")
    return address


async def _nodes(chains: Mapping[str, Chain]) -> list[Finding]:
    """Raises ChainError where a node contradicts what is said of its chain."""
    findings = []
    for name, chain in chains.items():
        try:
            async with asyncio.timeout(NODE_S):
                problems = await chain_check.contradictions(chain)
        except (NodeError, TimeoutError):
            problem = "No node answers, so nothing of it was checked."
            findings.append(Finding(name, problem, harmless=True))
        else:
            if problems:
                raise ChainError(" ".join(problems))
    return findings


async def _owner(
    rail: object, name: RailName, account: Account, changes: Changes
) -> tuple[Changes, Finding | None]:
    """The changes with whose account it is; as they are where the rail cannot say."""
    try:
        return await owners.ask(rail, name, account, changes), None
    except RailError as error:
        problem = f"Whose account it is could not be asked. {error}"
        return changes, Finding("owner", problem, harmless=True)


def _address(account: RailAccount) -> Finding | None:
    if account.environment != "live" or rules.is_vendors_own(account.rail, account.settings):
        return None
    problem = (
        f"{account.settings['base_url']} is no address of {rules.VENDORS[account.rail]}. It is"
        " given the credentials, and what it says is believed to be paid."
    )
    return Finding("base_url", problem, harmless=True)
