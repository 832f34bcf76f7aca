"""`POST /payout/create`, the busiest call, on a path of its own: no framework between the body and
the allocation queue."""

import asyncio
from typing import Annotated

import msgspec

from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item
from payviox.api.authentication import authenticate_business, bearer
from payviox.api.docs.declarations import documented
from payviox.auth.hashes import digest
from payviox.auth.keys import BusinessCaller
from payviox.db.pool import Database
from payviox.errors import (
    Busy,
    FieldErrors,
    InsufficientPayoutBalance,
    KeyDailyLimit,
    KeyLimit,
    PayoutsDisabled,
    PayoutUserInactive,
    Unauthorized,
)
from payviox.idempotency import model as idempotency
from payviox.money import MAX_ALLOCATION
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.web.asgi import Scope
from payviox.web.context import address_in
from payviox.web.json_body import EMAIL, convert, parse
from payviox.web.request_body import Answer, Head

MAX_REMEMBERED_KEYS = 10_000

Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_ALLOCATION, description="US cents")]
Notify = Annotated[
    bool | None,
    msgspec.Meta(description="Whether they get a mail; left out, as the business has set it"),
]


class CreateRequest(msgspec.Struct):
    """Whom to pay, how much, and whether to tell them by mail."""

    email: Annotated[str, EMAIL]
    amount: Amount
    notify: Notify = None


class Created(msgspec.Struct):
    """The payout user's hash: pass it on to them, it is what they withdraw with. It is empty for a
    restricted key without the scope `hashes`."""

    hash: str


EXAMPLE_HASH = "3f9c2a71" + "5b" * 28
KEYS = 2
"""The colons of a body that has each required field once and nothing else."""
decode = msgspec.json.Decoder(CreateRequest).decode


class Create:
    """The route. It remembers which keys it has seen; every commit checks again that they live, so
    a regenerated key stops at once all the same."""

    def __init__(self, database: Database, batcher: Batcher) -> None:
        self._database = database
        self._batcher = batcher
        self._callers: dict[bytes, BusinessCaller] = {}
        self._checking: dict[bytes, asyncio.Task[object]] = {}

    @documented(
        "Paying people",
        {201: Created(EXAMPLE_HASH)},
        request=CreateRequest("ada@example.com", 2_500),
        errors=[
            InsufficientPayoutBalance,
            PayoutsDisabled,
            PayoutUserInactive,
            KeyLimit,
            KeyDailyLimit,
            Busy,
        ],
    )
    async def create_payout(self, scope: Scope, head: Head, body: bytes) -> Answer:
        """Pay a person by email.

        Creates the payout user or adds to an existing one, and debits the payout balance: all or
        nothing. Without an Idempotency-Key the same call twice adds twice.
        """
        authorization, key = head.authorization, head.idempotency_key
        token = digest(bearer(authorization))
        caller = self._callers.get(token) or await self._authenticate(token, authorization)
        scope["state"]["business"] = caller
        request_digest = None
        try:
            if key is None:
                request = _read(body)
            else:
                idempotency.check(key)
                fields = parse(body)
                request = convert(fields, CreateRequest)
                request_digest = idempotency.digest(fields).hex()
            email = canonical(request.email)
        except Exception:  # noqa: BLE001  # any problem: the slow way names it
            # A remembered key may have been regenerated: nobody else is told what was wrong.
            caller = await self._authenticate(token, authorization)
            if caller.restrictions is not None:
                caller.restrictions.check("allocate", address_in(scope))
            if key is not None:
                idempotency.check(key)
            return _refuse(body)
        actor = place = None
        if caller.restrictions is not None:  # what it may do now, the group reads under its lock
            actor, place = caller.actor, address_in(scope) or ""
        item = Item(
            email,
            request.amount,
            str(caller.key_id),
            None,
            key,
            request_digest,
            actor,
            request.notify,
            place,
        )
        try:
            outcome = (await self._batcher.submit(caller.business_id, (item,)))[0]
        except Busy:
            await self._check_again(token, authorization)
            raise
        if not isinstance(outcome, Allocated):
            if isinstance(outcome, Unauthorized):
                self._callers.pop(token, None)
            raise outcome
        replayed = {"Idempotent-Replayed": "true"} if outcome.replayed else {}
        return 201, b'{"hash":"%s"}' % outcome.hash.encode(), replayed

    async def _check_again(self, token: bytes, authorization: str | None) -> None:
        """Whose key was regenerated is unauthorized, also while the queue is full. The database is
        busy then: all who call with one key share one look-up at a time."""
        checking = self._checking.get(token)
        if checking is None:
            checking = asyncio.create_task(self._authenticate(token, authorization))
            self._checking[token] = checking
            checking.add_done_callback(lambda _: self._checking.pop(token))
        await asyncio.wait([checking])  # which, unlike awaiting it, never cancels it
        checking.result()

    async def _authenticate(self, token: bytes, authorization: str | None) -> BusinessCaller:
        try:
            caller: BusinessCaller = await authenticate_business(self._database, authorization)
        except Unauthorized:
            self._callers.pop(token, None)
            raise
        if len(self._callers) >= MAX_REMEMBERED_KEYS:
            self._callers.clear()
        self._callers[token] = caller
        return caller


def _read(body: bytes) -> CreateRequest:
    """The request, the quick way where the body has each field once and nothing else."""
    request = decode(body)
    keys = KEYS + (request.notify is not None)
    if body.count(b":") != keys or not body.isascii():
        return convert(parse(body), CreateRequest)
    return request


def _refuse(body: bytes) -> Answer:
    """Say everything that is wrong with the body."""
    request = convert(parse(body), CreateRequest)
    try:
        canonical(request.email)
    except InvalidEmail as error:
        raise FieldErrors({"email": [str(error)]}) from error
    idempotency.digest(parse(body))
    raise AssertionError("the body was fine after all")
