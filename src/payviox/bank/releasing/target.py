"""Where files go and reports come from. What a place cannot do it says by a `TransferError`, after
which nobody knows whether it was done."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

import msgspec

Networks = Sequence[IPv4Network | IPv6Network]
"""Those of the installation's own in which banks' servers may stand."""


class TransferError(Exception):
    """The place could not be reached or refused; the message says why, for people."""


class Unreachable(TransferError):
    """The server lets nobody do anything: where it is, who it is, or its user is not right."""


class AnotherHostKey(Unreachable):
    """The server did not prove that it has the key that is pinned."""

    def __init__(self) -> None:
        super().__init__("The SFTP server shows another host key than the one that is pinned.")


class Listed(msgspec.Struct, frozen=True):
    """A file that lies there; its size in bytes."""

    name: str
    size: int


class Target(Protocol):
    """A folder of the bank's. Every call may raise TransferError."""

    async def size_of(self, name: str) -> int | None:
        """How large a file is there, in bytes; None where there is none."""
        ...

    async def put(self, name: str, content: bytes) -> None:
        """Write a file, over what is there, and return once it is written whole."""
        ...

    async def rename(self, name: str, new_name: str) -> None:
        """Give it its name; never over another file."""
        ...


class Reports(Protocol):
    """Where the bank puts what it has to say. Every call may raise TransferError."""

    async def list_files(self) -> list[Listed]:
        """What lies there."""
        ...

    async def get(self, name: str, most: int) -> bytes:
        """A file, of at most so many bytes."""
        ...
