"""`/redeem/withdraw/crypto`: in which coin on which network, to which address, and how much."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.errors import FieldErrors
from payviox.rails.orders import Request
from payviox.rails.protocol import Method
from payviox.redeem.saved.show import chosen
from payviox.redeem.visits import BALANCE, ROUTE, Visit, show, visit_of
from payviox.redeem.withdraw.quoting import (
    FormView,
    money_of,
    price,
    read_amount,
)
from payviox.web.context import Call
from payviox.web.pages import redirect
from payviox.withdrawals import whereabouts

PATH = f"{ROUTE}/withdraw/crypto"


class Network(msgspec.Struct, frozen=True):
    """A coin on a network; `value` is what the form sends."""

    value: str
    coin: str
    network: str


@get(PATH, include_in_schema=False)
async def ask_crypto(request: Call) -> Response[Any]:
    """The form, with the whole balance, which says itself what it lacks."""
    visit = await visit_of(request)
    money = await money_of(request, visit, "crypto")
    if money.most < money.least:
        return redirect(BALANCE)
    saved = await chosen(request, visit, "crypto")
    typed = {}
    if saved:
        network = f"{saved['chain']} {saved['currency']}"
        typed = {"address": str(saved["to_address"]), "network": network}
    return await _form(request, visit, FormView(money, typed))


@post(PATH, include_in_schema=False, status_code=200)
async def price_crypto(request: Call) -> Response[Any]:
    """Ask for a price; then the review."""
    visit = await visit_of(request)
    money = await money_of(request, visit, "crypto")
    wanted = partial(_request, visit)
    again = partial(_form, request, visit)
    return await price(request, visit, money, wanted, again)


def networks_of(method: Method) -> list[Network]:
    """What there is to choose from."""
    return [
        Network(f"{chain} {coin}", coin, whereabouts.network(chain))
        for chain, coins in method.options.get("chains", {}).items()
        for coin in coins
    ]


def _request(visit: Visit, form: Mapping[str, str]) -> Request:
    amount, net_amount = read_amount(form, visit.language)
    chain, _, coin = form.get("network", "").partition(" ")
    address = "".join(form.get("address", "").split())
    if not address:
        raise FieldErrors({"crypto.to_address": []})
    if not coin:
        raise FieldErrors({"crypto.chain": []})
    destination = {"currency": coin, "chain": chain, "to_address": address}
    return Request(visit.business.id, "crypto", destination, amount, net_amount)


async def _form(request: Call, visit: Visit, view: FormView, status: int = 200) -> Response[Any]:
    networks = networks_of(view.money.method)
    return show(request, visit, "withdraw/crypto.html", view, status=status, networks=networks)


ROUTES = [ask_crypto, price_crypto]
