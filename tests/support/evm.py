"""A test business that pays from a wallet on a real local chain: with a token that answers nothing
and has 6 decimals (USDT), and one with 18 (USDC)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from eth_account import Account as Keys

from payviox.rail_state.evm_books import EvmBooks
from payviox.rails.evm.keys import Signer
from payviox.rails.evm.keystores import KeystoreSigner
from payviox.rails.evm.node_answers import TRANSFER
from payviox.rails.evm.rail import EvmRail
from payviox.rails.evm.signers import Signers
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account, Outcome
from payviox.withdrawals.model import Order
from payviox.withdrawals.routing import Rails, Route
from payviox.withdrawals.sending import claims
from payviox.withdrawals.sending.claims import Claim
from support.anvil import ETHER, GWEI, Contract, Node
from support.businesses import TestBusiness
from support.withdrawals import Desk

CHAIN = "LOCAL"
CONFIRMATIONS = 3
COIN_PRICE = "2000"
PAYEE = "0x52908400098527886E0F7030069857D2E4169EE7"


class OneKey(Signers):
    """A wallet's key, opened already: a keystore takes a second."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.signer = KeystoreSigner(Keys.from_key(key))

    async def of(self, account: Account) -> Signer:
        return self.signer


@dataclass
class OneAccount:
    """Implements payviox.rails.protocol.Accounts."""

    account: Account | None

    async def find(self, business_id: UUID, rail: str) -> Account | None:
        return self.account

    find_to_route = find


@dataclass
class Paying:
    """What such a test works with. Amounts in cents, save the wallet's own."""

    node: Node = field(repr=False)
    usdt: Contract = field(repr=False)
    usdc: Contract = field(repr=False)
    business: TestBusiness = field(repr=False)
    accounts: OneAccount = field(repr=False)
    key: str = field(repr=False)
    rail: EvmRail = field(repr=False)
    desk: Desk = field(repr=False)
    user_id: UUID

    @property
    def address(self) -> str:
        return str(Keys.from_key(self.key).address)

    def fresh_rail(self, books: EvmBooks | None = None) -> EvmRail:
        """As another process has it."""
        return EvmRail(self.accounts, books or EvmBooks(self.business.database), OneKey(self.key))

    def change(self, *, chain: Mapping[str, Any] | None = None, **account: Any) -> None:
        """Other settings of the chain, or other fields of the account."""
        assert self.accounts.account is not None
        changed = replace(self.accounts.account, **account)
        if chain is not None:
            chains = {CHAIN: {**changed.settings["chains"][CHAIN], **chain}}
            changed = replace(changed, settings={**changed.settings, "chains": chains})
        self.accounts.account = changed

    def price(self, rate: str, valid_s: float = 3600) -> None:
        """What the operator says that the coin is worth, in US dollars."""
        until = datetime.now(UTC) + timedelta(seconds=valid_s)
        self.change(chain={"price": {"rate": rate, "expires_at": until.isoformat()}})

    def set(self, **settings: Any) -> None:
        assert self.accounts.account is not None
        self.change(settings={**self.accounts.account.settings, **settings})

    async def order(self, amount: int, to: str, currency: str = "USDT") -> Order:
        """Made, and due to be sent."""
        destination = {"currency": currency, "chain": CHAIN, "to_address": to}
        return await self.desk.withdraw(self.user_id, amount, destination, "crypto")

    async def claim(self) -> list[Claim]:
        """Claims on all that is due, as a worker takes them."""
        business_id = self.business.business_id
        return await self.business.database.write(
            claims.take, business_id, self.desk.rails, lambda _: 1000
        )

    async def submit(self, claim: Claim, rail: EvmRail | None = None) -> Outcome:
        return await (rail or self.rail).submit(claim.ready, claim.reference)

    async def look_up(self, claim: Claim, rail: EvmRail | None = None) -> Outcome:
        return await (rail or self.rail).look_up(claim.ready, claim.reference)

    async def settle(self, order: Order) -> Order:
        """The order after its rail was asked once more."""
        await self.desk.hurry()
        await self.desk.process()
        return await self.desk.get(order)

    async def scalar(self, query: str, *parameters: object) -> Any:
        return await self.business.scalar(query, *parameters)

    async def answer(self, order: Order) -> dict[str, Any]:
        """What the rail last said of the order, with its evidence."""
        attempts = await self.desk.attempts(order)
        return attempts[-1].answer or {}

    def received(self, to: str, token: Contract | None = None) -> list[int]:
        """Each transfer of a token, the first one unless another is named, from the wallet to an
        address, in units: what the chain says was really paid."""
        topics = [TRANSFER, _topic(self.address), _topic(to)]
        wanted = {"address": (token or self.usdt).address, "topics": topics}
        logs = self.node.rpc("eth_getLogs", wanted | {"fromBlock": "0x0", "toBlock": "latest"})
        return [int(log["data"], 16) for log in logs]

    async def count(self, table: str) -> int:
        """How many rows of the books are this business's."""
        return int(
            await self.business.scalar(
                f"SELECT count(*) FROM {table} WHERE business_id = %s", self.business.business_id
            )
        )


def _topic(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


async def paying(node: Node, business: TestBusiness, *, funded: bool = True) -> Paying:
    """A wallet with 10 coins and 1,000,000 of each token, unless it is not to be funded; the payout
    user has 10,000,000 cents."""
    node.set_base_fee(GWEI)  # which a test before may have changed
    usdt, usdc = node.tokens
    key = "0x" + bytes(Keys.create().key).hex()
    address = str(Keys.from_key(key).address)
    if funded:
        node.fund(address, 10 * ETHER)
        usdt.write("mint", address, 10**6 * 10**6)
        usdc.write("mint", address, 10**6 * 10**18)
    accounts = OneAccount(account(business.business_id, node.url, address, usdt, usdc))
    rail = EvmRail(accounts, EvmBooks(business.database), OneKey(key))
    route = Route("crypto", rail, connected=True)
    desk = Desk.of(business, Rails(live=[], test=[route], accounts=accounts))
    user_id = await desk.user(900_000)
    return Paying(node, usdt, usdc, business, accounts, key, rail, desk, user_id)


def account(business_id: UUID, url: str, address: str, usdt: Contract, usdc: Contract) -> Account:
    until = datetime.now(UTC) + timedelta(hours=1)
    chain = {
        "chain_id": 31337,
        "coin": "ETH",
        "confirmations": CONFIRMATIONS,
        "block_s": 600.0,  # nothing falls due, and no block is old, while a test runs
        "max_fee_gwei": 100,
        "tokens": {
            "USDT": {"address": usdt.address, "decimals": 6},
            "USDC": {"address": usdc.address, "decimals": 18},
        },
        "price": {"rate": COIN_PRICE, "expires_at": until.isoformat()},
    }
    return Account(
        business_id,
        "evm",
        "sandbox",
        enabled=True,
        min_amount=None,
        max_amount=None,
        low_float=None,
        fees=FeePolicy(),
        settings={"address": address, "chains": {CHAIN: chain}},
        credentials={f"rpc:{CHAIN}": url},
    )
