"""JSON-RPC to one node, bounded in time, bytes and calls at once. A node's URL may hold a key, and
its answers may repeat it: neither reaches a log or an error."""

import asyncio
import logging
from typing import Any

import aiohttp
from web3.providers import AsyncHTTPProvider

from payviox import tracing

CALL_S = 6.0
"""How long one call may take, in seconds."""

CONNECT_S = 3.0

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer that are read; a longer one counts as none."""

CALLS = 16
"""Calls under way at once."""


class NoAnswer(Exception):
    """The node did not answer, or not as a node does; the call may have arrived."""


class BoundedProvider(AsyncHTTPProvider):
    """As web3's, with limits, and without repeating calls."""

    def __init__(self, url: str) -> None:
        # web3 writes the URLs that it calls into its log.
        logging.getLogger("web3").setLevel(logging.WARNING)
        super().__init__(url, exception_retry_configuration=None)
        self._url = url
        self._session: aiohttp.ClientSession | None = None
        self._gate = asyncio.Semaphore(CALLS)

    async def _make_request(self, method: Any, request_data: bytes) -> bytes:  # noqa: ARG002  # web3's
        """Raises NoAnswer."""
        try:
            with tracing.call("POST", self._url):
                async with self._gate, asyncio.timeout(CALL_S):
                    return await self._post(request_data)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NoAnswer(type(error).__name__) from None

    async def _post(self, data: bytes) -> bytes:
        async with self._open().post(
            self._url,
            data=data,
            headers={"Content-Type": "application/json"},
            allow_redirects=False,
        ) as response:
            if response.status in (401, 403, 429) or response.status >= 500:
                raise NoAnswer(f"HTTP {response.status}")
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > MAX_ANSWER:
                    raise NoAnswer("the answer is too long")
            return bytes(body)

    async def disconnect(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session
