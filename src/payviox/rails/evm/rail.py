"""Crypto from a business's own wallet as a rail: which chain and key an order needs, and what
becomes of it where they are missing. How a payment is made and followed is in submit.py and
lookup.py."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from payviox.rails.evm import check, lookup, nonce_gaps, prices, statement, submit
from payviox.rails.evm import float as holdings
from payviox.rails.evm import quote as quoting
from payviox.rails.evm.books import Books, Payment
from payviox.rails.evm.chain_account import ChainAccount
from payviox.rails.evm.chain_settings import chains_of
from payviox.rails.evm.chains import Chain, ChainError
from payviox.rails.evm.client import Node, NodeError
from payviox.rails.evm.keys import SignerError, wallet_of
from payviox.rails.evm.prices import PriceError
from payviox.rails.evm.signers import Signers
from payviox.rails.evm.terms import terms
from payviox.rails.orders import Invalid, Provider, Quote, ReadyOrder, Request
from payviox.rails.protocol import (
    Account,
    Accounts,
    Entry,
    Finding,
    Holding,
    Known,
    Outcome,
    RailError,
)
from payviox.rails.waiting import Waiting

NOT_CONNECTED_AGAIN_S = 300.0


class EvmRail:
    """Implements payviox.rails.protocol.Rail, Connected and KeepsPayable."""

    name = "evm"
    remembers_s: float | None = None
    authoritative = True
    lists_all = True

    def __init__(self, accounts: Accounts, books: Books, signers: Signers | None = None) -> None:
        self._accounts = accounts
        self._books = books
        self._signers = signers or Signers()
        self._nodes: dict[tuple[UUID, str], Node] = {}
        self._left: list[Node] = []

    async def quote(self, request: Request) -> Quote:
        """Raises Invalid, and RailError where a price cannot be had just now."""
        account = await self._account(request.business_id)
        payment = quoting.read(account, _chains(account), request.destination)
        try:
            return await quoting.quote(
                self._chain_account(account, payment.chain), payment, request
            )
        except (NodeError, PriceError) as error:
            raise RailError(str(error)) from error

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """The order as it was quoted. Raises Invalid and RailError."""
        account = await self._account(request.business_id)
        payment = quoting.read(account, _chains(account), request.destination)
        destination: dict[str, Any] = {
            "currency": payment.currency,
            "chain": payment.chain.name,
            "to_address": payment.to,
        }
        if destination.items() <= quote.destination.items():
            destination = quote.destination
            if not terms(destination).holds(payment.chain):
                raise Invalid({"quote_id": ["The chain was changed: ask for a new quote."]})
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
            self.name,
            quote.amount,
            quote.fees,
            quote.net_amount,
            destination,
            email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        """Send it: not sent before the payment has a nonce, accepted or unknown from then on."""
        account = await self._accounts.find(order.business_id, self.name)
        try:
            chain_account = self._chain_account(*_named(account, order.destination["chain"]))
        except _Missing as missing:
            if await self._books.find(order.business_id, reference) is not None:
                return Outcome("unknown", evidence={"error": missing.waiting})
            return Outcome("not_sent", waiting=missing.waiting, again_s=NOT_CONNECTED_AGAIN_S)
        return await submit.submit(chain_account, order, reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        """Ask the chain: not found only where nothing was ever signed for the reference, nor will
        be."""
        payment = await self._books.find(order.business_id, reference)
        if payment is None:
            return Outcome("not_found")
        account = await self._accounts.find(order.business_id, self.name)
        try:
            chain_account = self._chain_account(*_of_payment(account, payment))
        except _Missing as missing:
            return Outcome("unknown", evidence={"error": missing.waiting, "nonce": payment.nonce})
        return await lookup.look_up(chain_account, order, payment)

    async def still_payable(self, business_id: UUID, reference: str) -> str | None:
        """Whatever was signed, or may yet be, can be mined while the payment's nonce is unused."""
        payment = await self._books.find(business_id, reference)
        if payment is None:
            return None
        account = await self._accounts.find(business_id, self.name)
        try:
            chain_account = self._chain_account(*_of_payment(account, payment))
        except _Missing:
            where = f"chain {payment.wallet.chain_id}"
            return f"Nobody can say whether it is paid: connect the wallet on {where} as it was."
        return await nonce_gaps.still_payable(chain_account, payment)

    async def read_float(self, business_id: UUID) -> list[Holding]:
        """What each chain's wallet holds of coin and tokens, without what open payments will take.
        Raises RailError."""
        account = await self._account(business_id)
        chain_accounts = [
            self._chain_account(account, chain) for chain in _chains(account).values()
        ]
        return await holdings.read(chain_accounts)

    def statement(
        self, business_id: UUID, since: datetime, known: AsyncIterator[Sequence[Known]]
    ) -> AsyncIterator[Sequence[Entry]]:
        """What the chains have of our payments, and what left the wallet besides. Raises
        RailError."""
        return self._statement(business_id, since, known)

    async def _statement(
        self, business_id: UUID, since: datetime, known: AsyncIterator[Sequence[Known]]
    ) -> AsyncIterator[Sequence[Entry]]:
        account = await self._account(business_id)
        chain_accounts = [
            self._chain_account(account, chain) for chain in _chains(account).values()
        ]
        async for page in statement.read(self._books, chain_accounts, business_id, since, known):
            yield page

    def serves(self, account: Account, provider: Provider, destination: Mapping[str, Any]) -> bool:
        """Whether the destination's chain is one of the account's."""
        if provider != "crypto":
            return False
        chains = account.settings.get("chains") or {}
        return not destination or destination.get("chain") in chains

    def options(self, account: Account) -> Mapping[str, Any]:
        """The account's chains with what can be paid on each."""
        try:
            chains = _chains(account)
        except RailError:
            return {}
        return {"chains": {chain.name: list(quoting.payable(chain)) for chain in chains.values()}}

    async def check(self, account: Account) -> list[Finding]:
        """Asks each chain's node and opens the key."""
        try:
            chains = _chains(account)
        except RailError as error:
            return [Finding("settings", str(error))]
        return await check.check([self._chain_account(account, chain) for chain in chains.values()])

    async def close(self) -> None:
        """Hang up and forget the keys."""
        nodes = [*self._nodes.values(), *self._left]
        self._nodes, self._left = {}, []
        for node in nodes:
            await node.close()
        await self._signers.close()

    async def _account(self, business_id: UUID) -> Account:
        account = await self._accounts.find(business_id, self.name)
        if account is None:
            raise RailError("The business has connected no wallet.")
        return account

    def _chain_account(self, account: Account, chain: Chain) -> ChainAccount:
        node = self._node(account, chain)
        return ChainAccount(
            account,
            wallet_of(account),
            chain,
            node,
            self._books,
            signer=partial(self._signers.of, account),
            rate=partial(prices.rate, node, chain),
        )

    def _node(self, account: Account, chain: Chain) -> Node:
        """One for each business and chain, anew where its settings were changed. What an old one
        has under way goes on."""
        key = account.business_id, chain.name
        node = self._nodes.get(key)
        if node is None or node.chain != chain:
            if node is not None:
                self._left.append(node)
            node = self._nodes[key] = Node(chain)
        return node


class _Missing(Exception):
    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting)
        self.waiting = waiting


def _chains(account: Account) -> dict[str, Chain]:
    """Raises RailError where the account's settings are wrong."""
    try:
        wallet_of(account)
        return chains_of(account)
    except (ChainError, SignerError) as error:
        raise RailError(str(error)) from error


def _named(account: Account | None, name: str) -> tuple[Account, Chain]:
    """Raises _Missing. A disabled account gets no new orders; those under way go on."""
    if account is None:
        raise _Missing("rail_not_connected")
    try:
        return account, _chains(account)[name]
    except RailError as error:
        raise _Missing("rail_misconfigured") from error
    except KeyError as error:
        raise _Missing("chain_not_connected") from error


def _of_payment(account: Account | None, payment: Payment) -> tuple[Account, Chain]:
    """The chain on which the payment has its nonce, whatever it is called now. Raises _Missing."""
    if account is None:
        raise _Missing("rail_not_connected")
    try:
        chains = _chains(account).values()
    except RailError as error:
        raise _Missing("rail_misconfigured") from error
    for chain in chains:
        if chain.chain_id == payment.wallet.chain_id:
            return account, chain
    raise _Missing("chain_not_connected")
