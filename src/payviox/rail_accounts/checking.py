"""Asking rails about a business's accounts: whether each works, what it holds, what it sells. No
transaction is open meanwhile."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from payviox.actors import Actor
from payviox.businesses import service as businesses
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, SettingsError
from payviox.keyring import DecryptionFailed, Keyring
from payviox.rail_accounts import callbacks, owners, service
from payviox.rail_accounts.directory import opened
from payviox.rail_accounts.model import RailAccount
from payviox.rails.protocol import Connected, Finding, Holding, KeepsCatalogue, Rail, RailError

MANY_ORDERS = "review_velocity_orders"


class Checked(msgspec.Struct, frozen=True):
    """What a check found of one account."""

    account: RailAccount
    findings: tuple[Finding, ...]

    @property
    def works(self) -> bool:
        """Whether nothing keeps payments from working."""
        return all(finding.problem is None or finding.harmless for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Held:
    """What one account still holds, or why that is not known."""

    account: RailAccount
    holdings: tuple[Holding, ...] = ()
    problem: str | None = None


async def accounts_of(
    database: Database, business_id: UUID, name: str | None = None
) -> list[RailAccount]:
    """The business's accounts, or the one named. Raises NotFound."""

    async def read(connection: Connection) -> list[RailAccount]:
        await businesses.get(connection, business_id)
        if name is not None:
            return [await service.get(connection, business_id, name)]
        return await service.list_all(connection, business_id)

    return await database.fetch(read)


async def check(
    database: Database,
    keyring: Keyring,
    connected: Callable[[str], Connected],
    accounts: Sequence[RailAccount],
    actor: Actor,
    *,
    public_url: str,
    changes_nothing: bool = False,
) -> list[Checked]:
    """Call something harmless with each account's credentials. Whose account it is is kept where
    that could not be asked when it was connected, unless the check `changes_nothing`."""
    checked = []
    for stored in accounts:
        try:
            account = opened(stored, keyring)
        except (DecryptionFailed, SettingsError) as error:
            problem = f"{error} Connect the account again."
            checked.append(Checked(stored, (Finding("credentials", problem),)))
            continue
        findings = [] if account.enabled else [Finding("switch", detail="The account is disabled.")]
        rail = connected(stored.rail)
        findings += await rail.check(account)
        if not changes_nothing:
            await owners.learn(database, rail, stored, account, actor)
        if (unreachable := callbacks.reachable(public_url, stored)) is not None:
            findings.append(unreachable)
        findings += await database.fetch(_unbounded, stored)
        checked.append(Checked(stored, tuple(findings)))
    return checked


async def _unbounded(connection: Connection, account: RailAccount) -> list[Finding]:
    """Where the business pays the network's fees, how often one payout user may cause them."""
    if account.rail != "evm" or account.fee_payer != "sender":
        return []
    business = await businesses.get(connection, account.business_id)
    if business.review_velocity_orders is not None or business.review_velocity_amount is not None:
        return []
    problem = (
        "The business pays the network's fees, and one payout user may cause any number of them:"
        f" set the review rule {MANY_ORDERS} to 20, or let the recipient bear the fee."
    )
    return [Finding("velocity", problem, harmless=True)]


async def read_float(rail: Callable[[str], Rail], accounts: Sequence[RailAccount]) -> list[Held]:
    """What the accounts still hold; a rail that cannot say so leaves its reason."""
    held = []
    for account in accounts:
        try:
            holdings = await rail(account.rail).read_float(account.business_id)
        except RailError as error:
            held.append(Held(account, problem=str(error)))
        else:
            held.append(Held(account, tuple(holdings)))
    return held


async def refresh_products(rail: Any, account: RailAccount) -> int:
    """Fetch the catalogue of an account's rail anew; answers how many products are offered. Raises
    Conflict where the rail keeps none or cannot be asked; then the old one stays."""
    if not isinstance(rail, KeepsCatalogue):
        raise Conflict(f"{account.rail} sells nothing that is kept here.")
    try:
        return await rail.refresh(account.business_id)
    except RailError as error:
        raise Conflict(str(error)) from error
