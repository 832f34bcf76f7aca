"""What the funding source of an account at Tremendous holds, in US cents."""

from collections.abc import Mapping, Sequence
from typing import Any

from payviox.money import CURRENCY
from payviox.rails.protocol import Account, Holding, RailError
from payviox.rails.tremendous.amounts import to_dollars
from payviox.rails.tremendous.client import Client, objects, path

METHODS = {"BALANCE": "balance", "INVOICE": "invoice", "INVOICE_THEN_BALANCE": "invoice"}
"""Words that Tremendous takes in place of a funding source's id, and which source they mean."""


async def read(client: Client, account: Account) -> list[Holding]:
    """What the configured funding source holds; nothing where it is one that holds nothing, such
    as a credit card. Raises RailError."""
    meta = meta_of(await source(client, account))
    cents = meta.get("available_cents")
    if not isinstance(cents, int):
        return []
    currency = str(meta.get("currency_code", CURRENCY))
    known = cents if currency == CURRENCY else None
    low = account.low_float is not None and known is not None and known < account.low_float
    return [Holding(currency, f"{to_dollars(cents):f}", known, low)]


def is_below(holdings: Sequence[Holding], price: int) -> bool:
    """Whether one of them surely is less than a price in cents."""
    return any(holding.cents is not None and holding.cents < price for holding in holdings)


async def source(client: Client, account: Account) -> Mapping[str, Any]:
    """The configured funding source. Tremendous's list of them may be some time behind, so the one
    is asked for by itself. Raises RailError."""
    wanted = str(account.settings.get("funding_source_id", ""))
    method = METHODS.get(wanted.upper())
    body = await client.ask(account, "/funding_sources")
    for listed in objects(body.get("funding_sources")):
        active = listed.get("status", "active") == "active"
        if listed.get("id") == wanted or (method and active and listed.get("method") == method):
            one = path("funding_sources", str(listed.get("id")))
            fresh = (await client.ask(account, one, missing=True)).get("funding_source")
            return fresh if isinstance(fresh, Mapping) else listed
    raise RailError(f"Tremendous has no funding source {wanted or '(none is configured)'}.")


def meta_of(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a funding source says of its money."""
    meta = source.get("meta")
    return meta if isinstance(meta, Mapping) else {}
