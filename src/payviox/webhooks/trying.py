"""A test webhook that is sent at once, for somebody who waits for the answer. It is a delivery like
any other: where its sender dies, a worker sends it once the lease has run out."""

from uuid import UUID

from payviox.actors import Actor
from payviox.db.pool import Connection, Database
from payviox.webhooks import attempts, outbox
from payviox.webhooks.attempts import LEASE
from payviox.webhooks.events import EventType
from payviox.webhooks.model import Claim
from payviox.webhooks.queries import deliveries as queries
from payviox.webhooks.sender import Answer
from payviox.webhooks.settings import Cipher, NoWebhook


async def begin(
    connection: Connection, business_id: UUID, event_type: EventType, actor: Actor
) -> Claim:
    """Write the sample down and keep it from the workers. Raises NoWebhook and Forbidden."""
    event_id = await outbox.write_sample(connection, business_id, event_type, actor)
    claim = await queries.lease(connection, business_id, event_id, LEASE)
    if claim is None:
        raise NoWebhook
    return claim


async def finish(
    database: Database, claim: Claim, cipher: Cipher, *, allow_private: bool
) -> Answer:
    """Send it, once, and write down how it went. In no transaction."""
    attempted = await attempts.post(claim, cipher, allow_private=allow_private)
    await database.write(attempts.record, [attempted], ())
    return attempted.answer
