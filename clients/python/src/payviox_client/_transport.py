"""What the calls of both clients, and of business and payout user, have in common: one sends and
waits in its thread, the other in its task."""

import copy
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote

import anyio
import httpx
from typing_extensions import Self

from payviox_client._attempts import Attempts, Options
from payviox_client._version import __version__
from payviox_client.errors import ApiError
from payviox_client.listing import AsyncListing, Listing

Fields = Mapping[str, Any]


class Omit:
    """The type of OMIT."""


OMIT = Omit()
"""Leave a field out where None is a value of its own."""
NULL = object()
"""That value."""


class _Settings:
    """What a client was told, and the attempts that follow from it."""

    _options: Options
    _url: str
    _closes: bool
    """Whether the connections are this client's own."""
    _headers: dict[str, str]

    def _set(self, url: str, headers: Mapping[str, str], options: Options) -> None:
        if not str(url).startswith(("http://", "https://")):
            raise ValueError("the url starts with https:// or http://")
        self._url = url.rstrip("/")
        self._options = options
        self._headers = {
            **headers,
            "Accept": "application/json",
            "User-Agent": f"payviox-client-python/{__version__}",
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._url}>"

    def with_options(
        self,
        *,
        timeout_s: float | None = None,
        max_retries: int | None = None,
        max_wait_s: float | None = None,
    ) -> Self:
        """The same client with more or less patience, over the same connections. What is left out
        stays as it is."""
        given = {"timeout_s": timeout_s, "max_retries": max_retries, "max_wait_s": max_wait_s}
        changes: dict[str, Any] = {name: v for name, v in given.items() if v is not None}
        other = copy.copy(self)
        other._closes = False  # noqa: SLF001  # of this class
        other._options = replace(self._options, **changes)  # noqa: SLF001  # as above
        return other

    @staticmethod
    def _quoted(entry_id: str) -> str:
        """An id as a part of a path. Raises ValueError where it is empty: that would be the path of
        the whole list."""
        if not entry_id:
            raise ValueError("the id is empty")
        return quote(entry_id, safe="")

    def _attempts(
        self,
        method: str,
        path: str,
        *,
        query: Fields | None = None,
        body: Fields | None = None,
        key: str | None = None,
        as_text: bool = False,
    ) -> Attempts:
        headers = dict(self._headers)
        content = None
        if body is not None:
            content = json.dumps(_given(body)).encode()
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        if as_text:
            headers["Accept"] = "text/csv"
        return Attempts(
            method,
            self._url + path,
            self._options,
            query={name: _text(value) for name, value in _given(query or {}).items()},
            content=content,
            headers=headers,
            as_text=as_text,
        )


class Caller(_Settings):
    """Sends, and waits between attempts, in the caller's thread. Any number of threads may use one
    client."""

    def __init__(
        self, url: str, headers: Mapping[str, str], options: Options, client: httpx.Client | None
    ) -> None:
        self._set(url, headers, options)
        self._client = client or httpx.Client()
        self._closes = client is None

    def close(self) -> None:
        """Close the connections, unless they are another's: `http_client`, or the client that this
        one was made of."""
        if self._closes:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, attempts: Attempts) -> Any:
        while True:
            answered: Mapping[str, str] = {}
            try:
                response = self._client.request(**attempts.request)
                answered = response.headers
                return attempts.answer(response)
            except (httpx.HTTPError, ApiError) as error:
                wait_s = attempts.wait_after(error, answered)
            time.sleep(wait_s)

    def _get(self, path: str, query: Fields | None = None) -> Any:
        return self._send(self._attempts("GET", path, query=query))

    def _get_text(self, path: str, query: Fields) -> Any:
        return self._send(self._attempts("GET", path, query=query, as_text=True))

    def _put(self, path: str, body: Fields) -> Any:
        return self._send(self._attempts("PUT", path, body=body))

    def _post(self, path: str, body: Fields, key: str | None) -> Any:
        return self._send(self._attempts("POST", path, body=body, key=_key(key)))

    def _list(self, path: str, query: Fields, entries: str) -> Listing[Any, Any]:
        return Listing(lambda after: self._get(path, _from(query, after)), entries)


class AsyncCaller(_Settings):
    """Sends, and waits between attempts, in the caller's task, on asyncio or trio. Any number of
    tasks of one event loop may use one client."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        options: Options,
        client: httpx.AsyncClient | None,
    ) -> None:
        self._set(url, headers, options)
        self._client = client or httpx.AsyncClient()
        self._closes = client is None

    async def close(self) -> None:
        """Close the connections, unless they are another's: `http_client`, or the client that this
        one was made of."""
        if self._closes:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _send(self, attempts: Attempts) -> Any:
        while True:
            answered: Mapping[str, str] = {}
            try:
                response = await self._client.request(**attempts.request)
                answered = response.headers
                return attempts.answer(response)
            except (httpx.HTTPError, ApiError) as error:
                wait_s = attempts.wait_after(error, answered)
            await anyio.sleep(wait_s)

    async def _get(self, path: str, query: Fields | None = None) -> Any:
        return await self._send(self._attempts("GET", path, query=query))

    async def _get_text(self, path: str, query: Fields) -> Any:
        return await self._send(self._attempts("GET", path, query=query, as_text=True))

    async def _put(self, path: str, body: Fields) -> Any:
        return await self._send(self._attempts("PUT", path, body=body))

    async def _post(self, path: str, body: Fields, key: str | None) -> Any:
        return await self._send(self._attempts("POST", path, body=body, key=_key(key)))

    def _list(self, path: str, query: Fields, entries: str) -> AsyncListing[Any, Any]:
        return AsyncListing(lambda after: self._get(path, _from(query, after)), entries)


def visible(text: str, what: str) -> str:
    """What stands in a header as it is. Raises ValueError for what cannot."""
    if not re.fullmatch("[!-~]+", text or ""):
        raise ValueError(f"{what} must be visible ASCII characters")
    return text


def _key(given: str | None) -> str:
    """The caller's key, or a new one where none was given. Raises ValueError for an empty one, too:
    with a new one in its place the call would be paid again when it is repeated."""
    if given is None:
        return str(uuid.uuid4())
    if not re.fullmatch("[!-~]{1,255}", given):
        raise ValueError("an idempotency key is 1 to 255 visible ASCII characters")
    return given


def _from(query: Fields, after: str | None) -> Fields:
    return query if after is None else {**query, "after": after}


def _given(fields: Fields) -> dict[str, Any]:
    """The fields without those that were left out."""
    return {
        name: None if value is NULL else value
        for name, value in fields.items()
        if value is not None and value is not OMIT
    }


def _text(value: object) -> str:
    """A query parameter. Raises ValueError for a time that could be anybody's."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("the time needs a zone: datetime.now(timezone.utc)")
        return value.isoformat()
    return str(value)
