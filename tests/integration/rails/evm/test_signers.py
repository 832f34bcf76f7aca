"""Keystores and external signers: what they sign is mined, and a lying signer's work is refused."""

import asyncio
import json
import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import rlp  # type: ignore[import-untyped]  # it has no types
from eth_account import Account as EthAccount

from payviox.rails.evm import keystores
from payviox.rails.evm.keys import SignerError
from payviox.rails.evm.signers import Signers
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account
from support.anvil import ETHER, GWEI, Node, wallet_key
from support.installation import until
from support.machine import stretch
from support.polling import eventually

pytestmark = pytest.mark.anyio

PASSPHRASE = "correct horse battery staple"
DYNAMIC = {"maxFeePerGas": 40 * GWEI, "maxPriorityFeePerGas": GWEI}
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
LEGACY = {"gasPrice": 40 * GWEI}
ALL_KINDS = pytest.mark.parametrize("fees", [DYNAMIC, LEGACY], ids=["dynamic", "legacy"])


def account(settings: dict[str, Any], passphrase: str = PASSPHRASE) -> Account:
    fees = FeePolicy()
    credentials = {"passphrase": passphrase}
    return Account(uuid4(), "evm", "sandbox", True, None, None, None, fees, settings, credentials)


def payment(to: str, nonce: int, fees: dict[str, int]) -> dict[str, Any]:
    return {"to": to, "value": 5, "data": b"\x01\x02", "nonce": nonce, "gas": 60_000, **fees}


@dataclass(frozen=True)
class Wallet:
    path: Path
    address: str
    settings: dict[str, str] = field(repr=False)


@pytest.fixture(scope="module")
def wallet(tmp_path_factory: pytest.TempPathFactory) -> Wallet:
    """A keystore file as others write them, of a passphrase that is quickly tried: one of ours
    takes a second each time that it is opened."""
    path = tmp_path_factory.mktemp("keys") / "wallet.json"
    path.touch(mode=0o600)
    made = EthAccount.create()
    path.write_text(json.dumps(EthAccount.encrypt(made.key, PASSPHRASE, "scrypt", 2**10)))
    return Wallet(path, made.address, {"keystore": str(path), "address": made.address})


@pytest.fixture
async def signers() -> AsyncIterator[Signers]:
    made = Signers()
    yield made
    await made.close()


async def send(anvil: Node, raw: bytes) -> dict[str, Any]:
    """The receipt."""
    tx_hash = anvil.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    return until(lambda: anvil.receipt(tx_hash))


@ALL_KINDS
async def test_a_keystores_signature_is_mined(
    anvil: Node, wallet: Wallet, signers: Signers, fees: dict[str, int]
) -> None:
    anvil.fund(wallet.address, ETHER)
    signer = await signers.of(account(wallet.settings))
    assert signer.address == wallet.address
    signed = await signer.sign(anvil.chain_id, payment(anvil.accounts[3], 0, fees))
    receipt = await send(anvil, signed.raw)
    assert receipt["transactionHash"] == signed.hash
    assert receipt["status"] == "0x1"
    assert receipt["from"] == wallet.address.lower()


async def test_a_keystore_of_a_random_passphrase_opens_as_any_other(tmp_path: Path) -> None:
    path, passphrase = tmp_path / "wallet.json", secrets.token_urlsafe()
    address = keystores.create(path, passphrase, drawn=True)
    assert keystores.unlock(path, passphrase).address == address
    with pytest.raises(SignerError, match="does not open"):
        keystores.unlock(path, "another")


async def test_a_keystore_is_its_owners_alone_and_never_overwritten(
    tmp_path: Path, signers: Signers
) -> None:
    path = tmp_path / "wallet.json"
    address = keystores.create(path, PASSPHRASE)
    assert path.stat().st_mode & 0o777 == 0o600
    stored = json.loads(path.read_text())
    assert stored["crypto"]["kdf"] == "scrypt"
    assert stored["crypto"]["kdfparams"]["n"] >= 2**18
    assert keystores.keystore_address(path) == address
    signer = await signers.of(account({"keystore": str(path), "address": address}))
    assert signer.address == address
    with pytest.raises(SignerError, match="never overwritten"):
        keystores.create(path, "another")
    assert json.loads(path.read_text()) == stored
    with pytest.raises(SignerError, match="cannot be written"):
        keystores.create(path / "below", "another")


async def test_no_key_is_made_for_a_file_that_exists(
    wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(EthAccount, "encrypt", lambda *a, **k: made.append(a))
    with pytest.raises(SignerError, match="exists already"):
        keystores.create(wallet.path, "another")
    assert made == []


async def test_a_keystore_is_opened_once_for_all_who_ask(
    wallet: Wallet, signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    unlock = keystores.unlock
    monkeypatch.setattr(keystores, "unlock", lambda *a: opened.append(a) or unlock(*a))
    found = await asyncio.gather(*(signers.of(account(wallet.settings)) for _ in range(20)))
    assert len(opened) == 1
    assert all(signer is found[0] for signer in found)
    os.utime(wallet.path, ns=(1, 1))
    await signers.of(account(wallet.settings))
    assert len(opened) == 2


async def test_a_wrong_passphrase_is_said_at_once_the_second_time(
    wallet: Wallet, signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    unlock = keystores.unlock
    monkeypatch.setattr(keystores, "unlock", lambda *a: opened.append(a) or unlock(*a))
    for _ in range(2):
        with pytest.raises(SignerError, match="passphrase does not open") as caught:
            await signers.of(account(wallet.settings, "wrong"))
        assert "wrong" not in str(caught.value)
    assert len(opened) == 1
    signer = await signers.of(account(wallet.settings))
    assert signer.address == wallet.address


async def test_who_gives_up_waiting_for_a_keystore_does_not_spoil_it(
    wallet: Wallet, signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, go_on = threading.Event(), threading.Event()
    unlock = keystores.unlock
    monkeypatch.setattr(
        keystores, "unlock", lambda *a: opening.set() or (go_on.wait(stretch(60)) and unlock(*a))
    )
    impatient = asyncio.ensure_future(signers.of(account(wallet.settings)))
    patient = asyncio.ensure_future(signers.of(account(wallet.settings)))
    await eventually(opening.is_set)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    go_on.set()
    assert (await patient).address == wallet.address


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "no keystore file"),
        ("[]", "no keystore file"),
        ("{}", "no keystore file"),
        ('{"version": 3, "crypto": {"kdf": "none"}}', "no keystore file"),
        ("x" * 200_000, "no keystore file"),
    ],
)
async def test_what_is_no_keystore_is_refused_with_a_sentence(
    tmp_path: Path, wallet: Wallet, signers: Signers, content: str | None, message: str
) -> None:
    path = tmp_path / "wallet.json"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    with pytest.raises(SignerError, match=message):
        await signers.of(account({"keystore": str(path), "address": wallet.address}))


async def test_a_keystore_that_others_may_read_is_refused_until_they_may_not(
    tmp_path: Path, wallet: Wallet, signers: Signers
) -> None:
    path = tmp_path / "wallet.json"
    path.write_bytes(wallet.path.read_bytes())
    path.chmod(0o640)
    settings = {"keystore": str(path), "address": wallet.address}
    with pytest.raises(SignerError, match="chmod 600"):
        await signers.of(account(settings))
    path.chmod(0o600)
    assert (await signers.of(account(settings))).address == wallet.address


async def test_whatever_breaks_in_signing_is_the_signers_failure(
    wallet: Wallet, signers: Signers
) -> None:
    signer = await signers.of(account(wallet.settings))
    for wrong in ({"gas": -1}, {"nonce": None}, {"to": "nowhere"}, {"maxFeePerGas": 1.5}):
        with pytest.raises(SignerError):
            await signer.sign(1, payment(wallet.address, 0, DYNAMIC) | wrong)


async def test_the_key_must_be_the_wallets(anvil: Node, wallet: Wallet, signers: Signers) -> None:
    other = {**wallet.settings, "address": anvil.accounts[0]}
    with pytest.raises(SignerError, match="another wallet"):
        await signers.of(account(other))
    with pytest.raises(SignerError, match="no keystore and no signer"):
        await signers.of(account({"address": wallet.address}))
    with pytest.raises(SignerError, match="wallet's address"):
        await signers.of(account({"keystore": str(wallet.path)}))


async def test_no_key_shows_in_a_repr_or_a_log(
    wallet: Wallet, signers: Signers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    signer = await signers.of(account(wallet.settings))
    signed = await signer.sign(1, payment(wallet.address, 0, DYNAMIC))
    key = bytes(EthAccount.decrypt(json.loads(wallet.path.read_text()), PASSPHRASE)).hex()
    shown = repr(signer) + repr(vars(signer)) + repr(signed) + repr(signers) + caplog.text
    assert key not in shown
    assert PASSPHRASE not in shown
    assert signed.raw.hex() not in shown


# External signers: the node signs for its own accounts, as any signer would ---------------------


@ALL_KINDS
async def test_an_external_signers_signature_is_mined(
    anvil: Node, signers: Signers, fees: dict[str, int]
) -> None:
    address = anvil.accounts[4]
    signer = await signers.of(account({"signer": anvil.url, "address": address.lower()}))
    assert signer.address == address
    to = anvil.accounts[3]
    signed = await signer.sign(anvil.chain_id, payment(to, anvil.nonce(address), fees))
    receipt = await send(anvil, signed.raw)
    assert (receipt["transactionHash"], receipt["from"]) == (signed.hash, address.lower())


class Liar:
    """A signer on a port of its own that answers what it is told, for the wallet of account 4."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.asked.append(json.loads(await reader.readexactly(length)))
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        writer.write(answer + body)
        await writer.drain()
        writer.close()


async def lied_to(signers: Signers, anvil: Node, liar: Liar, asked: dict[str, Any]) -> str:
    """What is said of the liar's answer."""
    server = await asyncio.start_server(liar.handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        signer = await signers.of(account({"signer": url, "address": anvil.accounts[4]}))
        with pytest.raises(SignerError) as caught:
            await signer.sign(anvil.chain_id, asked)
    finally:
        server.close()
    assert liar.asked[0]["method"] == "eth_signTransaction"
    return str(caught.value)


CHANGES: list[dict[str, Any]] = [
    {"to": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"},
    {"value": 6},
    {"data": b"\x01\x03"},
    {"nonce": 8},
    {"gas": 60_001},
    {"chainId": 1},
]


@ALL_KINDS
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
async def test_a_signer_that_changes_anything_is_refused(
    anvil: Node, signers: Signers, change: dict[str, Any], fees: dict[str, int]
) -> None:
    asked = payment(anvil.accounts[3], 7, fees)
    changed = {**asked, "chainId": anvil.chain_id, **change}
    signed = EthAccount.sign_transaction(changed, wallet_key(4))
    liar = Liar({"result": "0x" + bytes(signed.raw_transaction).hex()})
    assert "something else" in await lied_to(signers, anvil, liar, asked)


@pytest.mark.parametrize(
    ("asked", "fees", "message"),
    [
        (DYNAMIC, {**DYNAMIC, "maxFeePerGas": 41 * GWEI}, "something else"),
        (DYNAMIC, {**DYNAMIC, "maxPriorityFeePerGas": 2 * GWEI}, "something else"),
        (
            DYNAMIC,
            {**DYNAMIC, "accessList": [{"address": "0x" + "ab" * 20, "storageKeys": []}]},
            "something else",
        ),
        (LEGACY, {"gasPrice": 41 * GWEI}, "something else"),
        (DYNAMIC, LEGACY, "no such transaction"),
        (LEGACY, DYNAMIC, "no such transaction"),
    ],
)
async def test_a_signer_that_changes_the_fees_is_refused(
    anvil: Node, signers: Signers, asked: dict[str, int], fees: dict[str, Any], message: str
) -> None:
    wanted = payment(anvil.accounts[3], 7, asked)
    changed = {**payment(anvil.accounts[3], 7, fees), "chainId": anvil.chain_id}
    signed = EthAccount.sign_transaction(changed, wallet_key(4))
    liar = Liar({"result": {"raw": "0x" + bytes(signed.raw_transaction).hex(), "tx": {}}})
    assert message in await lied_to(signers, anvil, liar, wanted)


@ALL_KINDS
async def test_a_signature_of_another_wallet_is_refused(
    anvil: Node, signers: Signers, fees: dict[str, int]
) -> None:
    asked = payment(anvil.accounts[3], 7, fees)
    given = {**asked, "chainId": anvil.chain_id}
    signed = EthAccount.sign_transaction(given, wallet_key(5))
    liar = Liar({"result": "0x" + bytes(signed.raw_transaction).hex()})
    assert "another wallet's key" in await lied_to(signers, anvil, liar, asked)


@pytest.mark.parametrize("twist", ["high", "long"])
async def test_a_signature_that_the_network_would_refuse_is_refused(
    anvil: Node, signers: Signers, twist: str
) -> None:
    asked = payment(anvil.accounts[3], 7, DYNAMIC)
    signed = EthAccount.sign_transaction({**asked, "chainId": anvil.chain_id}, wallet_key(4))
    *fields, parity, r, s = rlp.decode(bytes(signed.raw_transaction)[1:])
    if twist == "high":
        parity = b"" if parity else b"\x01"
        s = (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    else:
        s = b"\x00" + s
    liar = Liar({"result": "0x02" + rlp.encode([*fields, parity, r, s]).hex()})
    assert "no such transaction" in await lied_to(signers, anvil, liar, asked)


async def test_a_signature_for_every_chain_is_refused(anvil: Node, signers: Signers) -> None:
    asked = payment(anvil.accounts[3], 7, LEGACY)
    signed = EthAccount.sign_transaction(asked, wallet_key(4))  # before EIP-155: without an id
    liar = Liar({"result": "0x" + bytes(signed.raw_transaction).hex()})
    assert "something else" in await lied_to(signers, anvil, liar, asked)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"error": {"code": -32000, "message": "denied by the rules"}}, "denied by the rules"),
        ({"error": "no"}, "refused (HTTP 200)"),
        ({"result": None}, "refused"),
        ({"result": "0xzz"}, "no transaction"),
        ({"result": "0x"}, "no such transaction"),
        ({"result": "0x02c0"}, "no such transaction"),
        ({"result": "0x02" + "ff" * 40}, "no such transaction"),
        ({"result": {"raw": 5}}, "refused"),
        (b"<html>", "refused"),
    ],
)
async def test_a_signer_that_signs_nothing_is_quoted(
    anvil: Node, signers: Signers, answer: Any, message: str
) -> None:
    asked = payment(anvil.accounts[3], 7, DYNAMIC)
    assert message in await lied_to(signers, anvil, Liar(answer), asked)


async def test_a_signer_that_is_gone_is_said_to_be(anvil: Node, signers: Signers) -> None:
    settings = {"signer": "http://127.0.0.1:1/", "address": anvil.accounts[4]}
    signer = await signers.of(account(settings))
    with pytest.raises(SignerError, match="did not answer"):
        await signer.sign(1, payment(anvil.accounts[3], 7, DYNAMIC))
