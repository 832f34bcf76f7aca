"""The EVM chains that a wallet pays on, and those known by name. How an operator names others is in
chain_settings.py. Gas prices are in gwei, times in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import urlsplit

from payviox.rails.protocol import Environment

COIN_DECIMALS = 18
"""Of every EVM chain's native coin."""

TEST_IDS = frozenset(
    {97, 1_337, 17_000, 31_337, 43_113, 80_002, 84_532, 421_614, 560_048, 11_155_111, 11_155_420}
)
"""Chain ids of well-known test chains, where coins are free."""

PRODUCTION_IDS = frozenset(
    {1, 10, 14, 25, 30, 40, 50, 56, 61, 88, 100, 130, 137, 143, 146, 169, 199, 204, 250, 252, 288}
    | {314, 324, 480, 592, 999, 1_030, 1_088, 1_101, 1_116, 1_135, 1_284, 1_285, 1_329, 1_868}
    | {2_020, 2_222, 2_741, 5_000, 7_700, 8_217, 8_453, 33_139, 34_443, 42_161, 42_170, 42_220}
    | {43_114, 48_900, 57_073, 59_144, 60_808, 80_094, 81_457, 167_000, 534_352, 7_777_777}
)
"""Chain ids of well-known chains whose coins are worth money: no test business pays there, whatever
its settings say. The list need not be complete, since an unknown chain counts as production too."""


class ChainError(ValueError):
    """A chain that cannot be used as it is named; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 stablecoin, counted as a dollar each, pinned by its contract's address."""

    symbol: str
    address: str
    decimals: int


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """What the operator says that a coin is worth, in US dollars, and until when."""

    rate: Decimal
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain to pay on. `confirmations` counts the block with the transaction as the first;
    `legacy_fees` has one gas price instead of EIP-1559's two; `poa` needs the proof-of-authority
    reading of blocks; above `max_fee_gwei` nothing is sent or raised; an answer of `price_feed`
    (Chainlink's AggregatorV3, US dollars a coin) older than `price_max_age_s` is stale."""

    name: str
    chain_id: int
    coin: str
    confirmations: int
    block_s: float
    max_fee_gwei: int
    legacy_fees: bool = False
    poa: bool = False
    tokens: Mapping[str, Token] = field(default_factory=dict)
    price_feed: str | None = None
    price_max_age_s: int = 3_900
    test: bool = False
    fixed_price: FixedPrice | None = None
    rpc_urls: tuple[str, ...] = field(default=(), repr=False)

    @property
    def currencies(self) -> tuple[str, ...]:
        """What can be paid here: the coin, then the tokens."""
        return (self.coin, *self.tokens)

    def decimals(self, currency: str) -> int:
        """The decimals of one of the `currencies`."""
        return COIN_DECIMALS if currency == self.coin else self.tokens[currency].decimals


def _stablecoins(usdt: str, usdc: str, decimals: int) -> Mapping[str, Token]:
    return MappingProxyType(
        {"USDT": Token("USDT", usdt, decimals), "USDC": Token("USDC", usdc, decimals)}
    )


BUILT_IN: Mapping[str, Chain] = MappingProxyType(
    {
        "ERC20": Chain(
            "ERC20",
            1,
            "ETH",
            confirmations=12,
            block_s=12.0,
            max_fee_gwei=200,
            tokens=_stablecoins(
                "0xdAC17F958D2ee523a2206206994597C13D831ec7",
                "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
                6,
            ),
            price_feed="0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419",
        ),
        "BEP20": Chain(
            "BEP20",
            56,
            "BNB",
            confirmations=20,
            block_s=1.0,
            max_fee_gwei=20,
            legacy_fees=True,
            poa=True,
            # Eighteen decimals, unlike the same coins elsewhere.
            tokens=_stablecoins(
                "0x55d398326f99059fF775485246999027B3197955",
                "0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d",
                18,
            ),
            price_feed="0x0567F2323251f0Aab15c8dFb1967E4e8A7D42aeE",
        ),
        "POLYGON": Chain(
            "POLYGON",
            137,
            "POL",
            confirmations=128,
            block_s=2.0,
            max_fee_gwei=2_000,
            poa=True,
            tokens=_stablecoins(
                "0xc2132D05D31c914a87C6611C10748AEb04B58e8F",
                "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
                6,
            ),
            price_feed="0xAB594600376Ec9fD91F8e885dADF0CE036862dE0",
        ),
    }
)
"""Known by name; the addresses are the issuers' and Chainlink's."""


def check_environment(chains: Mapping[str, Chain], environment: Environment) -> None:
    """Test money is free, so it never pays on a production chain; and a live business's payout
    users are not paid in worthless coins. Raises ChainError."""
    for chain in chains.values():
        if environment == "sandbox" and not chain.test:
            raise ChainError(
                f"{chain.name} (chain {chain.chain_id}) is a production chain; a test business pays"
                " on test chains only. A test chain that is not well known is marked `test = true`."
            )
        if environment == "live" and chain.test:
            raise ChainError(
                f"{chain.name} (chain {chain.chain_id}) is a test chain; a live business pays on"
                " production chains only."
            )


def shown_url(url: str) -> str:
    """A node's URL without what may be a key: for logs, tables and messages."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
