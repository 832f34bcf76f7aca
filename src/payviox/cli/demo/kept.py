"""The demo business from one start to the next: its keys in a file that only its owner reads, and
whatever was tried out on it made good, so that what the demo prints works. demo_seed.py makes it.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast
from uuid import UUID

import msgspec

from payviox.allocations import service as allocations
from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item
from payviox.auth import keys, operators
from payviox.auth.keys import KINDS
from payviox.auth.users import find_user
from payviox.businesses import service as businesses
from payviox.cli.demo.seed import (
    ACTOR,
    ADA,
    DEPOSIT,
    FUNDS,
    OPERATOR,
    PEOPLE,
    RULES,
    Demo,
    fill_up,
    give_password,
    make,
    webhook_changes,
)
from payviox.cli.runtime import Runtime
from payviox.db.embedded.layout import write_private
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.keyring import Keyring
from payviox.money import dollars
from payviox.payout_users import service as payout_users
from payviox.treasury import service as treasury
from payviox.webhooks import settings as webhooks

ENOUGH = 2_500
"""With less than so many cents a payout user cannot try every way to take money."""


async def demo_business(runtime: Runtime, webhook_url: str, tell: Callable[[str], object]) -> Demo:
    """The demo business of this installation: made at the first start, found at the others. Its
    webhooks go to where the receiver listens this time. `tell` is given a sentence for each thing
    that had to be renewed."""
    path = runtime.settings.home / "demo.json"
    notes: list[str] = []
    earlier = await _kept(runtime, path)
    if earlier is None:
        tell("Making a test business with money, payout users, orders and gift cards.")
        demo = await make(runtime, webhook_url)
    else:
        renewal = Renewal(runtime.keyring, earlier, webhook_url)
        demo, notes = await runtime.database.write(renewal.run)
        if await _fill_up_ada(runtime, demo):
            notes.append(f"{ADA} had taken nearly everything and was paid again.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, msgspec.json.encode(asdict(demo)).decode())
    for note in notes:
        tell(note)
    return demo


async def _fill_up_ada(runtime: Runtime, demo: Demo) -> bool:
    """Pay Ada where too little is left for the redemption page; answers whether it was."""
    [ada] = await runtime.database.fetch(
        lambda db: payout_users.list_page(db, demo.id, email=ADA, status=None, after=None, limit=1)
    )
    if ada.balance >= ENOUGH:
        return False
    batcher = Batcher(runtime.database, runtime.keyring)
    [outcome] = await batcher.submit(demo.id, [Item(ADA, PEOPLE[ADA])])
    if not isinstance(outcome, Allocated):
        raise outcome
    return True


async def _kept(runtime: Runtime, path: Path) -> Demo | None:
    """None before the first start, and where the file is not of this database."""
    try:
        demo = msgspec.json.decode(path.read_bytes(), type=Demo)  # noqa: ASYNC240  # nobody waits
        await runtime.database.fetch(businesses.get, demo.id)
    except (FileNotFoundError, msgspec.MsgspecError, ValueError, NotFound):
        return None
    return demo


class Renewal:
    """Look at all that the demo prints, and renew what works no longer."""

    def __init__(self, keyring: Keyring, demo: Demo, webhook_url: str) -> None:
        self._keyring = keyring
        self._kept = demo
        self._url = webhook_url

    async def run(self, connection: Connection) -> tuple[Demo, list[str]]:
        """The demo as it is now, and what was renewed. In one transaction; may be repeated."""
        notes: list[str] = []
        await self._rules(connection, notes)
        demo = await self._keys(connection, self._kept, notes)
        demo = await self._webhook(connection, demo, notes)
        demo = await self._password(connection, demo, notes)
        return await self._hash(connection, demo, notes), notes

    async def _rules(self, connection: Connection, notes: list[str]) -> None:
        business_id = self._kept.id
        business = await businesses.get(connection, business_id)
        changed = {name: value for name, value in RULES.items() if getattr(business, name) != value}
        if changed:
            await treasury.set_rules(connection, business_id, changed, ACTOR)
            notes.append(f"Set back for the demo: {', '.join(changed)}.")
        if await fill_up(connection, business_id):
            notes.append(
                f"The payout balance was low: {dollars(DEPOSIT)} of test money were deposited and"
                f" {dollars(FUNDS)} moved to it."
            )

    async def _keys(self, connection: Connection, demo: Demo, notes: list[str]) -> Demo:
        for kind in KINDS:
            field = f"{kind}_key"
            if await keys.is_live(connection, demo.id, getattr(demo, field)):
                continue
            made = await treasury.regenerate_key(connection, demo.id, kind, ACTOR)
            demo = replace(demo, **{field: made})
            notes.append(f"The {kind} key was changed; a new one was made for the demo.")
        return demo

    async def _password(self, connection: Connection, demo: Demo, notes: list[str]) -> Demo:
        if demo.password and await operators.is_password(connection, OPERATOR, demo.password):
            return demo
        notes.append("The operator's password was changed; a new one was made for the demo.")
        return replace(demo, password=await give_password(connection))

    async def _webhook(self, connection: Connection, demo: Demo, notes: list[str]) -> Demo:
        webhook = await webhooks.get(connection, demo.id)
        wanted = webhook_changes(self._url)
        # The receiver listens on another port each time: only another URL than its last is told.
        before = webhook_changes(demo.webhook_url or cast("str", webhook.url))
        changed = [name for name, value in before.items() if getattr(webhook, name) != value]
        if changed:
            notes.append(f"Set back for the demo: its webhook's {', '.join(changed)}.")
        _, token = await webhooks.change(
            connection, demo.id, wanted, self._keyring, ACTOR, allow_private=True
        )
        if token is None and await webhooks.is_signing(
            connection, demo.id, demo.webhook_token, self._keyring
        ):
            return replace(demo, webhook_url=self._url)
        if token is None:
            token = await webhooks.rotate(connection, demo.id, self._keyring, ACTOR, replace=True)
            await webhooks.confirm(connection, demo.id, ACTOR)
        notes.append("The webhook token was changed; a new one was made for the demo.")
        return replace(demo, webhook_url=self._url, webhook_token=token)

    async def _hash(self, connection: Connection, demo: Demo, notes: list[str]) -> Demo:
        if await find_user(connection, demo.ada) is not None:
            return demo
        [ada] = await payout_users.list_page(
            connection, demo.id, email=ADA, status=None, after=None, limit=1
        )
        if ada.status != "active":
            await allocations.set_status(connection, demo.id, ada.id, "active", ACTOR)
            notes.append(f"{ADA} was inactive and is active again.")
        current = await self._current_hash(connection, demo.id, ada.id)
        if current != demo.ada:
            notes.append(f"The hash of {ADA} was changed; the present one is printed.")
        return replace(demo, ada=current)

    async def _current_hash(self, connection: Connection, business_id: UUID, user: UUID) -> str:
        current = await allocations.current_hash(connection, self._keyring, business_id, user)
        if await find_user(connection, current) is not None:
            return current
        return await allocations.rotate_hash(connection, self._keyring, business_id, user, ACTOR)
