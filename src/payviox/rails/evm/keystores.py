"""Keystore files (version 3, as geth, clef and others write them): a wallet's key, encrypted with a
passphrase. Opening one takes about a second on purpose, so it is done once, in a thread."""

import asyncio
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from payviox.rails.evm import addresses
from payviox.rails.evm.keys import Signed, SignerError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

OTHERS = 0o077
"""The permissions of a file that are not its owner's."""

MAX_BYTES = 100_000
"""A keystore file has about 500."""


class KeystoreSigner:
    """Implements payviox.rails.evm.keys.Signer."""

    def __init__(self, account: "LocalAccount") -> None:
        self._account = account

    def __repr__(self) -> str:
        return f"KeystoreSigner({self.address})"

    @property
    def address(self) -> str:
        return addresses.checksummed(str(self._account.address))

    async def sign(self, chain_id: int, transaction: Mapping[str, Any]) -> Signed:
        complete = {**transaction, "chainId": chain_id}
        try:
            signed = await asyncio.to_thread(self._account.sign_transaction, complete)
        except Exception as error:  # noqa: BLE001  # the library's, of any kind
            raise SignerError(
                f"The transaction cannot be signed ({type(error).__name__})."
            ) from None
        return Signed(bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex())


class Keystores:
    """Opens keystore files, each once until it or the passphrase changes."""

    def __init__(self) -> None:
        self._opened: dict[str, tuple[object, asyncio.Task[KeystoreSigner]]] = {}

    async def signer(self, path: str, passphrase: str) -> KeystoreSigner:
        """Raises SignerError."""
        try:
            stat = await asyncio.to_thread(os.stat, path)
        except OSError as error:
            raise SignerError(_unreadable(path, error)) from None
        digest = hashlib.sha256(passphrase.encode()).digest()
        version = (stat.st_mtime_ns, stat.st_size, stat.st_mode, digest)
        opened = self._opened.get(path)
        if opened is None or opened[0] != version or opened[1].cancelled():
            # A wrong passphrase is remembered too: each try costs a second of a core.
            opening = asyncio.create_task(asyncio.to_thread(unlock, Path(path), passphrase))
            opening.add_done_callback(_noted)
            opened = self._opened[path] = (version, opening)
        return await asyncio.shield(opened[1])


def unlock(path: Path, passphrase: str) -> KeystoreSigner:
    """Takes about a second. Raises SignerError."""
    from eth_account import Account  # noqa: PLC0415  # heavy: half a second

    stored = _read(path)
    try:
        key = Account.decrypt(stored, passphrase)
        return KeystoreSigner(Account.from_key(key))
    except ValueError as error:
        if "MAC" in str(error):
            raise SignerError(f"The passphrase does not open {path}.") from None
        raise SignerError(_no_keystore(path)) from None
    except (KeyError, TypeError, AttributeError, NotImplementedError, MemoryError):
        raise SignerError(_no_keystore(path)) from None


def keystore_address(path: Path) -> str | None:
    """The address that the file says it is for, unproven; None where it says none. Raises
    SignerError."""
    address = "0x" + str(_read(path).get("address", "")).removeprefix("0x")
    return None if addresses.problem(address) else addresses.checksummed(address)


def create(path: Path, passphrase: str, *, drawn: bool = False) -> str:
    """Make a new wallet and keep its key in a new file that only its owner may read; answers the
    address. Takes about a second, here and whenever the file is opened, unless the passphrase was
    `drawn` at random, from at least as much as a key: nobody guesses that one. Raises SignerError.
    """
    from eth_account import Account  # noqa: PLC0415  # heavy: half a second

    if os.path.lexists(path):
        raise SignerError(_exists(path))
    account = Account.from_key(secrets.token_bytes(32))
    stretching = {"kdf": "pbkdf2", "iterations": 1} if drawn else {"kdf": "scrypt"}
    stored = json.dumps(Account.encrypt(account.key, passphrase, **stretching))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SignerError(_exists(path)) from None
    except OSError as error:
        raise SignerError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(stored + "\n")
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise SignerError(f"{path} cannot be written: {error.strerror}.") from None
    return addresses.checksummed(str(account.address))


def _noted(opening: "asyncio.Task[KeystoreSigner]") -> None:
    """Whoever asked may be gone: its failure is told to the next who asks."""
    if not opening.cancelled():
        opening.exception()


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & OTHERS:
                raise SignerError(f"The keystore {path} can be read by others: chmod 600 {path}.")
            keystore = json.loads(file.read(MAX_BYTES))
    except OSError as error:
        raise SignerError(_unreadable(str(path), error)) from None
    except (ValueError, RecursionError):
        raise SignerError(_no_keystore(path)) from None
    if not isinstance(keystore, dict):
        raise SignerError(_no_keystore(path))
    return keystore


def _exists(path: Path) -> str:
    return f"{path} exists already; a key is never overwritten."


def _unreadable(path: str, error: OSError) -> str:
    return f"The keystore {path} cannot be read: {error.strerror}. Every worker needs it there."


def _no_keystore(path: Path) -> str:
    return f"{path} is no keystore file: `payviox rail keystore create` makes one."
