"""What nodes answer, as plain values: read from web3's, or as the node sent it. Amounts in wei and
in tokens' units."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Keccak-256 of `Transfer(address,address,uint256)`: the event's first topic (ERC-20)."""


@dataclass(frozen=True, slots=True)
class Block:
    """`timestamp` in Unix seconds; `base_fee` in wei per gas, None on a chain without one."""

    number: int
    hash: str
    timestamp: int
    base_fee: int | None


@dataclass(frozen=True, slots=True)
class TransferLog:
    """A Transfer event of a token's contract. Addresses in lower case."""

    token: str
    source: str
    target: str
    units: int
    hash: str
    block: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction, and the `gas` that it used. `fee` is all that the network took, in
    wei."""

    hash: str
    block: int
    block_hash: str
    ok: bool
    gas: int
    fee: int
    transfers: tuple[TransferLog, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A mined transaction with its block, which the chain has, `confirmations` deep: all as one
    node tells it."""

    receipt: Receipt
    block: Block
    confirmations: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction as a block has it. `to` in lower case, `value` in wei."""

    hash: str
    to: str | None
    value: int


Broadcast = Literal["taken", "nonce_used", "underpriced", "poor", "refused"]


WORD = 2**256 - 1
"""The greatest number on a chain."""

MOST = 2**63 - 1
"""The greatest number of a nonce, of a block and of gas."""


QUANTITY = re.compile("0x[0-9a-fA-F]{1,64}")
"""A number as nodes write it."""

OCTETS = re.compile("0x(?:[0-9a-fA-F]{2})*")
"""Bytes as nodes write them."""


def number(value: Any, least: int = 0, most: int = MOST) -> int:
    """Raises ValueError for whatever else a node has answered."""
    if isinstance(value, str) and QUANTITY.fullmatch(value):
        value = int(value, 16)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError("no such number")
    return value


def block(answer: Mapping[str, Any]) -> Block:
    base_fee = answer.get("baseFeePerGas")
    return Block(
        number(answer["number"]),
        hexadecimal(answer["hash"]),
        number(answer["timestamp"]),
        None if base_fee is None else number(base_fee),
    )


def receipt(answer: Mapping[str, Any]) -> Receipt | None:
    """None: it is of no block yet."""
    if answer.get("blockNumber") is None:
        return None
    price = number(answer.get("effectiveGasPrice", 0))
    # What a rollup takes for its data comes on top.
    extra = number(answer.get("l1Fee", 0))
    gas = number(answer["gasUsed"])
    return Receipt(
        hexadecimal(answer["transactionHash"]),
        number(answer["blockNumber"]),
        hexadecimal(answer["blockHash"]),
        number(answer["status"], most=1) == 1,
        gas,
        gas * price + extra,
        transfers(answer["logs"]),
    )


def sent_by(answer: Mapping[str, Any], address: str, nonce: int) -> Sent | None:
    """Pick the address's transaction with this nonce from a block."""
    for each in answer["transactions"]:
        if str(each["from"]).lower() == address.lower() and int(each["nonce"]) == nonce:
            to = each.get("to")
            target = None if to is None else str(to).lower()
            return Sent(hexadecimal(each["hash"]), target, int(each["value"]))
    return None


def transfers(logs: Sequence[Mapping[str, Any]]) -> tuple[TransferLog, ...]:
    transferred = []
    for log in logs:
        topics = log["topics"]
        data = octets(log["data"])
        if len(topics) != 3 or hexadecimal(topics[0]) != TRANSFER or len(data) != 32:
            continue
        transferred.append(
            TransferLog(
                str(log["address"]).lower(),
                "0x" + octets(topics[1])[12:].hex(),
                "0x" + octets(topics[2])[12:].hex(),
                int.from_bytes(data, "big"),
                hexadecimal(log["transactionHash"]),
                number(log["blockNumber"]),
            )
        )
    return tuple(transferred)


def hexadecimal(value: Any) -> str:
    return "0x" + octets(value).hex()


def octets(value: Any) -> bytes:
    """Raises ValueError where it is neither bytes nor their hexadecimal text."""
    if isinstance(value, str) and OCTETS.fullmatch(value):
        return bytes.fromhex(value[2:])
    if not isinstance(value, bytes):
        raise ValueError("no bytes")  # noqa: TRY004  # as for every wrong answer
    return value


def refusal(message: str) -> Broadcast:
    """What a node means that refuses a transaction; clients word it each in their own way."""
    text = message.lower()
    if any(known in text for known in ("already known", "already imported", "known transaction")):
        return "taken"
    if "nonce too low" in text or "nonce is too low" in text or "oldnonce" in text:
        return "nonce_used"
    if "underpriced" in text or "fee too low" in text or "less than block base fee" in text:
        return "underpriced"
    return "poor" if "insufficient" in text else "refused"
