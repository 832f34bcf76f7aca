"""A real mail server on this machine alone: whatever it is given it takes, and gives to nobody."""

import asyncio
import socket
from functools import partial
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

from payviox.cli.demo.mails.folder import Folder
from payviox.cli.demo.mails.pages import MailPages

SENDER = "Payviox demo <payouts@example.com>"


class DemoMails:
    """Takes mails and shows them. Where it takes them is known before it runs."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.smtp_url = f"smtp://127.0.0.1:{self._socket.getsockname()[1]}?tls=no"
        self._servers: list[asyncio.Server] = []

    async def start(self, home: Path) -> str:
        """Listen; answers the address of the page with all mails."""
        folder = Folder(home / "demo-mails")
        loop = asyncio.get_running_loop()
        smtp = partial(SMTP, _Taking(folder), hostname="demo", ident="Payviox demo")
        self._servers.append(await loop.create_server(smtp, sock=self._socket))
        pages = MailPages(folder)
        web = await asyncio.start_server(pages.serve, "127.0.0.1", 0)
        self._servers.append(web)
        port = web.sockets[0].getsockname()[1]
        pages.listen_at(port)
        return f"http://127.0.0.1:{port}/"

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        self._socket.close()


class _Taking:
    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    async def handle_DATA(self, _: Any, __: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        self._folder.put(cast("bytes", envelope.content))
        return "250 Taken"
