"""One chain of one business's account, with all that paying there needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from payviox.rails.evm.books import Books, Wallet
from payviox.rails.evm.chains import Chain
from payviox.rails.evm.client import Node
from payviox.rails.evm.keys import Signer
from payviox.rails.evm.prices import Rate
from payviox.rails.protocol import Account


@dataclass(frozen=True, slots=True)
class ChainAccount:
    """`address` is the wallet's, in EIP-55 spelling; `signer` opens its key (SignerError), `rate`
    tells what a currency of the chain is worth (PriceError, NodeError)."""

    account: Account
    address: str
    chain: Chain
    node: Node
    books: Books = field(repr=False)
    signer: Callable[[], Awaitable[Signer]] = field(repr=False)
    rate: Callable[[str], Awaitable[Rate]] = field(repr=False)

    @property
    def wallet(self) -> Wallet:
        return Wallet(self.account.business_id, self.chain.chain_id, self.address)


def call(token: str | None, to: str, units: int) -> dict[str, Any]:
    """The part of a transaction that moves so much: of the coin, or by the token's `transfer`
    (ERC-20)."""
    if token is None:
        return {"to": to, "value": units, "data": "0x"}
    data = f"0xa9059cbb{int(to, 16):064x}{units:064x}"
    return {"to": token, "value": 0, "data": data}


def basis_points(settings: Mapping[str, Any], name: str, default: int) -> int:
    """A setting of the account in basis points, from 0 to 9,999."""
    value = settings.get(name, default)
    return value if isinstance(value, int) and 0 <= value < 10_000 else default
