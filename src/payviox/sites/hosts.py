"""A host of a business's own for its redemption page. That it leads here is seen by asking it for
what only this installation can answer there; only then links name it, and one business alone."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit
from uuid import UUID

from payviox.actors import WORKER, Actor
from payviox.audit import service as audit
from payviox.businesses import service as businesses
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, FieldErrors
from payviox.sites.model import OwnHost
from payviox.sites.queries import hosts as queries
from payviox.webhooks import sender
from payviox.webhooks.targets import TargetError, parse_target

PATH = "/.well-known/payviox/"
WITHIN_S = 10.0
"""A host that is asked has so long to answer."""
EXAMPLE = "such as redeem.example.com"
NO_HTTPS = (
    "A host of its own needs https, and this installation's address (PAYVIOX_PUBLIC_URL) begins"
    " with http."
)

Ask = Callable[[str], Awaitable[str | None]]
"""What an address answers with 200; None for everything else."""

get = queries.find
find_owner = queries.find_owner


class NotSeen(Conflict):
    message = "The host does not lead here yet."


def asking(*, allow_private: bool) -> Ask:
    """Asks as webhooks are sent: to public addresses alone, following nothing. `allow_private` is
    the operator's switch for development."""

    async def ask(url: str) -> str | None:
        try:
            target = parse_target(url, allow_private=allow_private)
        except TargetError:
            return None
        answer = await sender.post(target, b"", {}, timeout_s=WITHIN_S)
        return answer.body if answer.status == 200 else None

    return ask


def parse(text: str, site: str, *, allow_private: bool) -> str | None:
    """A typed host as browsers send it; None for nothing. Raises FieldErrors."""
    name = text.strip().rstrip("/").removeprefix("https://").removeprefix("http://")
    if not name:
        return None
    if _scheme(site) != "https" and not allow_private:
        raise FieldErrors({"host": [NO_HTTPS]})
    try:
        target = parse_target(f"{_scheme(site)}://{name}", allow_private=allow_private)
    except TargetError as error:
        raise FieldErrors({"host": [f"Type the name of a host, {EXAMPLE}."]}) from error
    is_name = any(character.isalpha() for character in target.host.rpartition(".")[2])
    if target.path != "/" or "." not in target.host or not is_name:
        raise FieldErrors({"host": [f"Type the name of a host alone, {EXAMPLE}."]})
    if target.host == urlsplit(site).hostname:
        raise FieldErrors({"host": ["This is the installation's own host."]})
    return target.authority


async def save(connection: Connection, business_id: UUID, host: str | None, actor: Actor) -> None:
    """Let the page live on this host, once it was seen to lead here; None leaves the
    installation's own. Raises NotFound and Forbidden."""
    await businesses.get(connection, business_id)
    current = await queries.find(connection, business_id)
    before = None if current is None else current.host
    if before == host:
        return
    token = None if host is None else secrets.token_urlsafe(24)
    await queries.set_host(connection, business_id, host, token)
    await audit.record(
        connection,
        business_id,
        actor,
        "site.set_host",
        before={"host": before},
        after={"host": host},
    )


async def leads_here(database: Database, business_id: UUID, site: str, ask: Ask) -> OwnHost | None:
    """A business's host where it is seen to lead here. In no transaction."""
    own = await database.fetch(queries.find, business_id)
    return own if own is not None and await _leads_here(own, site, ask) else None


async def record_check(
    connection: Connection, business_id: UUID, seen: OwnHost | None, actor: Actor
) -> None:
    """Write down that somebody looked and saw the host lead here. Raises NotSeen where it does not
    or is another's, and Forbidden."""
    if seen is None or seen.business_id != business_id:
        raise NotSeen
    if seen.state != "verified":
        await mark_seen(connection, seen, actor)


async def check_all(database: Database, site: str, ask: Ask) -> None:
    """Look at every business's host. One that leads elsewhere is named in no new link; one that
    leads here at last, or again, is."""
    for own in await database.fetch(queries.list_all):
        if not await _leads_here(own, site, ask):
            await database.write(_mark_lost, own)
        elif own.state != "verified":
            await database.write(_mark_seen_again, own)


async def mark_seen(connection: Connection, own: OwnHost, actor: Actor) -> None:
    """The host leads here: it is this business's from now on. Raises NotSeen where it is
    another's, or was changed meanwhile."""
    if not await queries.mark_seen(connection, own):
        raise NotSeen
    about = {"host": own.host}
    await audit.record(connection, own.business_id, actor, "site.verify_host", about)


async def answer(connection: Connection, host: str, name: str) -> str | None:
    """What is answered under this name on this host, while it is checked."""
    for own in await queries.list_named(connection, host):
        if secrets.compare_digest(_name(own.token).encode(), name.encode()):
            return own.token
    return None


async def address(connection: Connection, business_id: UUID, site: str) -> str:
    """Where a business's links lead: to its own host while it is known to lead here, else to the
    installation's."""
    own = await queries.find(connection, business_id)
    return site if own is None or own.state != "verified" else _address(own, site)


async def _leads_here(own: OwnHost, site: str, ask: Ask) -> bool:
    seen = await ask(f"{_address(own, site)}{PATH}{_name(own.token)}")
    return seen is not None and secrets.compare_digest(seen.encode(), own.token.encode())


async def _mark_seen_again(connection: Connection, own: OwnHost) -> None:
    if await queries.mark_seen(connection, own):
        about = {"host": own.host}
        await audit.record(connection, own.business_id, WORKER, "site.verify_host", about)


async def _mark_lost(connection: Connection, own: OwnHost) -> None:
    if await queries.mark_lost(connection, own):
        await audit.alert(connection, own.business_id, "site.host_lost", {"host": own.host})


def _name(token: str) -> str:
    """Under which name a token is asked for: who repeats what it is asked does not know it."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _address(own: OwnHost, site: str) -> str:
    return f"{_scheme(site)}://{own.host}"


def _scheme(site: str) -> str:
    return site.partition(":")[0]
