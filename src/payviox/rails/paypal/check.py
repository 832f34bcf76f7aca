"""Whether an account's app, balance and webhook at PayPal are set up so that payouts work."""

from typing import Any

from payviox import ids
from payviox.money import dollars
from payviox.rails.paypal import float as holdings
from payviox.rails.paypal import refusals
from payviox.rails.paypal.client import BROKEN, Client, told
from payviox.rails.paypal.payments import as_object
from payviox.rails.paypal.tokens import Refused
from payviox.rails.protocol import Account, Finding, Holding, RailError

PAYOUTS_SCOPE = "https://uri.paypal.com/payments/payouts"

EVENTS = frozenset(
    f"PAYMENT.PAYOUTS-ITEM.{name}"
    for name in (
        "BLOCKED",
        "CANCELED",
        "DENIED",
        "FAILED",
        "HELD",
        "REFUNDED",
        "RETURNED",
        "SUCCEEDED",
        "UNCLAIMED",
    )
)


async def check(client: Client, account: Account) -> list[Finding]:
    """Credentials, permissions, balance and webhook."""
    findings: list[Finding] = []
    try:
        scopes = await client.scopes(account)
    except BROKEN as error:
        subject = "credentials" if isinstance(error, Refused) else "address"
        return [Finding(subject, str(told(error)))]
    findings.append(Finding("credentials", detail=account.environment))
    if scopes:
        missing = "Switch on Payouts among the app's features at developer.paypal.com."
        findings.append(Finding("payouts", None if PAYOUTS_SCOPE in scopes else missing))
    try:
        available = await holdings.read(client, account)
        findings.append(_of_balance(available[0], account))
    except RailError as error:
        # Payouts work without the permission to read it.
        findings.append(Finding("balance", str(error), harmless=True))
    findings.append(await _webhook(client, account))
    return findings


def _of_balance(balance: Holding, account: Account) -> Finding:
    detail, problem = f"{balance.amount} USD available", None
    if balance.low:
        problem = f"{detail}, below low_float ({dollars(account.low_float or 0)}): pay in."
    elif balance.cents is not None and balance.cents <= 0:
        problem = f"{detail}: pay in; payments wait until then."
    return Finding("balance", problem, detail, harmless=True)


async def _webhook(client: Client, account: Account) -> Finding:
    try:
        answer = await client.webhooks(account)
    except BROKEN as error:
        return Finding("webhook", str(told(error)))
    if answer.status != 200:
        return Finding(
            "webhook", f"PayPal answered {refusals.name_of(answer)} when asked for its webhooks."
        )
    listed = answer.json().get("webhooks")
    hooks = [
        hook for hook in (listed if isinstance(listed, list) else []) if isinstance(hook, dict)
    ]
    return _of_webhooks(hooks, account)


def _of_webhooks(hooks: list[dict[str, Any]], account: Account) -> Finding:
    """Whether one of them calls this business and its id is known, so that it can be verified."""
    path = f"/rails/paypal/{ids.show(ids.BUSINESS, account.business_id)}/callback"
    known = account.settings.get("webhook_id")
    ours = next((hook for hook in hooks if hook.get("id") == known), None)
    calling = next((hook for hook in hooks if _calls(hook, path)), None)
    if calling is None:
        problem = (
            f"None calls us: register …{path} with the events of payouts' items at"
            " developer.paypal.com and set its id as webhook_id. Until then PayPal is only asked."
        )
        registered = None if ours is None else str(ours.get("url"))
        return Finding("webhook", problem, registered, harmless=True)
    if ours is not calling:
        problem = f"Its id is not the account's webhook_id: set webhook_id={calling.get('id')}."
        return Finding("webhook", problem, str(calling.get("url")))
    listed = calling.get("event_types")
    events = listed if isinstance(listed, list) else []
    names = {as_object(event).get("name") for event in events}
    missing = [] if "*" in names else sorted(EVENTS - names)
    more = f"Subscribe it to {', '.join(missing)} too." if missing else None
    return Finding("webhook", more, str(calling.get("url")))


def _calls(hook: dict[str, Any], path: str) -> bool:
    return str(hook.get("url")).partition("?")[0].endswith(path)
