"""The webhook's token: a new one beside the old, shown once, and then confirmed."""

from typing import Any

from litestar import Response, get, post

from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act_once, read, visit_of
from payviox.dashboard.webhooks.show import NO_URL, ROUTE, show_token, webhook_page
from payviox.db.pool import Connection
from payviox.idempotency.service import ShownOnce
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect
from payviox.webhooks import settings
from payviox.webhooks.settings import NothingToConfirm, NoWebhook, TokenWaits, Webhook


@get(f"{ROUTE}/rotate-token", include_in_schema=False)
async def ask_to_rotate(request: Call) -> Response[Any]:
    """Whether to make a new token, and in place of which."""
    visit = await visit_of(request)
    webhook = await read(request, visit, settings.get, visit.business.id)
    if webhook.url is None:
        return await webhook_page(request, visit, refused=NO_URL, status=409)
    return confirm(request, visit, _rotation(visit, webhook))


@post(
    f"{ROUTE}/rotate-token", include_in_schema=False, status_code=200, right="webhook.rotate_token"
)
async def rotate(request: Call) -> Response[Any]:
    """Make a new token and show it; it signs once it is confirmed."""
    visit = await visit_of(request)
    form = await read_form(request)
    keyring = services(request).keyring

    async def effect(connection: Connection) -> ShownOnce:
        token = await settings.rotate(
            connection,
            visit.business.id,
            keyring,
            visit.session.actor,
            replace=form.get("replace") == "yes",
        )
        return ShownOnce({}, token)

    try:
        done = await act_once(request, visit, form, effect)
    except TokenWaits:
        webhook = await read(request, visit, settings.get, visit.business.id)
        refused = "Somebody made a new token meanwhile, which waits to be confirmed."
        return confirm(request, visit, _rotation(visit, webhook, refused), status=409)
    except NoWebhook:
        return await webhook_page(request, visit, refused=NO_URL, status=409)
    return show_token(request, visit, done.shown_once, waits=True)


@get(f"{ROUTE}/confirm-token", include_in_schema=False)
async def ask_to_confirm(request: Call) -> Response[Any]:
    """Whether the receiver is ready for the new token."""
    visit = await visit_of(request)
    webhook = await read(request, visit, settings.get, visit.business.id)
    if webhook.rotating_since is None:
        return redirect(f"{visit.base}/webhooks")
    view = ConfirmView(
        heading="Confirm the new token",
        consequence="From that moment only the new token signs. A receiver that does not accept it"
        " refuses every webhook.",
        facts=[
            Fact("URL", webhook.url or "none"),
            Fact("The new token waits since", f"{webhook.rotating_since:%Y-%m-%d %H:%M} UTC"),
        ],
        action=f"{visit.base}/webhooks/confirm-token",
        button="Confirm the new token",
        back=f"{visit.base}/webhooks",
        keep="Keep both for now",
    )
    return confirm(request, visit, view)


@post(
    f"{ROUTE}/confirm-token",
    include_in_schema=False,
    status_code=200,
    right="webhook.confirm_token",
)
async def confirm_token(request: Call) -> Response[Any]:
    """Let the new token sign."""
    visit = await visit_of(request)

    async def effect(connection: Connection) -> dict[str, bool]:
        await settings.confirm(connection, visit.business.id, visit.session.actor)
        return {"confirmed": True}

    try:
        await act_once(request, visit, await read_form(request), effect)
    except (NothingToConfirm, NoWebhook):
        refused = "No new token waits to be confirmed."
        return await webhook_page(request, visit, refused=refused, status=409)
    return redirect(f"{visit.base}/webhooks?done=confirmed")


def _rotation(visit: Visit, webhook: Webhook, refused: str | None = None) -> ConfirmView:
    waits = webhook.rotating_since
    consequence = (
        "The old token goes on signing until the new one is confirmed. The new one is shown once."
    )
    facts = [Fact("URL", webhook.url or "none")]
    if waits is not None:
        consequence = (
            "The token that waits is worth nothing any more, also where your receiver has learned"
            " it already. The one that signs now goes on signing."
        )
        facts.append(Fact("A new token waits since", f"{waits:%Y-%m-%d %H:%M} UTC"))
    return ConfirmView(
        heading="Rotate token",
        consequence=consequence,
        facts=facts,
        action=f"{visit.base}/webhooks/rotate-token",
        button="Rotate token" if waits is None else "Make another in its place",
        back=f"{visit.base}/webhooks",
        keep="Keep the token",
        fields={} if waits is None else {"replace": "yes"},
        is_danger=waits is not None,
        refused=refused,
    )


ROUTES = [ask_to_rotate, rotate, ask_to_confirm, confirm_token]
