"""A business's webhook: where events go, which, and the token that signs them."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post, put
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented
from payviox.api.events import EXAMPLE_ID, TAG, Queued
from payviox.api.idempotent import run_once
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.idempotency.service import Done, ShownOnce
from payviox.web.context import Call, business, read, services, write
from payviox.web.request_json import read_json
from payviox.webhooks import outbox, settings
from payviox.webhooks.events import EventType
from payviox.webhooks.settings import NothingToConfirm, NoWebhook, TokenWaits


class Webhook(msgspec.Struct):
    """The webhook's settings. `token` is here once, in the answer that made it; `rotating` says
    that a new token waits to be confirmed, `rotating_since` since when."""

    url: str | None
    enabled: bool
    events: list[EventType]
    rotating: bool
    rotating_since: datetime | UnsetType = UNSET
    token: str | UnsetType = UNSET


class WebhookChange(msgspec.Struct):
    """What to set; what is left out stays as it is."""

    url: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    events: list[EventType] | UnsetType = UNSET


class TestWebhook(msgspec.Struct):
    """Which type of event to send a sample of."""

    type: EventType


class RotateToken(msgspec.Struct):
    """Without `confirm` a new token is made; with it the new token signs from now on. Where one
    waits to be confirmed, `replace` makes another in its place."""

    confirm: bool = False
    replace: bool = False


class Rotation(msgspec.Struct):
    """Where a rotation stands; `token` is the new one, here once."""

    confirmed: bool
    token: str | UnsetType = UNSET


EXAMPLE = Webhook(
    url="https://example.com/webhooks",
    enabled=True,
    events=["payout.succeeded", "payout.failed"],
    rotating=False,
)
EXAMPLE_TOKEN = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # noqa: S105  # counts to 31


@get("/payout/webhook", guards=[require_business])
@documented(TAG, {200: EXAMPLE})
async def get_webhook(request: Call) -> Webhook:
    """The webhook's settings, without its token."""
    webhook = await read(request, settings.get, business(request).business_id)
    return _shown(webhook)


@put("/payout/webhook", guards=[require_business])
@documented(
    TAG,
    {200: [msgspec.structs.replace(EXAMPLE, token=EXAMPLE_TOKEN), EXAMPLE]},
    request=WebhookChange("https://example.com/webhooks", enabled=True),
)
async def set_webhook(request: Call) -> Webhook:
    """Set the webhook's URL, switch and events. The first time its token is made and shown."""
    business_id = business(request).business_id
    process = services(request)
    body = msgspec.structs.asdict(read_json(request, WebhookChange))
    changes = {name: value for name, value in body.items() if value is not UNSET}

    async def work(connection: Connection) -> Webhook:
        webhook, token = await settings.change(
            connection,
            business_id,
            changes,
            process.keyring,
            business(request).actor,
            allow_private=process.settings.allow_private_webhooks,
        )
        return _shown(webhook, token)

    return await write(request, business_id, work)


@post("/payout/webhook/test", guards=[require_business], status_code=202)
@documented(
    TAG,
    {202: Queued(EXAMPLE_ID, "payout.failed")},
    request=TestWebhook("payout.failed"),
    errors=[NoWebhook],
)
async def send_test_webhook(request: Call) -> Response[Any]:
    """Send a sample event, marked `test_mode`, to the webhook: subscribed or not, switched on or
    not."""
    business_id = business(request).business_id
    wanted = read_json(request, TestWebhook)

    async def effect(connection: Connection) -> dict[str, str]:
        event_id = await outbox.send_test(
            connection, business_id, wanted.type, business(request).actor
        )
        return {"id": ids.show(ids.EVENT, event_id), "type": wanted.type}

    return await run_once(
        request, business_id, "business", effect, lambda _, done: done.reference, status_code=202
    )


@post("/payout/webhook/rotate-token", guards=[require_business], status_code=200)
@documented(
    TAG,
    {200: [Rotation(confirmed=False, token=EXAMPLE_TOKEN), Rotation(confirmed=True)]},
    request=[RotateToken(), RotateToken(confirm=True)],
    errors=[NoWebhook, NothingToConfirm, TokenWaits],
)
async def rotate_webhook_token(request: Call) -> Response[Any]:
    """Change the token in two steps, so that no delivery fails for it: ask for a new one, teach it
    to your receiver, then confirm it. Until then the old one signs, and `webhook-signature` carries
    both signatures."""
    business_id = business(request).business_id
    wanted = read_json(request, RotateToken)
    if wanted.confirm and wanted.replace:
        raise FieldErrors({"replace": ["The replace field makes a new token; confirm makes none."]})
    keyring, actor = services(request).keyring, business(request).actor

    async def effect(connection: Connection) -> dict[str, bool] | ShownOnce:
        if wanted.confirm:
            await settings.confirm(connection, business_id, actor)
            return {"confirmed": True}
        token = await settings.rotate(
            connection, business_id, keyring, actor, replace=wanted.replace
        )
        return ShownOnce({"confirmed": False}, token)

    return await run_once(request, business_id, "business", effect, _rotation)


def _rotation(_: Connection, done: Done) -> Rotation:
    confirmed: bool = done.reference["confirmed"]
    return Rotation(confirmed, done.shown_once or UNSET)


def _shown(webhook: settings.Webhook, token: str | None = None) -> Webhook:
    return Webhook(
        webhook.url,
        webhook.enabled,
        list(webhook.events),
        webhook.rotating,
        webhook.rotating_since or UNSET,
        token or UNSET,
    )


ROUTES = [get_webhook, set_webhook, send_test_webhook, rotate_webhook_token]
