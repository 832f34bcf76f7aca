"""A process that sends what is due of one business by the EVM rail, as a worker does, until nothing
is queued: run as a program, with its orders on standard input as JSON."""

import asyncio
import json
import sys
from typing import Any
from uuid import UUID

from payviox.db.pool import Database
from payviox.rail_state.evm_books import EvmBooks
from payviox.rails.evm.rail import EvmRail
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account
from payviox.withdrawals.routing import Rails, Route
from payviox.withdrawals.sending.processor import process_due
from support.evm import OneAccount, OneKey


async def main(given: dict[str, Any]) -> None:
    business_id = UUID(given["business_id"])
    account = Account(
        business_id,
        "evm",
        "sandbox",
        enabled=True,
        min_amount=None,
        max_amount=None,
        low_float=None,
        fees=FeePolicy(),
        settings=given["settings"],
        credentials=given["credentials"],
    )
    database = Database(given["url"])
    await database.open()
    accounts = OneAccount(account)
    rail = EvmRail(accounts, EvmBooks(database), OneKey(given["key"]))
    rails = Rails(live=[], test=[Route("crypto", rail, connected=True)], accounts=accounts)
    handled = await process_due(database, rails, business_id=business_id, limit=given["limit"])
    await rail.close()
    await database.close()
    sys.stdout.write(str(handled))


if __name__ == "__main__":
    asyncio.run(main(json.load(sys.stdin)))
