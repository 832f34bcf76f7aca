"""What an order keeps for this rail in its destination: besides where the money goes, the terms
that were quoted, so that they can be checked before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from payviox.rails.evm import amounts
from payviox.rails.evm.chains import Chain
from payviox.rails.evm.prices import Rate, Source


@dataclass(frozen=True, slots=True)
class Terms:
    """What was promised: so many units of an asset, at this price. `token` None is the coin;
    `network_fee` is what of the fees was quoted for the network, in cents; `unused` says that the
    chain knew nothing of the address, which may be one of another network."""

    chain: str
    chain_id: int
    currency: str
    token: str | None
    decimals: int
    to: str
    units: int
    rate: Rate
    network_fee: int
    unused: bool = False

    @property
    def crypto_amount(self) -> str:
        return amounts.text(self.units, self.decimals)

    def holds(self, chain: Chain) -> bool:
        """Whether the account's chain of this name is still the one that was quoted."""
        if self.chain_id != chain.chain_id or self.currency not in chain.currencies:
            return False
        return (self.token, self.decimals) == asset(chain, self.currency)

    def destination(self) -> dict[str, Any]:
        """These terms as the order keeps them."""
        return {
            "currency": self.currency,
            "chain": self.chain,
            "to_address": self.to,
            "crypto_amount": self.crypto_amount,
            "terms": {
                "chain_id": self.chain_id,
                "token": self.token,
                "decimals": self.decimals,
                "rate": str(self.rate.rate),
                "source": self.rate.source,
                "expires_at": self.rate.expires_at.isoformat(),
                "network_fee": self.network_fee,
                "unused": self.unused,
            },
        }


def asset(chain: Chain, currency: str) -> tuple[str | None, int]:
    """A currency's contract, None for the coin, and its decimals."""
    token = None if currency == chain.coin else chain.tokens[currency].address
    return token, chain.decimals(currency)


def terms(destination: Mapping[str, Any]) -> Terms:
    """Reads what `Terms.destination` wrote."""
    quoted = destination["terms"]
    source: Source = quoted["source"]
    return Terms(
        destination["chain"],
        quoted["chain_id"],
        destination["currency"],
        quoted["token"],
        quoted["decimals"],
        destination["to_address"],
        amounts.units(destination["crypto_amount"], quoted["decimals"]),
        Rate(Decimal(quoted["rate"]), source, datetime.fromisoformat(quoted["expires_at"])),
        quoted["network_fee"],
        quoted.get("unused", False),  # terms of before 2026-11-29 do not say it
    )
