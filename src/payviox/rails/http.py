"""HTTP to a rail's vendor: what every adapter needs to know of a call that broke is whether it may
have arrived. Answers are bounded, redirects are not followed."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from payviox import tracing

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer that are read; a longer one counts as broken off."""

CONNECT_S = 5.0
"""How long a call may wait for a connection, one that is free or a new one; nothing has been sent
then."""

ANSWER_S = 18.0
"""How long a call may take in all: less than its caller waits."""

CONNECTIONS = 100

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class NotSent(Exception):
    """Surely nothing has reached the vendor."""


class Unclear(Exception):
    """The call may have arrived and may have been acted on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor said. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one where it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):  # no JSON, or nested without end
            return {}
        return value if isinstance(value, dict) else {}


def _why(error: Exception, url: str) -> str:  # noqa: PLR0911  # one for each cause
    """What broke, in words, with the host alone of the URL: the rest may hold what is secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {parts.hostname} is not found"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {host} is not valid"
        case aiohttp.ClientSSLError():
            return f"{host} does not speak TLS"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"{host} refuses connections"
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return f"there is no connection to {host}"
        case TimeoutError():
            return f"{host} did not answer in time"
        case _:
            return f"{host} broke the connection off"


class Http:
    """A pool of connections, opened on first use and closed with `close`."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json_body: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call, with either body or none; Decimals are written as JSON numbers, exactly. Raises
        NotSent and Unclear."""
        with tracing.call(method, url) as span:
            answer = await self._send(method, url, headers, params, json_body, form)
            span.set("http.response.status_code", answer.status)
            if answer.status >= 400:
                span.fail(str(answer.status))
        return answer

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        json_body: object,
        form: Mapping[str, str] | None,
    ) -> Answer:
        body = None if json_body is None else _ENCODER.encode(json_body)
        sent_headers = dict(headers or {})
        if body is not None:
            sent_headers["Content-Type"] = "application/json"
        try:
            async with self._open().request(
                method,
                url,
                headers=sent_headers,
                params=params,
                data=form if body is None else body,
                allow_redirects=False,
            ) as response:
                answer = await response.content.read(MAX_ANSWER + 1)
                while len(answer) <= MAX_ANSWER and not response.content.at_eof():
                    answer += await response.content.read(MAX_ANSWER + 1 - len(answer))
                if len(answer) > MAX_ANSWER:
                    raise Unclear("the answer is too long")
                lowered = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, lowered, answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            # Raised before a connection is used. aiohttp repeats what broke off, but no POST.
            raise NotSent(_why(error, url)) from error
        except aiohttp.InvalidURL as error:
            raise NotSent("the address is no URL") from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unclear(_why(error, url)) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=ANSWER_S, connect=CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session
