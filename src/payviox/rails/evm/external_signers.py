"""A signer that holds the key elsewhere and is asked over HTTP by `eth_signTransaction`, as
web3signer and nodes answer it. It is not trusted: what it returns is used only if it is what was
asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from payviox.rails.evm.keys import Signed, SignerError
from payviox.rails.http import Http, NotSent, Unclear

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half of the number of points of the curve: the network refuses a greater `s` (EIP-2)."""

DYNAMIC = b"\x02"
"""The first byte of a transaction with EIP-1559's fees (EIP-2718)."""


class ExternalSigner:
    """Implements payviox.rails.evm.keys.Signer."""

    def __init__(self, http: Http, url: str, address: str) -> None:
        self._http = http
        self._url = url
        self._address = address

    @property
    def address(self) -> str:
        return self._address

    async def sign(self, chain_id: int, transaction: Mapping[str, Any]) -> Signed:
        parameters = {name: _hexadecimal(value) for name, value in transaction.items()}
        parameters |= {"from": self._address, "chainId": hex(chain_id)}
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_signTransaction", "params": [parameters]}
        try:
            answer = await self._http.request("POST", self._url, json_body=call)
        except (NotSent, Unclear) as error:
            raise SignerError(f"The external signer did not answer ({error}).") from None
        return verified(_raw(answer.status, answer.json()), self._address, chain_id, transaction)


def verified(raw: bytes, address: str, chain_id: int, transaction: Mapping[str, Any]) -> Signed:
    """The signed transaction, once every field of it is as asked and the signature is the wallet's.
    Raises SignerError."""
    import rlp  # type: ignore[import-untyped]  # noqa: PLC0415  # no types; loads with the last
    from Crypto.Hash import keccak  # noqa: PLC0415  # slow to load, and rarely needed
    from eth_account import Account  # noqa: PLC0415  # heavy: half a second

    wanted, prefix = _fields(chain_id, transaction)
    try:
        if not raw.startswith(prefix):
            raise ValueError("another kind of transaction")  # noqa: TRY301  # one end for all
        items: Sequence[Any] = rlp.decode(raw[len(prefix) :])
        *fields, parity, r, s = items
        if 0 in (*r[:1], *s[:1]) or not 0 < int.from_bytes(s, "big") <= HALF_ORDER:
            raise ValueError("the network would refuse it")  # noqa: TRY301  # as above
        signer = str(Account.recover_transaction(raw))
    except Exception:  # noqa: BLE001  # it may have answered anything at all
        raise SignerError("The external signer returned no such transaction.") from None
    # A signature without the chain's id could be used on every chain (EIP-155).
    bound = bool(prefix) or int.from_bytes(parity, "big") in (35 + 2 * chain_id, 36 + 2 * chain_id)
    if fields != wanted or not bound:
        raise SignerError("The external signer signed something else than it was asked to.")
    if signer.lower() != address.lower():
        raise SignerError("The external signer signed with another wallet's key.")
    digest = keccak.new(digest_bits=256, data=raw).hexdigest()
    return Signed(raw, f"0x{digest}")


def _fields(chain_id: int, transaction: Mapping[str, Any]) -> tuple[list[Any], bytes]:
    """What is signed, in the encoding's order (EIP-1559, EIP-155), and the first byte."""
    values = {name: _bytes(value) for name, value in transaction.items()}
    rest = [values["gas"], values["to"], values["value"], values.get("data", b"")]
    if "gasPrice" in values:
        return [values["nonce"], values["gasPrice"], *rest], b""
    fees = [values["maxPriorityFeePerGas"], values["maxFeePerGas"]]
    return [_bytes(chain_id), values["nonce"], *fees, *rest, []], DYNAMIC


def _bytes(value: Any) -> bytes:
    """Write a number as RLP has it, without leading zeros."""
    if isinstance(value, int):
        return value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)


def _hexadecimal(value: Any) -> Any:
    """Write a value as JSON-RPC has it."""
    if isinstance(value, int):
        return hex(value)
    return value if isinstance(value, str) else "0x" + bytes(value).hex()


def _raw(status: int, answer: Mapping[str, Any]) -> bytes:
    """The signed bytes: some answer them alone, others in an object."""
    signed = answer.get("result")
    if isinstance(signed, dict):
        signed = signed.get("raw")
    if not isinstance(signed, str):
        error = answer.get("error")
        message = error.get("message") if isinstance(error, dict) else None
        why = f": {str(message)[:200]}" if message else f" (HTTP {status})"
        raise SignerError(f"The external signer refused{why}.")
    try:
        return bytes.fromhex(signed.removeprefix("0x"))
    except ValueError:
        raise SignerError("The external signer returned no transaction.") from None
