"""What a payment would cost and what of which coin would arrive. Amounts are US cents, save the
asset's own units."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from payviox.rails.evm import addresses, amounts, gas
from payviox.rails.evm.chain_account import ChainAccount, basis_points, call
from payviox.rails.evm.chains import Chain
from payviox.rails.evm.client import NodeError, Reverted
from payviox.rails.evm.prices import PriceError, Rate
from payviox.rails.evm.terms import Terms, asset
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, Price, Quote, Request
from payviox.rails.protocol import Account

QUOTE_LIFETIME = timedelta(minutes=5)

LEAST_TIMES_COST = 4
"""Where the sender pays the network and set no least amount: a payment is worth so many times what
the network takes of it now, so that a cent costs nobody dollars."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a payment is to go: the account's chain, one of its currencies, and the address in
    EIP-55 spelling."""

    chain: Chain
    currency: str
    to: str


def read(account: Account, chains: Mapping[str, Chain], destination: Mapping[str, Any]) -> Asked:
    """The destination as the account can pay it. Raises Invalid."""
    missing = [name for name in ("currency", "chain", "to_address") if not destination.get(name)]
    if missing:
        raise Invalid({f"crypto.{n}": [f"The crypto.{n} field is required."] for n in missing})
    problems: dict[str, list[str]] = {}
    chain = chains.get(str(destination["chain"]))
    if chain is None:
        problems["crypto.chain"] = [f"The crypto.chain must be one of: {', '.join(chains)}."]
    elif destination["currency"] not in payable(chain):
        offered = ", ".join(payable(chain))
        problems["crypto.currency"] = [f"The crypto.currency must be one of: {offered}."]
    address = str(destination["to_address"])
    contracts = [] if chain is None else [token.address for token in chain.tokens.values()]
    problem = addresses.payee_problem(
        address, wallets=[str(account.settings["address"])], contracts=contracts
    )
    if problem is not None:
        problems["crypto.to_address"] = [f"The crypto.to_address {problem}."]
    if problems or chain is None:
        raise Invalid(problems)
    return Asked(chain, str(destination["currency"]), addresses.checksummed(address))


def payable(chain: Chain) -> tuple[str, ...]:
    """The chain's currencies that have a price: its coin only where somebody says what it is
    worth."""
    priced = chain.price_feed is not None or chain.fixed_price is not None
    return tuple(name for name in chain.currencies if priced or name != chain.coin)


async def quote(chain_account: ChainAccount, payment: Asked, request: Request) -> Quote:
    """Raises Invalid, NodeError and PriceError."""
    rate = await chain_account.rate(payment.currency)
    network_fee = 0
    if chain_account.account.fees.payer == "recipient":
        network_fee = await _network_fee(chain_account, payment)
    price = priced(chain_account.account.fees, request, network_fee)
    field = "amount" if request.net_amount is None else "net_amount"
    least = await least_net(chain_account, payment)
    if price.net_amount < least:
        raise Invalid({field: [f"The {field} must be at least {least}: the network is dear now."]})
    expires_at = min(rate.expires_at, datetime.now(UTC) + QUOTE_LIFETIME)
    promised_rate = Rate(rate.rate, rate.source, expires_at)
    promised = _terms(chain_account, payment, promised_rate, price.net_amount, network_fee)
    if promised is None:
        raise Invalid({field: [f"The {field} cannot be paid in {payment.currency} to the cent."]})
    promised = replace(promised, unused=await _unused(chain_account, promised))
    return price.quote(promised.destination(), expires_at)


async def _unused(chain_account: ChainAccount, promised: Terms) -> bool:
    """Whether the payer should look twice at the address; nobody is kept from being paid by it."""
    try:
        return await chain_account.node.unused(promised.to, promised.token)
    except NodeError:
        return False


async def least_net(chain_account: ChainAccount, payment: Asked) -> int:
    """The least net amount in cents that is paid there now, where the account's own fee policy and
    limits set none: 0 where they do, or where nobody knows what the coin is worth. Raises Invalid
    and NodeError."""
    account = chain_account.account
    if account.fees.payer != "sender" or account.min_amount is not None:
        return 0
    try:
        return LEAST_TIMES_COST * await _network_fee(chain_account, payment)
    except PriceError:
        return 0


def priced(policy: FeePolicy, request: Request, network_fee: int) -> Price:
    """What is asked for with its fees, network fee included. Raises Invalid where nothing would be
    left."""
    if request.amount is None:
        net_amount = request.net_amount or 0
        return Price.of_net(net_amount, network_fee + policy.of_net(net_amount + network_fee))
    price = Price.of_amount(request.amount, network_fee + policy.of_amount(request.amount))
    if price.net_amount <= 0:
        raise Invalid({"amount": [f"The amount must be more than its fees of {price.fees}."]})
    return price


def _terms(
    chain_account: ChainAccount, payment: Asked, rate: Rate, net_amount: int, network_fee: int
) -> Terms | None:
    """None for an amount that is no amount of the asset."""
    token, decimals = asset(payment.chain, payment.currency)
    spread_bp = basis_points(chain_account.account.settings, "spread_bp", 0)
    units = amounts.bought(net_amount, rate.rate, spread_bp, decimals)
    if units == 0 or amounts.loses_a_cent(net_amount, units, rate.rate, spread_bp, decimals):
        return None
    return Terms(
        payment.chain.name,
        payment.chain.chain_id,
        payment.currency,
        token,
        decimals,
        payment.to,
        units,
        rate,
        network_fee,
    )


async def _network_fee(chain_account: ChainAccount, payment: Asked) -> int:
    """What the network will take, in cents, rounded up. Raises Invalid, NodeError, PriceError."""
    token, _ = asset(payment.chain, payment.currency)
    market = await gas.ask(chain_account.node)
    coin = await chain_account.rate(payment.chain.coin)
    try:
        used = await gas.estimate(
            chain_account.node, chain_account.address, call(token, payment.to, 1)
        )
    except Reverted as error:
        if token is None:
            problem = "The crypto.to_address does not accept payments."
            raise Invalid({"crypto.to_address": [problem]}) from error
        used = gas.TOKEN_GAS  # of a wallet that is empty just now
    except NodeError:
        used = gas.COIN_GAS if token is None else gas.TOKEN_GAS  # as above
    return amounts.worth_at_least(used * market.quoted, coin.rate)
