"""`POST /payout/batch`: up to 10,000 allocations in one call. The list is decoded strictly in one
go; only if that fails is each item looked at alone, so that each gets its own messages."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, post
from msgspec import UNSET, UnsetType, inspect

from payviox.allocations.batch import CHUNK, WHOLE, Entry, PartlyDone, Payer
from payviox.allocations.model import Allocated, Item, Outcome, Refused
from payviox.api.allocation import EXAMPLE_HASH, Amount, Notify
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented
from payviox.api.idempotent import scope_of
from payviox.auth.keys import BusinessCaller
from payviox.errors import (
    Busy,
    ClientGone,
    FieldErrors,
    InsufficientPayoutBalance,
    Malformed,
    PayvioxError,
)
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.web.context import Call, address_of, business, services
from payviox.web.errors import JSON, encode
from payviox.web.json_body import EMAIL, problems
from payviox.web.request_json import json_of

T = TypeVar("T")
MAX_ITEMS = 10_000
SLICE_S = 0.005
"""Items are looked at for so long in one go, one batch at a time: the slowest address takes 2 ms,
and everybody else is waiting."""

Reference = Annotated[
    str, msgspec.Meta(max_length=255, description="Your own mark, kept with the movement")
]


class BatchItem(msgspec.Struct):
    """Whom to pay, how much, a mark of your own, and whether to tell them by mail."""

    email: Annotated[str, EMAIL]
    amount: Amount
    reference: Reference | None = None
    notify: Notify = None


class BatchRequest(msgspec.Struct):
    """The list. `mode` is `each` (what can be paid is paid) or `all_or_nothing`."""

    items: Annotated[list[BatchItem], msgspec.Meta(min_length=1, max_length=MAX_ITEMS)]
    mode: Literal["each", "all_or_nothing"] = "each"


class _Outline(msgspec.Struct):
    """A list whose items have not been looked at."""

    items: Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MAX_ITEMS)]
    mode: Literal["each", "all_or_nothing"] = "each"


class BatchResult(msgspec.Struct, omit_defaults=True):
    """What became of one item: a `hash` where it was paid, else an `error`, or `errors` with
    messages for each of its fields at fault."""

    hash: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    errors: dict[str, list[str]] | UnsetType = UNSET


class BatchResults(msgspec.Struct):
    """A result for each item, in order."""

    results: list[BatchResult]


class BatchRefused(PayvioxError):
    """Not everything of an all-or-nothing list could be paid, so nothing was."""

    status = 400
    message = "Nothing was paid, because some items were refused"

    def __init__(self, outcomes: Sequence[Outcome] = ()) -> None:
        super().__init__()
        self.results = [_result(outcome) for outcome in outcomes]

    @property
    def body(self) -> dict[str, object]:
        return {"error": str(self), "results": self.results}


class NotPaidWithOthers(PayvioxError):
    message = "Not paid, because other items were refused"


EXAMPLE = BatchResults(
    [
        BatchResult(hash=EXAMPLE_HASH),
        BatchResult(errors={"email": ["The email must be a valid email address."]}),
        BatchResult(error=InsufficientPayoutBalance.message),
    ]
)
_KINDS = inspect.type_info(BatchItem)


@post("/payout/batch", guards=[require_business], status_code=200)
@documented(
    "Paying people",
    {200: EXAMPLE},
    request=BatchRequest(
        [BatchItem("ada@example.com", 2_500), BatchItem("grace@example.com", 900, "survey-17")]
    ),
    errors=[BatchRefused, Busy, PartlyDone],
)
async def pay_batch(request: Call) -> Response[Any]:
    """Pay up to 10,000 people in one call.

    Each item gets a result of its own, in order: a hash, field errors, or an error. In mode `each`
    what can be paid is paid, in chunks of 1,000, one commit each: a call that was cut off is
    completed by repeating it with its Idempotency-Key. In mode `all_or_nothing` one refused item
    means that nothing is paid. The body may have up to 4 MB.
    """
    caller, process = business(request), services(request)
    mode, items = _decode(request, await request.body())
    scope = scope_of(request, "business")
    payer = Payer(
        process.database,
        process.keyring,
        process.batcher,
        caller.business_id,
        scope,
        shows_hashes=caller.may("hashes"),
    )
    made = _Maker(caller, address_of(request))
    async with _looking(request, process.slow_work) as look:
        if mode == "each":
            outcomes, replayed = await payer.each(lambda: _chunks_of_entries(items, made, look))
        else:
            outcomes, replayed = await _all_or_nothing(payer, items, made, look)
    return Response(
        await _render(outcomes),
        status_code=200,
        media_type=JSON,
        headers={"Idempotent-Replayed": "true"} if replayed else {},
    )


async def _all_or_nothing(
    payer: Payer, items: Sequence[Any], made: "_Maker", look: "_Looking"
) -> tuple[list[Outcome], bool]:
    entries = await look.at(items, made)
    payable = [entry for entry in entries if isinstance(entry, Item)]
    if len(payable) < len(entries):
        raise BatchRefused(
            [e if isinstance(e, PayvioxError) else NotPaidWithOthers() for e in entries]
        )
    try:
        return await payer.all_or_nothing(payable)
    except Refused as refused:
        first = refused.outcomes[0]
        if isinstance(first, WHOLE):
            raise first from refused
        raise BatchRefused(
            [o if isinstance(o, PayvioxError) else NotPaidWithOthers() for o in refused.outcomes]
        ) from refused


def _decode(request: Call, body: bytes) -> tuple[str, Sequence[Any]]:
    """The mode and the items: structs where all are well formed, else as parsed. Raises Malformed
    and FieldErrors for what is wrong with the call as a whole."""
    if b"\\u0000" not in body:  # which PostgreSQL's text cannot hold
        try:
            batch = msgspec.json.decode(body, type=BatchRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        else:
            if not body.isascii() or body.count(b":") != _keys(batch):
                json_of(request)  # which refuses what is no text, and a key that comes twice
            return batch.mode, batch.items
    value = json_of(request)
    field_errors: dict[str, list[str]] = {}
    for field, message in problems(inspect.type_info(_Outline), value, ""):
        field_errors.setdefault(field, [message])
    if field_errors:
        raise FieldErrors(field_errors)
    outline = msgspec.convert(value, _Outline)
    return outline.mode, outline.items


def _keys(batch: BatchRequest) -> int:
    """The fewest keys that its JSON can have had."""
    more = ((item.reference is not None) + (item.notify is not None) for item in batch.items)
    return 1 + 2 * len(batch.items) + sum(more)


async def _chunks_of_entries(
    items: Sequence[Any], made: "_Maker", look: "_Looking"
) -> AsyncIterator[list[Entry]]:
    for chunk in _chunks(items):
        yield await look.at(chunk, made)


class _Maker:
    """Makes items to pay, each under the caller's key."""

    def __init__(self, caller: BusinessCaller, address: str | None) -> None:
        self._key_id = str(caller.key_id)
        restricted = caller.restrictions is not None
        self._actor = caller.actor if restricted else None
        self._place = (address or "") if restricted else None

    def entry(self, item: BatchItem) -> Entry:
        try:
            email = canonical(item.email)
        except InvalidEmail as error:
            return FieldErrors({"email": [str(error)]})
        return Item(
            email,
            item.amount,
            self._key_id,
            item.reference,
            actor=self._actor,
            notify=item.notify,
            place=self._place,
        )


class _Looking:
    """Looks at items in slices, of all batches of the process one slice at a time, for as long as
    the client is there."""

    def __init__(self, slow_work: asyncio.Lock, gone: "asyncio.Task[None]") -> None:
        self._slow_work = slow_work
        self._gone = gone

    async def at(self, items: Sequence[Any], made: _Maker) -> list[Entry]:
        """The items as entries. Raises ClientGone."""
        entries: list[Entry] = []
        while len(entries) < len(items):
            if self._gone.done():
                raise ClientGone
            async with self._slow_work:
                self._slice(items, made, entries)
            await asyncio.sleep(0)
        return entries

    def _slice(self, items: Sequence[Any], made: _Maker, entries: list[Entry]) -> None:
        until = time.perf_counter() + SLICE_S
        for item in items[len(entries) :]:
            known = isinstance(item, BatchItem)
            entries.append(made.entry(item) if known else _looked_at(item, made))
            if time.perf_counter() > until:
                return


@asynccontextmanager
async def _looking(request: Call, slow_work: asyncio.Lock) -> AsyncIterator[_Looking]:
    gone = asyncio.create_task(_until_gone(request))
    try:
        yield _Looking(slow_work, gone)
    finally:
        gone.cancel()


async def _until_gone(request: Call) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _looked_at(value: object, made: _Maker) -> Entry:
    """An item of a list that did not decode as a whole."""
    if not isinstance(value, dict):
        return Malformed("The item must be an object")
    field_errors: dict[str, list[str]] = {}
    for field, message in problems(_KINDS, value, ""):
        field_errors.setdefault(field, [message])
    if "\0" in str(value.get("reference", "")):
        field_errors.setdefault("reference", ["The reference is not valid."])
    if field_errors:
        return FieldErrors(field_errors)
    return made.entry(msgspec.convert(value, BatchItem))


def _result(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Allocated):
        return {"hash": outcome.hash}
    if isinstance(outcome, FieldErrors):
        return {"errors": outcome.fields}
    return {"error": str(outcome)}


async def _render(outcomes: Sequence[Outcome]) -> bytes:
    parts: list[bytes] = []
    for chunk in _chunks(outcomes):
        parts += [
            b'{"hash":"%s"}' % outcome.hash.encode()
            if isinstance(outcome, Allocated)
            else encode(_result(outcome))
            for outcome in chunk
        ]
        await asyncio.sleep(0)  # others are waiting
    return b'{"results":[' + b",".join(parts) + b"]}"


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


ROUTES = [pay_batch]
