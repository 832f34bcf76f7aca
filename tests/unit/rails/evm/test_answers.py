"""What nodes answer, read; and what of it must never be told."""

from typing import Any

import pytest

from payviox.rails.evm import node_answers
from payviox.rails.evm.node_answers import Broadcast

WALLET, PAYEE = "0x" + "11" * 20, "0x" + "22" * 20
HASH = b"\x01" * 32


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("already known", "taken"),
        ("transaction already imported", "taken"),
        ("ALREADY_EXISTS: already known", "taken"),
        ("known transaction: 0xabc", "taken"),
        ("nonce too low: next nonce 5, tx nonce 3", "nonce_used"),
        ("OldNonce", "nonce_used"),
        ("replacement transaction underpriced", "underpriced"),
        ("transaction underpriced: tip needed 25 gwei", "underpriced"),
        ("max fee per gas less than block base fee", "underpriced"),
        ("insufficient funds for gas * price + value", "poor"),
        ("something that nobody has seen", "refused"),
    ],
)
def test_a_nodes_refusal_is_understood_however_it_is_worded(
    message: str, meaning: Broadcast
) -> None:
    assert node_answers.refusal(message) == meaning


def _receipt(**changed: Any) -> dict[str, Any]:
    topics = [bytes.fromhex(node_answers.TRANSFER[2:])]
    topics += [bytes(12) + bytes.fromhex(address[2:]) for address in (WALLET, PAYEE)]
    log = {
        "address": "0x" + "AA" * 20,
        "topics": topics,
        "data": (5).to_bytes(32, "big"),
        "transactionHash": HASH,
        "blockNumber": 7,
    }
    receipt = {
        "transactionHash": HASH,
        "blockNumber": 7,
        "blockHash": HASH,
        "status": 1,
        "gasUsed": 100,
        "effectiveGasPrice": 3,
        "logs": [log],
    }
    return receipt | changed


def test_a_receipt_tells_its_fee_and_its_transfers() -> None:
    found = node_answers.receipt(_receipt())
    assert found is not None
    assert (found.block, found.ok, found.gas, found.fee) == (7, True, 100, 300)
    [transfer] = found.transfers
    assert (transfer.token, transfer.source) == ("0x" + "aa" * 20, WALLET)
    assert (transfer.target, transfer.units) == (PAYEE, 5)


def test_a_rollups_data_fee_is_part_of_the_fee() -> None:
    found = node_answers.receipt(_receipt(l1Fee="0x10"))
    assert found is not None
    assert found.fee == 316


def test_an_event_of_another_shape_is_no_transfer() -> None:
    log = _receipt()["logs"][0]
    others = [
        log | {"topics": log["topics"][:2]},
        log | {"data": b""},
        log | {"topics": [HASH, *log["topics"][1:]]},
    ]
    found = node_answers.receipt(_receipt(logs=others))
    assert found is not None
    assert found.transfers == ()


def test_a_receipt_without_a_block_is_none() -> None:
    assert node_answers.receipt(_receipt(blockNumber=None)) is None


def _as_sent(value: Any) -> Any:
    """As it stands in a node's JSON."""
    if isinstance(value, dict):
        return {name: _as_sent(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_sent(each) for each in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return hex(value) if isinstance(value, int) else value


def test_a_receipt_means_the_same_as_the_node_sent_it() -> None:
    assert node_answers.receipt(_as_sent(_receipt())) == node_answers.receipt(_receipt())


@pytest.mark.parametrize("wrong", ["", "0x", "7", "-0x1", "0xzz", 1.5, True, None, [], {}])
def test_what_is_no_number_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="no such number"):
        node_answers.number(wrong)


@pytest.mark.parametrize(
    "wrong", ["12", "0x1", "0xzz", "0X12", "0x 12", "0x12\n", 10**12, None, []]
)
def test_what_is_no_hash_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="no bytes"):
        node_answers.hexadecimal(wrong)
