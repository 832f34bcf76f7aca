"""A bank's SFTP server. Its host key is pinned: another one, and nothing is sent, no password
either."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncssh

from payviox.bank.releasing.target import (
    AnotherHostKey,
    Listed,
    Networks,
    TransferError,
    Unreachable,
)
from payviox.rails.bank.terms import Sftp
from payviox.webhooks.targets import Target, TargetError, resolve

TRANSFER_S = 120.0
"""How long one connection may take for all that it does, in seconds."""
CONNECT_S = 20.0


class SftpFolder:
    """Implements releasing.target.Target and Reports, each call over a connection of its own."""

    def __init__(
        self,
        account: Sftp,
        credentials: Mapping[str, str],
        folder: str,
        *,
        networks: Networks = (),
    ) -> None:
        """`networks`: those of this installation's own in which the server may stand."""
        self._account = account
        self._networks = networks
        self._credentials = credentials
        self._folder = folder.rstrip("/")

    @property
    def where(self) -> str:
        at = self._account
        return f"{at.user}@{at.host}:{at.port} {self._folder or '/'}"

    async def shown_key(self) -> str | None:
        """The key that the server shows now, whoever it is, such as `ssh-ed25519 SHA256:…`; None
        where it shows none."""
        try:
            address = await self._address()
            key = await asyncssh.get_server_host_key(address, self._account.port, config=None)
        except (TransferError, asyncssh.Error, OSError):
            return None
        return None if key is None else f"{key.get_algorithm()} {key.get_fingerprint()}"

    async def size_of(self, name: str) -> int | None:
        async with self._connected() as sftp:
            return await _size(sftp, self._at(name))

    async def put(self, name: str, content: bytes) -> None:
        async with self._connected() as sftp, sftp.open(self._at(name), "wb") as file:
            await file.write(content)

    async def rename(self, name: str, new_name: str) -> None:
        async with self._connected() as sftp:
            if await _size(sftp, self._at(new_name)) is not None:
                raise TransferError(f"There is a file {new_name} already.")
            try:  # in one step where the server can: others link, then unlink
                await sftp.posix_rename(self._at(name), self._at(new_name))
            except asyncssh.SFTPOpUnsupported:
                await sftp.rename(self._at(name), self._at(new_name))

    async def list_files(self) -> list[Listed]:
        async with self._connected() as sftp:
            names = await sftp.readdir(self._folder)
            found = [
                Listed(str(each.filename), each.attrs.size or 0)
                for each in names
                if each.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR
                and not str(each.filename).startswith(".")
            ]
            return sorted(found, key=lambda each: each.name)

    async def get(self, name: str, most: int) -> bytes:
        async with self._connected() as sftp, sftp.open(self._at(name), "rb") as file:
            content: Any = await file.read(most + 1)  # bytes of a file that is opened so
            return bytes(content)

    def _at(self, name: str) -> str:
        return f"{self._folder}/{name}"

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """Raises TransferError for whatever goes wrong within."""
        try:
            async with asyncio.timeout(TRANSFER_S):
                options = self._options()
                async with (
                    asyncssh.connect(await self._address(), **options) as connection,
                    connection.start_sftp_client() as sftp,
                ):
                    yield sftp
        except TimeoutError as error:
            raise Unreachable("The SFTP server did not answer in time.") from error
        except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
            raise AnotherHostKey from error
        except asyncssh.PermissionDenied as error:
            raise Unreachable("The SFTP server refuses the user, key or password.") from error
        except asyncssh.SFTPError as error:
            raise TransferError(f"The SFTP server: {_words(error)}") from error
        except (asyncssh.Error, OSError, ValueError) as error:
            raise Unreachable(f"The SFTP server: {_words(error)}") from error

    async def _address(self) -> str:
        """Where the server is, looked up once and checked as a webhook's target is. Raises
        TransferError."""
        at = self._account
        target = Target("ssh", at.host, at.port, "", allow_private=False)
        try:
            addresses = await resolve(target, inside=self._networks)
        except TargetError as error:
            raise Unreachable(
                f"The SFTP server: {error}. Whoever runs the installation allows networks of its"
                " own by PAYVIOX_SFTP_NETWORKS."
            ) from error
        return str(addresses[0][4][0])

    def _options(self) -> dict[str, Any]:
        """Nothing of this machine's own configuration, agent or keys. Raises TransferError."""
        key = self._credentials.get("sftp_key")
        try:
            pinned = asyncssh.import_public_key(self._account.host_key)
            keys = [asyncssh.import_private_key(key)] if key else None
        except asyncssh.KeyImportError as error:
            raise Unreachable(f"A key cannot be read: {error}") from error
        return {
            "port": self._account.port,
            "username": self._account.user,
            "password": self._credentials.get("sftp_password") or None,
            "client_keys": keys,
            "known_hosts": ([pinned], [], []),
            "config": None,
            "agent_path": None,
            "connect_timeout": CONNECT_S,
            "login_timeout": CONNECT_S,
        }


async def _size(sftp: asyncssh.SFTPClient, path: str) -> int | None:
    try:
        return (await sftp.stat(path)).size
    except asyncssh.SFTPNoSuchFile:
        return None


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:200] if text.isprintable() and text else type(error).__name__
