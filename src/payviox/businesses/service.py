"""Making a business's live and test twins, its switches and rules. Database only, in the
caller's transaction; whoever changes what allocations depend on holds the payout account's lock
(treasury)."""

import secrets
from collections.abc import Mapping
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.businesses.model import (
    DEFAULT_LIVE_BANK_COOLING_HOURS,
    DEFAULT_LIVE_REVIEW_AMOUNT,
    DEFAULT_LIVE_VELOCITY_ORDERS,
    Business,
)
from payviox.businesses.queries import businesses as queries
from payviox.db.pool import Connection
from payviox.errors import NotFound, WithdrawalsDisabled

SWITCHES = ("payouts_enabled", "withdrawals_enabled", "notify")
"""Switched off by whoever may, at once."""

list_all = queries.list_all
list_of = queries.list_of
notifies = queries.notifies


async def create(connection: Connection, name: str) -> tuple[Business, Business]:
    """An organization with its live and its test business, payouts off."""
    organization_id = ids.new()
    await queries.insert_organization(connection, organization_id, name)
    made = []
    for mode, review_amount, velocity in (
        ("live", DEFAULT_LIVE_REVIEW_AMOUNT, DEFAULT_LIVE_VELOCITY_ORDERS),
        ("test", None, None),
    ):
        business_id = ids.new()
        await queries.insert_business(
            connection,
            business_id=business_id,
            organization_id=organization_id,
            mode=mode,
            name=name,
            hash_code=secrets.token_hex(4),
            review_amount=review_amount,
            review_velocity_orders=velocity,
            review_new_bank_account=mode == "live",
            bank_cooling_hours=DEFAULT_LIVE_BANK_COOLING_HOURS if mode == "live" else 0,
        )
        made.append(await get(connection, business_id))
    return made[0], made[1]


async def get(connection: Connection, business_id: UUID) -> Business:
    """Raises NotFound."""
    business = await queries.find(connection, business_id)
    if business is None:
        raise NotFound(missing=f"business {ids.show(ids.BUSINESS, business_id)}")
    return business


async def with_twin(connection: Connection, business_id: UUID) -> tuple[Business, Business]:
    """A business and the same organization's of the other mode. Raises NotFound."""
    pair = await queries.list_pair(connection, business_id)
    if not pair:
        raise NotFound(missing=f"business {ids.show(ids.BUSINESS, business_id)}")
    first, second = pair
    return (first, second) if first.id == business_id else (second, first)


async def twin_of(connection: Connection, business: Business) -> Business:
    """The same organization's business of the other mode."""
    twins = await queries.list_of(connection, [business.organization_id])
    return next(each for each in twins if each.id != business.id)


async def require_withdrawals(connection: Connection, business_id: UUID) -> Business:
    """Hold the switch of withdrawals until the transaction ends; before any account is locked.
    Answers the business. Raises WithdrawalsDisabled."""
    await queries.lock_withdrawals(connection, business_id, alone=False)
    business = await get(connection, business_id)
    if not business.withdrawals_enabled:
        raise WithdrawalsDisabled
    return business


async def set_rules(
    connection: Connection, business_id: UUID, changes: Mapping[str, object], actor: Actor
) -> None:
    """Change columns of the business and write down who did. Once withdrawals are switched off, no
    transaction that began before makes an order any more. Raises NotFound."""
    if "withdrawals_enabled" in changes:
        await queries.lock_withdrawals(connection, business_id, alone=True)
    before = await get(connection, business_id)
    await queries.update(connection, business_id, changes)
    after = await get(connection, business_id)
    await audit.record(
        connection,
        business_id,
        actor,
        "business.set",
        before={name: getattr(before, name) for name in changes},
        after={name: getattr(after, name) for name in changes},
        needs_proof=not all(name in SWITCHES and changes[name] is False for name in changes),
    )
