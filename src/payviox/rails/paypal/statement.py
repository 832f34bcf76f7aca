"""PayPal's books of the payments that we know: it lists none by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from aiolimiter import AsyncLimiter

from payviox.rails.paypal import status
from payviox.rails.paypal.client import BROKEN, Client, told
from payviox.rails.paypal.rate_limit import RateLimited
from payviox.rails.protocol import Account, Entry, Known, RailError

AT_ONCE = 8
PER_SECOND = 20.0
"""A reconciliation may not take from withdrawals what PayPal allows."""

PATIENCE_S = 120.0
"""How long a single look waits for PayPal to allow calls again."""


async def read(
    client: Client, account: Account, known: AsyncIterator[Sequence[Known]]
) -> AsyncIterator[list[Entry]]:
    """Page for page, what PayPal shows of the attempts whose batch is known. Raises RailError."""
    gate = asyncio.Semaphore(AT_ONCE)
    limiter = AsyncLimiter(PER_SECOND, 1)

    async def look(batch_id: str) -> list[Entry]:
        async with gate, limiter:
            return await _look(client, account, batch_id)

    async for page in known:
        batch_ids = [one.order.rail_order_id for one in page if one.order.rail_order_id is not None]
        try:
            async with asyncio.TaskGroup() as group:
                looks = [group.create_task(look(batch_id)) for batch_id in batch_ids]
        except* RailError as errors:
            raise RailError(str(errors.exceptions[0])) from errors
        yield [entry for one in looks for entry in one.result()]


async def _look(client: Client, account: Account, batch_id: str) -> list[Entry]:
    """One batch; nothing where PayPal does not know it (any more)."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = await client.batch(account, batch_id)
        except RateLimited as error:
            if time.monotonic() + error.again_s > until:
                raise RailError("PayPal wants fewer calls: try again later.") from error
            await asyncio.sleep(error.again_s)
            continue
        except BROKEN as error:
            raise told(error) from error
        if answer.status == 200:
            return status.entries(answer.json())
        if answer.status == 404:
            return []
        raise RailError(f"PayPal answered {answer.status} when asked for a payout: try again.")
