"""Whether an account at Tremendous is set up so that an order would go through, and whose it is.
Nothing here orders anything."""

import hmac
import re
from dataclasses import replace

from payviox.money import CURRENCY, dollars
from payviox.rails.protocol import Account, Finding, RailError
from payviox.rails.tremendous import catalogue
from payviox.rails.tremendous import float as holdings
from payviox.rails.tremendous.client import Client, KeyRefused, Unreachable, objects

ID = re.compile(r"[A-Z0-9]{4,20}", re.ASCII)
"""As Tremendous's specification describes it."""

KEY_PREFIXES = {"sandbox": "TEST_", "live": "PROD_"}


async def check(client: Client, account: Account) -> list[Finding]:
    """Everything that an order will need, asked for without ordering anything."""
    key = _key(account)
    try:
        findings = [key, await _organization(client, account)]
    except KeyRefused as error:
        return [key if key.problem else replace(key, problem=str(error))]
    except Unreachable as error:
        return [Finding("address", str(error))]
    except RailError as error:
        findings = [key, Finding("organization", str(error))]
    for subject, ask in (
        ("funding source", _funding),
        ("products", _products),
        ("webhook", _webhook),
    ):
        try:
            findings.append(await ask(client, account))
        except RailError as error:
            findings.append(Finding(subject, str(error)))
    return findings


async def organization(client: Client, account: Account) -> str:
    """The id of the organization that the API key belongs to. Raises RailError."""
    listed = (await client.ask(account, "/organizations")).get("organizations")
    organization_ids = [each.get("id") for each in objects(listed)]
    if (
        len(organization_ids) != 1
        or not isinstance(organization_ids[0], str)
        or not ID.fullmatch(organization_ids[0])
    ):
        raise RailError("Tremendous does not say which organization the API key belongs to.")
    return organization_ids[0]


def _key(account: Account) -> Finding:
    key = account.credentials.get("api_key", "")
    prefix = KEY_PREFIXES[account.environment]
    if not key.startswith(prefix):
        problem = (
            f"The API key of a {account.environment} account begins with {prefix}: make one in "
            f"Tremendous's {account.environment} dashboard and connect again."
        )
        return Finding("API key", problem)
    return Finding("API key", detail=f"{account.environment}, {prefix}…")


async def _organization(client: Client, account: Account) -> Finding:
    organization_id = await organization(client, account)
    connected = account.settings.get("organization_id", organization_id)
    problem = None
    if organization_id != connected:
        problem = f"The API key is of another organization than {connected}, which was connected."
    return Finding("organization", problem, organization_id)


async def _funding(client: Client, account: Account) -> Finding:
    subject = "funding source"
    source = await holdings.source(client, account)
    status, meta = source.get("status", "active"), holdings.meta_of(source)
    if status != "active":
        return Finding(subject, f"Tremendous says that it is {status}: choose another one.")
    if meta.get("currency_code", CURRENCY) != CURRENCY:
        return Finding(subject, "It is not in US dollars, which is all that we pay with.")
    cents = meta.get("available_cents")
    if not isinstance(cents, int):
        return Finding(subject, detail=str(source.get("method")))
    available = f"{dollars(cents)} available"
    if cents <= 0:
        problem = "It is empty: add money at Tremendous; orders wait until then."
        return Finding(subject, problem, available, harmless=True)
    if account.low_float is not None and cents < account.low_float:
        problem = f"{available}, below low_float: add money at Tremendous."
        return Finding(subject, problem, available, harmless=True)
    return Finding(subject, detail=available)


async def _products(client: Client, account: Account) -> Finding:
    count = len(await catalogue.fetch(client, account))
    if not count:
        return Finding("products", "The account may sell no gift card in US dollars.")
    return Finding("products", detail=f"{count} gift cards in US dollars")


async def _webhook(client: Client, account: Account) -> Finding:
    """Orders are looked up without one as well, only later."""
    subject = "webhook"
    body = await client.ask(account, "/webhooks")
    place = f"{account.business_id}/callback"
    hooks = objects(body.get("webhooks"))
    ours = [hook for hook in hooks if str(hook.get("url")).rstrip("/").endswith(place)]
    if not ours:
        problem = "None at Tremendous calls this business's callback address, so orders that "
        problem += "wait for approval or are canceled are noticed late."
        return Finding(subject, problem, harmless=True)
    key = account.credentials.get("webhook_key")
    if not key:
        return Finding(subject, "Its private key is not connected as webhook_key: it is refused.")
    theirs = [hook.get("private_key") for hook in ours]
    if not any(_same(key, each) for each in theirs if isinstance(each, str)):
        return Finding(subject, "Its private key is another than webhook_key: it is refused.")
    return Finding(subject, detail="registered")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
