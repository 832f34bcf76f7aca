"""HTTP to Tremendous: where its API is, the key, the rate that it allows, numbers kept exact. What
an answer means is not judged here."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import UUID

from aiolimiter import AsyncLimiter

from payviox.rails.http import Answer, Http, NotSent, Unclear
from payviox.rails.protocol import Account, RailError

BASE_URLS = {
    "sandbox": "https://testflight.tremendous.com/api/v2",
    "live": "https://api.tremendous.com/api/v2",
}

INTERVAL_S = 1 / 9
"""Between two calls for one account. Tremendous allows ten a second; a network may bunch them."""

LONGEST_WAIT_S = 6.0
"""How long an order may wait for its turn: with the call itself, less than its caller waits."""

LONGEST_READ_WAIT_S = 2.0
"""The same for what only asks, so that an order finds few of them before it."""

PAUSE_S = 2.0
"""How long nothing is called after Tremendous said that it was too much, unless it says itself."""

LONGEST_PAUSE_S = 300.0


class Crowded(Exception):
    """The call would have waited too long for its turn; nothing was sent. Try after `again_s`."""

    def __init__(self, again_s: float) -> None:
        super().__init__("too many calls to Tremendous are waiting")
        self.again_s = again_s


class NoKey(Exception):
    """The account has no API key."""


class KeyRefused(RailError):
    """Tremendous does not know the API key."""


class Unreachable(RailError):
    """Nothing answers, or something else than Tremendous's API."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `body` is empty where it was no JSON object; it may hold links that are money."""

    status: int
    body: dict[str, Any] = field(repr=False)
    retry_after_s: float = PAUSE_S


class Client:
    """Calls for every business, each at its own pace in this process. Calls raise NoKey, Crowded
    and, from rails/http.py, NotSent and Unclear."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._paces: dict[UUID, _Pace] = {}

    async def get(
        self, account: Account, path: str, params: Mapping[str, str] | None = None
    ) -> Reply:
        return await self._call(account, "GET", path, LONGEST_READ_WAIT_S, params=params)

    async def post(self, account: Account, path: str, body: Mapping[str, Any]) -> Reply:
        return await self._call(account, "POST", path, LONGEST_WAIT_S, body=body)

    async def _call(
        self,
        account: Account,
        method: str,
        path: str,
        wait_s: float,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Reply:
        key = account.credentials.get("api_key")
        if not key:
            raise NoKey
        pace = self._paces.setdefault(account.business_id, _Pace())
        await pace.turn(wait_s)
        answer = await self._http.request(
            method,
            base_url(account) + path,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            params=params,
            json_body=body,
        )
        reply = Reply(answer.status, _exact(answer), _retry_after(answer))
        if reply.status == 429:
            pace.pause(reply.retry_after_s)
        return reply

    async def ask(
        self,
        account: Account,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        missing: bool = False,
    ) -> dict[str, Any]:
        """The body of a successful GET; with `missing`, an empty one where there is no such thing.
        Raises RailError, which says to the operator what is wrong."""
        return _successful(await told(self.get(account, path, params)), missing=missing)

    async def close(self) -> None:
        await self._http.close()


async def told(call: Awaitable[Reply]) -> Reply:
    """A call's reply. Raises RailError where there is none."""
    try:
        return await call
    except NoKey as error:
        raise RailError("The account has no API key: connect it again.") from error
    except Crowded as error:
        raise RailError("Tremendous is being asked too much; try again shortly.") from error
    except (NotSent, Unclear) as error:
        raise Unreachable(f"Tremendous cannot be reached: {error}.") from error


def _successful(reply: Reply, *, missing: bool) -> dict[str, Any]:
    if reply.status == 200:
        return reply.body
    if reply.status == 404 and missing:
        return {}
    if reply.status == 401:
        raise KeyRefused("Tremendous refuses the API key: make a new one and connect again.")
    if reply.status == 403:
        raise RailError("Tremendous does not let the API key ask for this: make another one.")
    if reply.status == 404:
        raise Unreachable("Tremendous's API is not there (HTTP 404): check base_url.")
    if reply.status == 429:
        raise RailError("Tremendous is being asked too much; try again shortly.")
    raise RailError(f"Tremendous answered with HTTP {reply.status}.")


def path(*parts: str) -> str:
    """`("orders", id)` → `/orders/<id>`, whatever is in the id."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def objects(listed: object) -> list[Mapping[str, Any]]:
    """The objects of a list in an answer; none where it is no list."""
    return [o for o in listed if isinstance(o, Mapping)] if isinstance(listed, list) else []


def base_url(account: Account) -> str:
    """The API's address without a slash at its end."""
    return str(account.settings.get("base_url") or BASE_URLS[account.environment]).rstrip("/")


class _Pace:
    """One account's turns."""

    def __init__(self) -> None:
        self._limiter = AsyncLimiter(1, INTERVAL_S)
        self._waiting = 0
        self._resume_at = 0.0

    async def turn(self, longest_s: float) -> None:
        """Wait for it. Raises Crowded at once where that would take longer."""
        loop = asyncio.get_running_loop()
        wait = max(self._resume_at - loop.time(), 0.0) + self._waiting * INTERVAL_S
        if wait > longest_s:
            raise Crowded(wait)
        self._waiting += 1
        try:
            await asyncio.sleep(max(self._resume_at - loop.time(), 0.0))
            await self._limiter.acquire()
        finally:
            self._waiting -= 1

    def pause(self, seconds: float) -> None:
        resume_at = asyncio.get_running_loop().time() + seconds
        self._resume_at = max(self._resume_at, resume_at)


def _exact(answer: Answer) -> dict[str, Any]:
    """The body with its fractions as Decimal."""
    try:
        body = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(answer: Answer) -> float:
    text = answer.headers.get("retry-after", "")
    return min(max(float(text), 1.0), LONGEST_PAUSE_S) if text.isdecimal() else PAUSE_S
