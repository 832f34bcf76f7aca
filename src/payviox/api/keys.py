"""Restricted keys over the API, for the secret key alone: list, make, change, revoke."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post, put

from payviox import ids
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented
from payviox.api.idempotent import run_once
from payviox.api_requests import service as api_requests
from payviox.api_requests.model import LastUse
from payviox.auth.model import RestrictedKey
from payviox.auth.restrictions import MAX_NAME, Restrictions, Scope
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.idempotency.service import Done, ShownOnce
from payviox.money import MAX_TREASURY
from payviox.treasury import restricted_keys
from payviox.web.context import Call, business, read, write
from payviox.web.cursors import path_id
from payviox.web.request_json import read_json

TAG = "Keys"
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_TREASURY, description="US cents")] | None


class KeyRequest(msgspec.Struct):
    """What a restricted key may do. `amount_limit` bounds one payment and `daily_limit` one day
    (UTC); it is used from `networks` alone, where there are any, and until `expires_at`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)]
    amount_limit: Limit = None
    daily_limit: Limit = None
    networks: Annotated[list[str], msgspec.Meta(description="Addresses or networks (CIDR)")] = (
        msgspec.field(default_factory=list)
    )
    expires_at: Annotated[str | None, msgspec.Meta(description="RFC 3339")] = None


class KeyView(msgspec.Struct):
    """A restricted key, known by its last characters. `spent_today` is what it allocated and
    approved today (UTC), in US cents; `last_used_at` and `last_used_from` are of its last call."""

    id: str
    hint: str
    name: str
    scopes: list[Scope]
    amount_limit: int | None
    daily_limit: int | None
    spent_today: int
    networks: list[str]
    expires_at: datetime | None
    made_by: str
    created_at: datetime
    last_used_at: datetime | None
    last_used_from: str | None


class NewKeyView(KeyView):
    """The key just made, shown this once; a replay answers without it."""

    key: str | None = None


class Keys(msgspec.Struct):
    """Every restricted key that was not revoked."""

    data: list[KeyView]


_SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXAMPLE_REQUEST = KeyRequest("Survey server", ["allocate"], 5_000, 100_000, ["192.0.2.7/32"])
EXAMPLE = KeyView(
    id="key_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70",
    hint="Qx7w",
    name="Survey server",
    scopes=["allocate"],
    amount_limit=5_000,
    daily_limit=100_000,
    spent_today=12_500,
    networks=["192.0.2.7/32"],
    expires_at=None,
    made_by="key:9fKe",
    created_at=_SEEN,
    last_used_at=_SEEN,
    last_used_from="192.0.2.7",
)
NEW_EXAMPLE = NewKeyView(**msgspec.structs.asdict(EXAMPLE), key=f"rk_test_{'x' * 39}Qx7w")


@get("/payout/keys", guards=[require_business])
@documented(TAG, {200: Keys([EXAMPLE])})
async def list_keys(request: Call) -> Keys:
    """List the restricted keys, newest first.

    This and the other calls for keys need the secret key.
    """
    business_id = business(request).business_id

    async def find(connection: Connection) -> list[KeyView]:
        uses = await api_requests.key_uses(connection, business_id)
        keys = await restricted_keys.list_of(connection, business_id)
        return [_view(key, uses.get(key.id)) for key in keys]

    return Keys(await read(request, find))


@post("/payout/keys", guards=[require_business], status_code=201)
@documented(TAG, {201: NEW_EXAMPLE}, request=EXAMPLE_REQUEST, errors=[Conflict])
async def create_key(request: Call) -> Response[Any]:
    """Make a restricted key.

    It does what its scopes say, within its limits, and nothing else. It outlives the secret key
    that made it.
    """
    caller, wanted = business(request), _read(request)

    async def effect(connection: Connection) -> ShownOnce:
        made = await restricted_keys.create(connection, caller.business_id, wanted, caller.actor)
        return ShownOnce(msgspec.to_builtins(_view(made.key, None)), made.secret)

    def render(_: Connection, done: Done) -> NewKeyView:
        view = msgspec.convert(done.reference, KeyView)
        return NewKeyView(**msgspec.structs.asdict(view), key=done.shown_once)

    return await run_once(request, caller.business_id, "business", effect, render, status_code=201)


@put("/payout/keys/{id:str}", guards=[require_business])
@documented(TAG, {200: EXAMPLE}, request=EXAMPLE_REQUEST)
async def change_key(request: Call) -> KeyView:
    """Give a restricted key these bounds in place of those it has.

    They hold at once. What it has spent today still counts.
    """
    caller, wanted = business(request), _read(request)
    key_id = path_id(request, ids.KEY)

    async def change(connection: Connection) -> KeyView:
        key = await restricted_keys.change(
            connection, caller.business_id, key_id, wanted, caller.actor
        )
        uses = await api_requests.key_uses(connection, caller.business_id)
        return _view(key, uses.get(key_id))

    return await write(request, caller.business_id, change)


@post("/payout/keys/{id:str}/revoke", guards=[require_business], status_code=200)
@documented(TAG, {200: EXAMPLE})
async def revoke_key(request: Call) -> Response[Any]:
    """Stop a restricted key at once, for good."""
    caller = business(request)
    key_id: UUID = path_id(request, ids.KEY)

    async def effect(connection: Connection) -> Any:
        uses = await api_requests.key_uses(connection, caller.business_id)
        key = await restricted_keys.revoke(connection, caller.business_id, key_id, caller.actor)
        return msgspec.to_builtins(_view(key, uses.get(key_id)))

    return await run_once(
        request, caller.business_id, "business", effect, lambda _, done: done.reference
    )


def _read(request: Call) -> Restrictions:
    wanted = read_json(request, KeyRequest)
    expires_at = None
    if wanted.expires_at is not None:
        try:
            expires_at = datetime.fromisoformat(wanted.expires_at)
        except ValueError as error:
            message = "The expires_at must be a time such as 2026-01-31T00:00:00Z."
            raise FieldErrors({"expires_at": [message]}) from error
    return Restrictions(
        wanted.name,
        tuple(wanted.scopes),
        wanted.amount_limit,
        wanted.daily_limit,
        tuple(wanted.networks),
        expires_at,
    )


def _view(key: RestrictedKey, use: LastUse | None) -> KeyView:
    return KeyView(
        id=ids.show(ids.KEY, key.id),
        hint=key.hint,
        name=key.name,
        scopes=key.scopes,
        amount_limit=key.amount_limit,
        daily_limit=key.daily_limit,
        spent_today=key.spent_today,
        networks=key.networks,
        expires_at=key.expires_at,
        made_by=key.made_by,
        created_at=key.created_at,
        last_used_at=None if use is None else use.called_at,
        last_used_from=None if use is None else use.place,
    )


ROUTES = [list_keys, create_key, change_key, revoke_key]
