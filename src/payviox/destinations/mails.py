"""What payout users are told of changes to their destinations."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from payviox import ids
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.mails.model import Mail, Message, Prepare
from payviox.payout_users import service as payout_users
from payviox.recipient_mails.contents import framed


def prepares(keyring: Keyring, site: str) -> Mapping[Message, Prepare]:
    """For each message of this room what completes it. `site` is the installation's address."""
    return {"destination_changed": partial(_changed, keyring, site)}


async def _changed(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    user_id = ids.parse(ids.USER, mail.facts["user"])
    if mail.business_id is None or user_id is None:
        raise ValueError(f"mail {mail.id} is about no payout user")
    user = await payout_users.get(connection, mail.business_id, user_id)
    frame = await framed(keyring, site, connection, mail.business_id, user)
    return frame and {**frame, **mail.facts}
