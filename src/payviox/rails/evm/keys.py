"""Who signs a wallet's transactions: a key in an encrypted keystore file (keystores.py), or an
external signer (external_signers.py). Keys stay in memory; none reaches a log, an error or a repr.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from payviox.rails.evm import addresses
from payviox.rails.protocol import Account


class SignerError(Exception):
    """Nothing was signed; the message says why and what to do. It holds no secret."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction ready to be broadcast: its bytes, and its hash with 0x."""

    raw: bytes = field(repr=False)
    hash: str


class Signer(Protocol):
    """Signs for one wallet."""

    @property
    def address(self) -> str:
        """The key's address in EIP-55 spelling."""
        ...

    async def sign(self, chain_id: int, transaction: Mapping[str, Any]) -> Signed:
        """`transaction` as web3 names it: `to`, `value`, `data`, `nonce`, `gas`, and either
        `gasPrice` or both of `maxFeePerGas` and `maxPriorityFeePerGas`; integers in wei, bytes or
        0x text as data. Raises SignerError."""
        ...


def wallet_of(account: Account) -> str:
    """The address that the account says it pays from, in EIP-55 spelling. Raises SignerError."""
    address = str(account.settings.get("address", ""))
    problem = addresses.problem(address)
    if problem is not None:
        raise SignerError(f"The wallet's address {problem}: connect the account again.")
    return addresses.checksummed(address)
