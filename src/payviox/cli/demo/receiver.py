"""The demo's webhook receiver: verifies each signature, prints what arrived, and answers 200. It
runs inside the demo's own process; a receiver to copy is docs/examples/webhook_receiver.py.
"""

import asyncio
import hmac
import json
from collections.abc import Callable
from typing import Any

from payviox.cli.demo.http_requests import TIME_S, read
from payviox.money import dollars
from payviox.webhooks.signing import sign


class Receiver:
    """A tiny HTTP server on a port of its own. It refuses everything until it knows a token."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self.token = ""
        self._tell = tell
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen; answers the URL."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/webhooks"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIME_S):
                status = await self._receive(reader)
                reason = b"OK" if status == 200 else b"Bad Request"
                writer.write(
                    b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    % (status, reason)
                )
                await writer.drain()
        except (OSError, TimeoutError):
            return  # the sender hung up, and will try again
        finally:
            writer.close()

    async def _receive(self, reader: asyncio.StreamReader) -> int:
        request = await read(reader)
        if request is None:
            return 400
        if not self._genuine(request.headers, request.body):
            self._tell("webhook REFUSED: not signed with this token; was it rotated? Start again.")
            return 400
        self._tell(f"webhook verified: {_summary(json.loads(request.body))}")
        return 200

    def _genuine(self, headers: dict[str, str], body: bytes) -> bool:
        """Verify both schemes: ours, and that of Standard Webhooks."""
        seconds = headers.get("webhook-timestamp", "")
        if not self.token or not seconds.isascii() or not seconds.isdigit():
            return False
        expected = sign(self.token, body, headers.get("webhook-id", ""), int(seconds))
        signatures = headers.get("webhook-signature", "").split(" ")
        return hmac.compare_digest(
            headers.get("signature", "").encode("latin-1"), expected["Signature"].encode()
        ) and any(
            hmac.compare_digest(one.encode("latin-1"), expected["webhook-signature"].encode())
            for one in signatures
        )


def _summary(event: dict[str, Any]) -> str:
    to = event["recipient"]["email"]
    return f"{event['type']} {dollars(event['amount'])} by {event['provider']} to {to}"
