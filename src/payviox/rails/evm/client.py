"""What the rail asks a chain's nodes, and what they answered, as plain values. The first node that
answers is believed; what all look-ups ask is asked once a second. Amounts in wei and in tokens'
units."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from payviox.rails.evm import node_answers
from payviox.rails.evm.addresses import checksummed
from payviox.rails.evm.books import Seen
from payviox.rails.evm.chains import Chain
from payviox.rails.evm.node_answers import Block, Broadcast, Found, Receipt, Sent, TransferLog

if TYPE_CHECKING:
    from web3 import AsyncWeb3

T = TypeVar("T")

SHARED_S = 1.0
"""For how long an answer serves all who ask the same, in seconds."""

LEAST_GAS = 21_000
"""What every transaction uses at least (Ethereum's rule)."""

LIMITED = (-32005, 429)
"""The errors of nodes that are asked too much (EIP-1474, and HTTP's), whatever comes with them."""

MANY_SHARED = 1_000
"""With so many answers, those that serve nobody any more are dropped."""


class NodeError(Exception):
    """No node could be asked, or none gave a sensible answer. It holds nothing that a node said."""


class WrongChain(NodeError):
    """The node is of another chain."""


class Reverted(Exception):
    """The node tried the call and the contract refused it."""


class Node:
    """A chain, as its nodes tell it."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._clients: list[AsyncWeb3[Any]] = []
        self._verified: set[int] = set()
        self._preferred = 0
        self._shared: dict[object, tuple[float, asyncio.Future[Any]]] = {}
        self._decimals: dict[str, int] = {}

    async def close(self) -> None:
        """Hang up."""
        clients, self._clients = self._clients, []
        self._verified.clear()
        for client in clients:
            await cast(Any, client.provider).disconnect()

    async def head(self) -> Block:
        """The newest block."""
        return await self.once("head", lambda: self.block("latest"))

    async def block(self, which: int | Literal["latest"]) -> Block:
        return await self._ask(lambda web3: _block(web3, which))

    async def block_at(self, number: int) -> Block:
        """The chain's block of this number now."""
        return await self.once(("block", number), lambda: self.block(number))

    async def mined(self, address: str) -> int:
        """How many transactions of the address the chain has."""
        return await self.once(("mined", address), lambda: self._count(address, "latest"))

    async def agree_on(self, address: str, mined: int) -> bool:
        """Whether every node that answers, asked again, counts so many transactions of the
        address: by one wrong answer all payments of a new wallet would wait for good."""

        async def ask(web3: "AsyncWeb3[Any]") -> int:
            answer = await _as_sent(web3, "eth_getTransactionCount", _address(address), "latest")
            return node_answers.number(answer)

        counts = await asyncio.gather(
            *(self._ask(ask, [index]) for index in range(len(self.chain.rpc_urls))),
            return_exceptions=True,
        )
        return {count for count in counts if not isinstance(count, NodeError)} == {mined}

    async def seen(self, address: str, token: str | None) -> Seen:
        """The wallet as of the newest block; all of it as of the same."""
        return await self.once(("seen", address, token), lambda: self._seen(address, token))

    async def _seen(self, address: str, token: str | None) -> Seen:
        head = await self.head()
        at = head.number
        mined, pending, native, token_balance = await asyncio.gather(
            self._count(address, at),
            self._count(address, "pending"),
            self._ask_number(
                lambda web3: _as_sent(web3, "eth_getBalance", _address(address), hex(at)),
                most=node_answers.WORD,
            ),
            self._no_token() if token is None else self.token_balance(token, address, at),
        )
        return Seen(mined, pending, native, token_balance, at)

    async def unused(self, address: str, token: str | None) -> bool:
        """Whether the chain knows nothing of the address: nothing ever left it, and neither the
        coin nor the token lies there. Raises NodeError."""
        seen = await self._seen(address, token)
        return not (seen.mined or seen.native or seen.token)

    async def count_at(self, address: str, block: int) -> int:
        """How many transactions of the address the chain had then; nodes forget it after a while.
        Raises NodeError."""
        return await self._count(address, block)

    async def token_balance(self, token: str, address: str, block: int | str = "latest") -> int:
        data = "0x70a08231" + _word(int(address, 16))  # balanceOf(address)
        return await self._number(token, data, block)

    async def token_decimals(self, token: str) -> int:
        """Asked once: a contract's decimals never change."""
        if token not in self._decimals:
            self._decimals[token] = await self._number(token, "0x313ce567", "latest")  # decimals()
        return self._decimals[token]

    async def has_code(self, address: str) -> bool:
        return bool(await self._ask(lambda web3: web3.eth.get_code(_address(address))))

    async def call(self, to: str, data: str, block: int | str = "latest") -> bytes:
        """What a contract answers. Raises Reverted and NodeError."""
        request = {"to": _address(to), "data": data}

        async def ask(web3: "AsyncWeb3[Any]") -> bytes:
            return node_answers.octets(await _tried(web3, "eth_call", request, _which(block)))

        return await self._ask(ask)

    async def estimate(self, transaction: Mapping[str, Any]) -> int:
        """The gas that it would use now. Raises Reverted where it would fail."""
        return await self._ask_number(
            # Nodes differ on which block is meant where none is named: pending, or the newest.
            lambda web3: _tried(web3, "eth_estimateGas", _written(transaction), "latest"),
            LEAST_GAS,
        )

    async def plain_gas(self, address: str) -> int:
        """The gas of a plain transfer of the coin; on a rollup more than elsewhere."""
        nothing = {"from": address, "to": address, "value": 0}
        return await self.once(("plain", address), lambda: self.estimate(nothing))

    async def gas_price(self) -> int:
        """What a chain without a base fee asks, in wei per gas."""
        return await self.once("price", lambda: self._ask_number(lambda web3: web3.eth.gas_price))

    async def tip(self) -> int:
        """What to offer a block's maker beside the base fee, in wei per gas."""
        return await self.once(
            "tip", lambda: self._ask_number(lambda web3: web3.eth.max_priority_fee)
        )

    async def receipt(self, hash_: str) -> Receipt | None:
        """None: the chain does not have the transaction."""
        return await self._ask(lambda web3: self._receipt(web3, hash_))

    async def find(self, hash_: str) -> Found | None:
        """A transaction with how deep it is, all from one node: another may be of another opinion
        on the newest blocks. None: the chain does not have it."""

        async def ask(web3: "AsyncWeb3[Any]") -> Found | None:
            receipt = await self._receipt(web3, hash_)
            if receipt is None:
                return None
            number = receipt.block
            head = await self.once((web3, "head"), lambda: _block(web3, "latest"))
            block = await self.once((web3, number), lambda: _block(web3, number))
            if block.hash != receipt.block_hash:
                return None
            return Found(receipt, block, max(head.number - number + 1, 1))

        return await self._ask(ask)

    async def _receipt(self, web3: "AsyncWeb3[Any]", hash_: str) -> Receipt | None:
        answer = await _as_sent(web3, "eth_getTransactionReceipt", hash_)
        receipt = None if answer is None else node_answers.receipt(answer)
        if receipt is not None and receipt.hash != hash_:
            raise NodeError(f"{self.chain.name}: the node answers for another transaction")
        return receipt

    async def transaction_in(self, block: int, address: str, nonce: int) -> Sent | None:
        """The transaction of an address with this nonce in a block; None: it is not there."""

        async def ask(web3: "AsyncWeb3[Any]") -> Sent | None:
            answer = await web3.eth.get_block(block, full_transactions=True)
            return node_answers.sent_by(answer, address, nonce)

        return await self._ask(ask)

    async def transfers_from(
        self, address: str, tokens: Sequence[str], start: int, end: int
    ) -> tuple[TransferLog, ...]:
        """The tokens' Transfer events out of an address in these blocks."""
        wanted = {
            "address": [_address(token) for token in tokens],
            "topics": [node_answers.TRANSFER, "0x" + _word(int(address, 16))],
            "fromBlock": start,
            "toBlock": end,
        }

        async def ask(web3: "AsyncWeb3[Any]") -> tuple[TransferLog, ...]:
            return node_answers.transfers(await web3.eth.get_logs(cast(Any, wanted)))

        return await self._ask(ask)

    async def broadcast(self, raw: bytes) -> Broadcast:
        """Hand a signed transaction to the network; again does no harm. Raises NodeError: it may
        have arrived."""
        from web3.exceptions import Web3RPCError  # noqa: PLC0415  # web3 is heavy

        async def ask(web3: "AsyncWeb3[Any]") -> Broadcast:
            try:
                await _as_sent(web3, "eth_sendRawTransaction", "0x" + raw.hex())
            except Web3RPCError as error:
                return node_answers.refusal(str(error))
            return "taken"

        return await self._ask(ask)

    async def _count(self, address: str, block: int | str) -> int:
        return await self._ask_number(
            lambda web3: _as_sent(web3, "eth_getTransactionCount", _address(address), _which(block))
        )

    async def _number(self, token: str, data: str, block: int | str) -> int:
        """Raises NodeError where the contract answers with no number."""
        try:
            answer = await self.call(token, data, block)
        except Reverted:
            answer = b""
        if len(answer) != 32:
            raise NodeError(f"{self.chain.name}: the contract at {token} is no ERC-20 token")
        return int.from_bytes(answer, "big")

    @staticmethod
    async def _no_token() -> None:
        return None

    async def once(self, key: object, ask: Callable[[], Awaitable[T]]) -> T:
        """One call for all who ask within a second."""
        now = time.monotonic()
        shared = self._shared.get(key)
        if shared is None or (
            shared[1].done() and (now - shared[0] > SHARED_S or _broke(shared[1]))
        ):
            if len(self._shared) >= MANY_SHARED:
                self._drop_old(now)
            shared = (now, asyncio.ensure_future(ask()))
            shared[1].add_done_callback(_broke)  # whoever asked may be gone
            self._shared[key] = shared
        return await asyncio.shield(cast("asyncio.Future[T]", shared[1]))

    def _drop_old(self, now: float) -> None:
        self._shared = {
            key: shared
            for key, shared in self._shared.items()
            if not shared[1].done() or now - shared[0] <= SHARED_S
        }

    async def _ask_number(
        self,
        ask: "Callable[[AsyncWeb3[Any]], Awaitable[Any]]",
        least: int = 0,
        most: int = node_answers.MOST,
    ) -> int:
        """What is no number within these bounds is no answer: another node is asked then."""

        async def checked(web3: "AsyncWeb3[Any]") -> int:
            return node_answers.number(await ask(web3), least, most)

        return await self._ask(checked)

    async def _ask(
        self,
        ask: "Callable[[AsyncWeb3[Any]], Awaitable[T]]",
        nodes: Sequence[int] | None = None,
    ) -> T:
        """The answer of the first node that gives one, or of these. Raises NodeError and
        Reverted."""
        from web3.exceptions import ContractLogicError  # noqa: PLC0415  # web3 is heavy

        if not self._clients:
            self._clients = [_client(url, self.chain) for url in self.chain.rpc_urls]
        problem = NodeError(f"{self.chain.name}: it has no node")
        every = range(len(self._clients))
        for index in nodes or [(self._preferred + turn) % len(every) for turn in every]:
            client = self._clients[index]
            try:
                await self._verify(index, client)
                answer = await ask(client)
            except ContractLogicError:
                raise Reverted from None
            except NodeError as error:
                problem = error
            except Exception as error:  # noqa: BLE001  # a node may answer anything at all
                # Its own words may repeat the URL, and the key in it.
                problem = NodeError(f"{self.chain.name}: the node did not answer ({_kind(error)})")
            else:
                self._preferred = self._preferred if nodes else index
                return answer
        raise problem from None

    async def _verify(self, index: int, client: "AsyncWeb3[Any]") -> None:
        """Check that the node is of this chain, before it is believed."""
        if index in self._verified:
            return
        chain_id = node_answers.number(await client.eth.chain_id)
        if chain_id != self.chain.chain_id:
            raise WrongChain(
                f"{self.chain.name}: the node is of chain {chain_id}, not {self.chain.chain_id}"
            )
        self._verified.add(index)


async def _block(web3: "AsyncWeb3[Any]", which: int | Literal["latest"]) -> Block:
    answer = await _as_sent(web3, "eth_getBlockByNumber", _which(which), False)
    return node_answers.block(answer)


async def _as_sent(web3: "AsyncWeb3[Any]", method: str, *parameters: object) -> Any:
    """What the node answers to what each payment asks, as it is: web3 takes longer to write a
    question and to read an answer than to get it. Raises web3's errors."""
    return await web3.manager.coro_request(cast(Any, method), list(parameters))


async def _tried(web3: "AsyncWeb3[Any]", method: str, *parameters: object) -> Any:
    """As above, of what the node tries out. Raises web3's ContractLogicError where the contract
    refuses it."""
    from web3._utils.method_formatters import get_error_formatters  # noqa: PLC0415  # web3 is heavy

    refusals = get_error_formatters(cast(Any, method))

    def refused(answer: Any) -> Any:
        return answer if answer["error"]["code"] in LIMITED else refusals(answer)

    return await web3.manager.coro_request(cast(Any, method), list(parameters), refused)


def _which(block: int | str) -> str:
    """A block as nodes read it: its number, or a name such as `latest`."""
    return hex(block) if isinstance(block, int) else block


def _written(transaction: Mapping[str, Any]) -> dict[str, Any]:
    """A transaction as nodes read it."""
    return {
        name: hex(value) if isinstance(value, int) else value for name, value in transaction.items()
    }


def _client(url: str, chain: Chain) -> "AsyncWeb3[Any]":
    from web3 import AsyncWeb3  # noqa: PLC0415  # heavy: 0.7 s and 60 MB
    from web3.middleware import ExtraDataToPOAMiddleware  # noqa: PLC0415  # as above

    from payviox.rails.evm.provider import BoundedProvider  # noqa: PLC0415  # as above

    middleware = [ExtraDataToPOAMiddleware] if chain.poa else []
    return AsyncWeb3(BoundedProvider(url), middleware=middleware)


def _kind(error: Exception) -> str:
    from payviox.rails.evm.provider import NoAnswer  # noqa: PLC0415  # web3 is heavy

    return str(error) if isinstance(error, NoAnswer) else type(error).__name__


def _broke(task: "asyncio.Future[Any]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _word(value: int) -> str:
    """A number as an argument of a contract's function."""
    return f"{value:064x}"


def _address(address: str) -> Any:
    return checksummed(address)
