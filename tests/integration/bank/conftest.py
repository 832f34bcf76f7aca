"""A bank's SFTP server for tests of this room."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from payviox.rails.bank.terms import Sftp


@pytest.fixture(scope="module")
def keys() -> tuple[asyncssh.SSHKey, asyncssh.SSHKey]:
    """The server's key, and a user's."""
    make = asyncssh.generate_private_key
    return make("ssh-ed25519"), make("ssh-ed25519")


@pytest.fixture
async def sftp(
    keys: tuple[asyncssh.SSHKey, asyncssh.SSHKey], tmp_path: Path
) -> AsyncIterator[Sftp]:
    """A real SFTP server whose root is the test's folder, and how it is connected to."""
    host, user = keys
    allowed = asyncssh.import_authorized_keys(user.export_public_key().decode())
    (tmp_path / "in").mkdir()

    def root(channel: Any) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(tmp_path).encode())

    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host],
        authorized_client_keys=allowed,
        sftp_factory=root,
    )
    try:
        yield Sftp(
            host="127.0.0.1",
            port=acceptor.get_port(),
            user="acme",
            host_key=host.export_public_key().decode().strip(),
            folder="/in",
            reports=None,
        )
    finally:
        acceptor.close()
        await acceptor.wait_closed()
