"""Saving destinations and letting a balance go out by itself, as a payout user wishes. Each change
is written down and mailed to the address on file. Database only; amounts are US cents."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.acts import Act
from payviox.audit import service as audit
from payviox.auth.users import UserCaller
from payviox.db.pool import Connection
from payviox.destinations.model import SavedDestination
from payviox.destinations.queries import destinations as queries
from payviox.errors import Conflict, NotFound
from payviox.mails import outbox
from payviox.mails.model import NewMail
from payviox.money import dollars
from payviox.rails.orders import BANK_DESTINATION, Provider
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals import whereabouts

MOST = 10
"""Destinations that one payout user may save."""
ASKED: Mapping[Provider, tuple[str, ...]] = {
    "paypal": ("email",),
    "crypto": ("currency", "chain", "to_address"),
    "bank": BANK_DESTINATION,
}
"""What of an order's destination was asked for; the rest is its rail's."""

list_saved = queries.list_saved
find_automatic = queries.find_automatic


class TooManyDestinations(Conflict):
    message = "No more destinations can be saved. Remove one first."


async def get(connection: Connection, caller: UserCaller, destination_id: UUID) -> SavedDestination:
    """A destination of the payout user's own. Raises NotFound."""
    saved = await queries.find_saved(connection, caller.business_id, caller.user_id, destination_id)
    if saved is None:
        raise NotFound
    return saved


async def save(connection: Connection, caller: UserCaller, order_id: UUID) -> None:
    """Keep where this order of the payout user's went: a rail has accepted it. Raises NotFound,
    also for what cannot be used again, and TooManyDestinations."""
    order = await withdrawals.get(connection, caller.business_id, order_id, user_id=caller.user_id)
    if order.provider not in ASKED:
        raise NotFound
    destination = {name: order.destination[name] for name in ASKED[order.provider]}
    saved = await queries.list_saved(connection, caller.business_id, caller.user_id)
    if any(each.destination == destination for each in saved):
        return
    if len(saved) >= MOST:
        raise TooManyDestinations
    destination_id = ids.new()
    if await queries.insert_saved(
        connection,
        caller.business_id,
        destination_id,
        caller.user_id,
        order.provider,
        destination,
    ):
        place = _place(order.provider, destination)
        await _tell(connection, caller, "payout_user.save_destination", "saved", place)


async def remove(connection: Connection, caller: UserCaller, destination_id: UUID) -> None:
    """Forget a destination, and what goes there by itself. Raises NotFound."""
    saved = await get(connection, caller, destination_id)
    at = (caller.business_id, caller.user_id, destination_id)
    await queries.delete_automatic(connection, *at)
    if not await queries.remove_saved(connection, *at):
        raise NotFound
    place = _place(saved.provider, saved.destination)
    await _tell(connection, caller, "payout_user.remove_destination", "removed", place)


async def set_automatic(
    connection: Connection, caller: UserCaller, destination_id: UUID, above: int
) -> None:
    """Let the balance go to this destination by itself whenever it is so much. Raises NotFound."""
    saved = await get(connection, caller, destination_id)
    await queries.set_automatic(
        connection, caller.business_id, caller.user_id, destination_id, above
    )
    place = _place(saved.provider, saved.destination)
    await _tell(connection, caller, "payout_user.set_automatic", "automatic", place, above)


async def switch_off(connection: Connection, caller: UserCaller) -> None:
    """Let nothing go out by itself any more."""
    if await queries.delete_automatic(connection, caller.business_id, caller.user_id):
        await _tell(connection, caller, "payout_user.set_automatic", "off")


async def _tell(
    connection: Connection,
    caller: UserCaller,
    act: Act,
    change: str,
    place: str = "",
    above: int | None = None,
) -> None:
    shown = ids.show(ids.USER, caller.user_id)
    detail: dict[str, Any] = {"payout_user": shown, "change": change, "destination": place}
    if above is not None:
        detail["amount"] = above
    await audit.record(connection, caller.business_id, caller.actor, act, detail)
    facts = {
        "user": shown,
        "place": place,
        "is_removed": change == "removed",
        "is_automatic": change == "automatic",
        "is_off": change == "off",
        "above": "" if above is None else dollars(above),
    }
    mail = NewMail(f"destinations {ids.new()}", caller.email, "destination_changed", facts)
    await outbox.put_all(connection, caller.business_id, [mail])


def _place(provider: Provider, destination: Mapping[str, Any]) -> str:
    return whereabouts.masked(provider, destination)
