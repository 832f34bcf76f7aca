"""Calls of PayPal's REST API for one account: with a token, at PayPal's pace. What an answer means
is not decided here. Every call raises Refused (credentials), RateLimited and http.NotSent, after
which surely nothing was done, and http.Unclear."""

from collections.abc import Mapping
from urllib.parse import quote

from payviox.rails.http import Answer, Http, NotSent, Unclear
from payviox.rails.paypal.rate_limit import Pace, RateLimited, retry_after
from payviox.rails.paypal.tokens import Refused, Tokens, base_url
from payviox.rails.protocol import Account, RailError

PAYOUTS = "/v1/payments/payouts"
ITEMS = "/v1/payments/payouts-item"
BALANCES = "/v1/reporting/balances"
WEBHOOKS = "/v1/notifications/webhooks"

BROKEN = (Refused, RateLimited, NotSent, Unclear)
"""What a call raises."""


def told(error: Exception) -> RailError:
    """One of these, for a person: why, and what to do."""
    match error:
        case Refused():
            return RailError(f"PayPal refuses the client id and secret ({error}): connect again.")
        case RateLimited():
            return RailError(f"PayPal wants fewer calls: try again in {error.again_s:.0f} s.")
        case _:
            return RailError(f"PayPal could not be asked: {error}; try again.")


class Client:
    """Shared by all accounts; holds their tokens and keeps to their limits."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._tokens = Tokens(http)
        self._paces: dict[tuple[str, str], Pace] = {}

    async def create_batch(self, account: Account, body: Mapping[str, object]) -> Answer:
        """Pay."""
        await self._pace(account).post()
        return await self._call(account, "POST", PAYOUTS, body=body)

    async def cancel_item(self, account: Account, item_id: str) -> Answer:
        """Take an unclaimed item back."""
        await self._pace(account).post()
        return await self._call(account, "POST", f"{ITEMS}/{_segment(item_id)}/cancel")

    async def batch(self, account: Account, batch_id: str) -> Answer:
        return await self._get(account, f"{PAYOUTS}/{_segment(batch_id)}")

    async def balances(self, account: Account) -> Answer:
        return await self._get(account, BALANCES, {"currency_code": "USD"})

    async def webhooks(self, account: Account) -> Answer:
        return await self._get(account, WEBHOOKS)

    async def scopes(self, account: Account) -> frozenset[str]:
        """The permissions of the account's app, where PayPal tells them."""
        self._pace(account).check()
        return (await self._tokens.get(account)).scopes

    async def close(self) -> None:
        await self._tokens.close()

    async def _get(
        self, account: Account, path: str, params: Mapping[str, str] | None = None
    ) -> Answer:
        self._pace(account).check()
        return await self._call(account, "GET", path, params=params)

    async def _call(
        self,
        account: Account,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call; a second one with a new token where PayPal did not look at the first."""
        answer = await self._once(account, method, path, body, params)
        if answer.status == 401:
            answer = await self._once(account, method, path, body, params)
        if answer.status == 401:
            refused = Refused("PayPal does not accept the tokens that it gives")
            self._tokens.refuse(account, refused)
            raise refused
        return answer

    async def _once(
        self,
        account: Account,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        params: Mapping[str, str] | None,
    ) -> Answer:
        try:
            token = await self._tokens.get(account)
        except RateLimited as limited:
            self._pace(account).pause(limited.again_s)
            raise
        answer = await self._http.request(
            method,
            base_url(account) + path,
            headers={"Authorization": f"Bearer {token.text}", "Accept": "application/json"},
            params=params,
            json_body=body,
        )
        if answer.status == 401:
            self._tokens.drop(account, token)
        if answer.status == 429:
            again_s = retry_after(answer)
            self._pace(account).pause(again_s)
            raise RateLimited(again_s)
        return answer

    def _pace(self, account: Account) -> Pace:
        key = (base_url(account), str(account.settings.get("client_id")))
        pace = self._paces.get(key)
        if pace is None:
            pace = self._paces[key] = Pace()
        return pace


def _segment(text: str) -> str:
    return quote(text, safe="")
