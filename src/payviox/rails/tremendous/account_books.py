"""What Tremendous says of a business's account there: its money, its orders, its products, and
whether all is set up. Nothing here orders anything. Amounts are US cents."""

import hmac
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from payviox.money import CURRENCY, dollars
from payviox.rails.protocol import Account, Entry, Finding, Holding, RailError
from payviox.rails.tremendous import status as states
from payviox.rails.tremendous.amounts import to_dollars
from payviox.rails.tremendous.catalogue import Product, read_products
from payviox.rails.tremendous.client import Client, KeyRefused, Unreachable, path

PAGE = 500
"""Orders asked for at once: the most that Tremendous gives."""

METHODS = {"BALANCE": "balance", "INVOICE": "invoice", "INVOICE_THEN_BALANCE": "invoice"}
"""Words that Tremendous takes in place of a funding source's id, and which source they mean."""

ID = re.compile(r"[A-Z0-9]{4,20}", re.ASCII)
"""As Tremendous's specification describes it."""

KEY_PREFIXES = {"sandbox": "TEST_", "live": "PROD_"}


async def fetch_products(client: Client, account: Account) -> list[Product]:
    """What can be offered, as it is now. Raises RailError."""
    body = await client.ask(account, "/products", {"currency": CURRENCY})
    found = body.get("products")
    if not isinstance(found, list):
        raise RailError("Tremendous answered a request for its products with something else.")
    return read_products(found)


async def organization(client: Client, account: Account) -> str:
    """The id of the organization that the API key belongs to. Raises RailError."""
    listed = (await client.ask(account, "/organizations")).get("organizations")
    found = [each.get("id") for each in _objects(listed)]
    if len(found) != 1 or not isinstance(found[0], str) or not ID.fullmatch(found[0]):
        raise RailError("Tremendous does not say which organization the API key belongs to.")
    return found[0]


async def holdings(client: Client, account: Account) -> list[Holding]:
    """What the configured funding source holds; nothing where it is one that holds nothing, such
    as a credit card. Raises RailError."""
    meta = _meta(await _source(client, account))
    cents = meta.get("available_cents")
    if not isinstance(cents, int):
        return []
    currency = str(meta.get("currency_code", CURRENCY))
    known = cents if currency == CURRENCY else None
    low = account.low_float is not None and known is not None and known < account.low_float
    return [Holding(currency, f"{to_dollars(cents):f}", known, low)]


async def orders(
    client: Client, account: Account, since: datetime
) -> AsyncIterator[Sequence[Entry]]:
    """Every order made since then, page by page. Raises RailError."""
    # Newest first: orders made meanwhile push others to later pages, where they are told again.
    span = {"created_at[gte]": _iso(since)}
    offset = 0
    while True:
        paging = {"limit": str(PAGE), "offset": str(offset)}
        body = await client.ask(account, "/orders", span | paging)
        page, total = body.get("orders"), body.get("total_count")
        if not isinstance(page, list) or not all(isinstance(order, Mapping) for order in page):
            raise RailError("Tremendous answered a request for its orders with something else.")
        if page:
            yield [states.entry(order) for order in page]
        offset += len(page)
        full = offset < total if isinstance(total, int) else len(page) == PAGE
        if not page or not full:
            return


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
    found = await organization(client, account)
    connected = account.settings.get("organization_id", found)
    problem = None
    if found != connected:
        problem = f"The API key is of another organization than {connected}, which was connected."
    return Finding("organization", problem, found)


async def _funding(client: Client, account: Account) -> Finding:
    subject = "funding source"
    source = await _source(client, account)
    status, meta = source.get("status", "active"), _meta(source)
    if status != "active":
        return Finding(subject, f"Tremendous says that it is {status}: choose another one.")
    if meta.get("currency_code", CURRENCY) != CURRENCY:
        return Finding(subject, "It is not in US dollars, which is all that we pay with.")
    cents = meta.get("available_cents")
    if not isinstance(cents, int):
        return Finding(subject, detail=str(source.get("method")))
    held = f"{dollars(cents)} available"
    if cents <= 0:
        problem = "It is empty: add money at Tremendous; orders wait until then."
        return Finding(subject, problem, held, harmless=True)
    if account.low_float is not None and cents < account.low_float:
        problem = f"{held}, below low_float: add money at Tremendous."
        return Finding(subject, problem, held, harmless=True)
    return Finding(subject, detail=held)


async def _products(client: Client, account: Account) -> Finding:
    count = len(await fetch_products(client, account))
    if not count:
        return Finding("products", "The account may sell no gift card in US dollars.")
    return Finding("products", detail=f"{count} gift cards in US dollars")


async def _webhook(client: Client, account: Account) -> Finding:
    """Orders are looked up without one as well, only later."""
    subject = "webhook"
    body = await client.ask(account, "/webhooks")
    place = f"{account.business_id}/callback"
    hooks = _objects(body.get("webhooks"))
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


async def _source(client: Client, account: Account) -> Mapping[str, Any]:
    """The configured funding source. Tremendous's list of them may be some time behind, so the one
    is asked for by itself. Raises RailError."""
    wanted = str(account.settings.get("funding_source_id", ""))
    method = METHODS.get(wanted.upper())
    body = await client.ask(account, "/funding_sources")
    for source in _objects(body.get("funding_sources")):
        active = source.get("status", "active") == "active"
        if source.get("id") == wanted or (method and active and source.get("method") == method):
            one = path("funding_sources", str(source.get("id")))
            fresh = (await client.ask(account, one, missing=True)).get("funding_source")
            return fresh if isinstance(fresh, Mapping) else source
    raise RailError(f"Tremendous has no funding source {wanted or '(none is configured)'}.")


def _objects(listed: object) -> list[Mapping[str, Any]]:
    return [o for o in listed if isinstance(o, Mapping)] if isinstance(listed, list) else []


def _meta(source: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = source.get("meta")
    return meta if isinstance(meta, Mapping) else {}


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
