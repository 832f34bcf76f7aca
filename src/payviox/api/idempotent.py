"""POST routes: an `Idempotency-Key` read, its effect run once, its answer rendered from the
effect's reference, the first time and every time after. All of it happens before the commit, so
that nothing can fail between the commit and the answer."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Response

from payviox.db.pool import Connection
from payviox.idempotency import model
from payviox.idempotency.model import Scope
from payviox.idempotency.service import Done, once, replay
from payviox.web.context import Call, read, write
from payviox.web.errors import JSON, encode
from payviox.web.request_json import json_of


def scope_of(request: Call, caller: str) -> Scope | None:
    """The scope of the request's key, None where it has none. Raises BadKey."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    return Scope(caller, request.url.path, model.check(key), model.digest(json_of(request)))


async def is_replay(request: Call, business_id: UUID, caller: str) -> bool:
    """Whether `run_once` would find the effect done already. Raises BadKey, IdempotencyMismatch."""
    scope = scope_of(request, caller)
    if scope is None:
        return False
    earlier = await read(request, replay, business_id, scope)
    return earlier is not None


async def run_once(
    request: Call,
    business_id: UUID,
    caller: str,
    effect: Callable[[Connection], Awaitable[Any]],
    render: Callable[[Connection, Done], Any],
    *,
    status_code: int = 200,
) -> Response[Any]:
    """Run `effect` once and answer `render(connection, done)`, awaited where it reads, both in one
    transaction.

    `caller` is `business` or a payout user's id. What `effect` answers must be plain JSON without
    secrets, or ShownOnce.
    """
    json_of(request)  # malformed is malformed, also where no field is read
    scope = scope_of(request, caller)
    work = once(business_id, scope, effect)

    async def answered(connection: Connection) -> Response[Any]:
        done = await work(connection)
        answer = render(connection, done)
        if inspect.isawaitable(answer):
            answer = await answer
        return Response(
            encode(answer),
            status_code=status_code,
            media_type=JSON,
            headers={"Idempotent-Replayed": "true"} if done.replayed else {},
        )

    return await write(request, business_id, answered, keyed=scope is not None)
