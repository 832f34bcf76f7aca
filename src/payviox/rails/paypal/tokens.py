"""Access tokens of PayPal's OAuth: one for each account's credentials, shared by whoever needs it,
renewed before it expires. Nothing is paid here, so nothing that breaks here has sent anything."""

import asyncio
import base64
import hashlib
import time
from dataclasses import dataclass, field

from payviox.rails.http import Http, NotSent, Unclear
from payviox.rails.paypal.payments import text
from payviox.rails.paypal.rate_limit import RateLimited, retry_after
from payviox.rails.protocol import Account

LIVE = "https://api-m.paypal.com"
SANDBOX = "https://api-m.sandbox.paypal.com"

MARGIN_S = 60.0
"""A token is renewed so long before it expires: a call made with it must still arrive."""

WAIT_S = 6.0
"""How long a caller waits for a token: together with its own call less than the rail may take."""

REFUSED_S = 10.0
"""How long refused credentials are not tried again: thousands of orders may wait for them."""

Key = tuple[str, str, bytes]


class Refused(Exception):
    """PayPal does not accept the account's client id and secret; the message says which word it
    used."""


@dataclass(frozen=True, slots=True)
class Token:
    """`until` on the monotonic clock; `scopes` are the app's permissions, where PayPal says."""

    text: str = field(repr=False)
    until: float
    scopes: frozenset[str]


def base_url(account: Account) -> str:
    """Where the account's API is: PayPal's, by the account's environment, unless set otherwise."""
    default = LIVE if account.environment == "live" else SANDBOX
    return str(account.settings.get("base_url") or default).rstrip("/")


class Tokens:
    """The tokens of one process."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._known: dict[Key, Token] = {}
        self._refused: dict[Key, tuple[float, Refused]] = {}
        self._fetching: dict[Key, asyncio.Task[Token]] = {}

    async def get(self, account: Account) -> Token:
        """A token that is good for a call. Raises Refused, RateLimited, and NotSent where PayPal
        could not be asked."""
        key = _key(account)
        token = self._known.get(key)
        if token is not None and time.monotonic() < token.until:
            return token
        until, refused = self._refused.get(key, (0.0, None))
        if refused is not None and time.monotonic() < until:
            raise Refused(*refused.args)
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.create_task(self._fetch(account, key))
            task.add_done_callback(lambda ended: self._ended(key, ended))
        try:
            async with asyncio.timeout(WAIT_S):
                # Whoever is cancelled leaves the others their token.
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise NotSent("PayPal gave no token in time") from error

    def drop(self, account: Account, token: Token) -> None:
        """PayPal did not accept this token: the next caller fetches another."""
        key = _key(account)
        if self._known.get(key) is token:
            del self._known[key]

    def refuse(self, account: Account, refused: Refused) -> None:
        """Credentials that yield only tokens which are not accepted."""
        self._refused[_key(account)] = (time.monotonic() + REFUSED_S, refused)

    async def close(self) -> None:
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: Key, task: asyncio.Task[Token]) -> None:
        if self._fetching.get(key) is task:
            del self._fetching[key]
        if not task.cancelled():
            task.exception()  # seen, also where every caller has gone

    async def _fetch(self, account: Account, key: Key) -> Token:
        now = time.monotonic()
        self._known = {k: token for k, token in self._known.items() if token.until > now}
        self._refused = {k: refusal for k, refusal in self._refused.items() if refusal[0] > now}
        try:
            token = await self._ask(account)
        except Refused as refused:
            self.refuse(account, refused)
            raise
        self._known[key] = token
        return token

    async def _ask(self, account: Account) -> Token:
        client_id = account.settings.get("client_id")
        secret = account.credentials.get("client_secret")
        if not client_id or not secret:
            raise Refused("the account has no client id or no secret")
        basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        asked_at = time.monotonic()
        try:
            answer = await self._http.request(
                "POST",
                f"{base_url(account)}/v1/oauth2/token",
                headers={"Authorization": f"Basic {basic}", "Accept": "application/json"},
                form={"grant_type": "client_credentials"},
            )
        except Unclear as error:
            raise NotSent(f"no token: {error}") from error
        if answer.status in (400, 401, 403):
            raise Refused(text(answer.json().get("error")) or f"PayPal said {answer.status}")
        if answer.status == 429:
            raise RateLimited(retry_after(answer))
        token = _read(answer.json(), asked_at) if answer.status == 200 else None
        if answer.status == 404:
            raise NotSent("its API is not there (HTTP 404): check base_url")
        if token is None:
            raise NotSent(f"PayPal gave no token but answered {answer.status}")
        return token


def _read(body: dict[str, object], asked_at: float) -> Token | None:
    token, expires_in, scope = (body.get(n) for n in ("access_token", "expires_in", "scope"))
    # It becomes a header: nothing may be in it that ends one.
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        return None
    lasts = float(expires_in) if isinstance(expires_in, int) else 0.0
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset[str]()
    return Token(token, asked_at + lasts - MARGIN_S, scopes)


def _key(account: Account) -> Key:
    secret = account.credentials.get("client_secret", "").encode()
    client_id = str(account.settings.get("client_id", ""))
    return client_id, base_url(account), hashlib.sha256(secret).digest()
