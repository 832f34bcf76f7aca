"""The whole examination, one part after another; a part that breaks off says so and keeps none of
the others from being looked at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from payviox.actors import Actor
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection, Database
from payviox.giftcards import holds
from payviox.keyring import Keyring
from payviox.logs import redact
from payviox.monitoring.checkup import of_database, of_settings, of_surroundings
from payviox.monitoring.checkup.finding import Finding, ok
from payviox.reporting import attention, business_summary
from payviox.settings import Settings
from payviox.withdrawals.routing import Rails

PART_S = 60.0
"""One part's time: rails' vendors answer slowly. Those of each business are a part of their own."""


async def examine(
    settings: Settings, database: Database, keyring: Keyring, rails: Rails, actor: Actor
) -> AsyncIterator[Finding]:
    """Look at everything; each finding is answered as soon as it is known."""
    home = settings.home if settings.embedded else None
    connected: list[Business] = []

    async def know_businesses() -> Sequence[Finding]:
        connected.extend(await database.fetch(businesses.list_all))
        return []

    for name, part in (
        ("settings", partial(_settings, settings, database)),
        ("database", partial(database.fetch, of_database.check)),
        ("disk", partial(_disk, settings)),
        ("backups", partial(of_surroundings.backups, database, home)),
        ("mail", partial(of_surroundings.mail, settings)),
        ("reachable", partial(of_surroundings.address, settings)),
        ("traces", partial(of_surroundings.traces, settings)),
        ("gift cards", partial(database.fetch, _held_stock)),
        ("attention", partial(database.fetch, _attention, settings)),
        ("rails", know_businesses),
    ):
        for finding in await _looked_at(name, part):
            yield finding
    given = (database, keyring, rails, actor, settings.public_url)
    for each in connected:
        name = f"rails of {each.name} ({each.mode})"
        for finding in await _looked_at(name, partial(of_surroundings.rails, each, *given)):
            yield finding


async def _looked_at(
    name: str, part: Callable[[], Awaitable[Finding | Sequence[Finding]]]
) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(PART_S):
            found = await part()
    except TimeoutError:
        return [Finding(name, "not checked", f"no answer within {PART_S:.0f} s")]
    except Exception as error:  # noqa: BLE001  # what is broken is what is looked for
        what = redact(" ".join(f"{type(error).__name__}: {error}".split()))
        return [Finding(name, "not checked", f"it broke off: {what}")]
    return [found] if isinstance(found, Finding) else found


async def _settings(settings: Settings, database: Database) -> Sequence[Finding]:
    summaries = await database.fetch(business_summary.summaries)
    has_live = any(each.business.mode == "live" and each.deposited for each in summaries)
    return list(of_settings.check(settings, has_live=has_live))


async def _disk(settings: Settings) -> Sequence[Finding]:
    if not settings.embedded:
        return []
    return [await asyncio.to_thread(of_surroundings.disk, settings.home)]


async def _held_stock(connection: Connection) -> Sequence[Finding]:
    number = await holds.count_held(connection)
    if not number:
        return []
    return [
        Finding(
            "gift cards",
            "warning",
            f"held since a restore (businesses: {number}): none leaves, and orders for them wait",
            "See `payviox database after-restore`.",
        )
    ]


async def _attention(connection: Connection, settings: Settings) -> Sequence[Finding]:
    sends_mails = settings.smtp_url is not None
    matters = await attention.matters(connection, sends_mails=sends_mails)
    if not matters:
        return [ok("attention", "nothing waits for a person")]
    causes = ", ".join(sorted({matter.cause for matter in matters}))
    return [
        Finding(
            "attention",
            "warning",
            f"{len(matters)} matters wait for a person: {causes}",
            "See `payviox attention`.",
        )
    ]
