"""The four clients: of a business and of a payout user, each for plain and for `async` code."""

import httpx

from payviox_client._async_calls import AsyncBusinessCalls, AsyncPayoutUserCalls
from payviox_client._attempts import Options
from payviox_client._calls import BusinessCalls, PayoutUserCalls
from payviox_client._transport import visible

TIMEOUT_S = 60.0
MAX_RETRIES = 4
MAX_WAIT_S = 30.0


class PayoutUser(PayoutUserCalls):
    """What a payout user may do, who is known by their payout hash.

    `timeout_s` is how long one attempt may go without a byte, in seconds; `max_retries` how often a
    call is sent again after a broken connection, 408, 429, 500, 502, 503 or 504; `max_wait_s` the
    longest wait before one of them: where the server asks for more, its error is raised at once.
    `http_client` is one of your own, with proxies or certificates; closing is then yours, too.
    """

    def __init__(
        self,
        url: str,
        payout_hash: str,
        *,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        max_wait_s: float = MAX_WAIT_S,
        http_client: httpx.Client | None = None,
    ) -> None:
        options = Options(timeout_s, max_retries, max_wait_s)
        super().__init__(url, _hash(payout_hash), options, http_client)


class Payviox(BusinessCalls):
    """What a business may do, which is known by its secret key (`sk_live_…` or `sk_test_…`) or
    a restricted one (`rk_…`).

    `timeout_s` is how long one attempt may go without a byte, in seconds; `max_retries` how often a
    call is sent again after a broken connection, 408, 429, 500, 502, 503 or 504, always with the
    same idempotency key; `max_wait_s` the longest wait before one of them: where the server asks
    for more, its error is raised at once. `http_client` is one of your own, with proxies or
    certificates.
    """

    def __init__(
        self,
        url: str,
        secret_key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        max_wait_s: float = MAX_WAIT_S,
        http_client: httpx.Client | None = None,
    ) -> None:
        options = Options(timeout_s, max_retries, max_wait_s)
        super().__init__(url, _key(secret_key), options, http_client)

    def payout_user(self, payout_hash: str) -> PayoutUser:
        """A payout user's client, over the same connections and as patient."""
        return PayoutUser(
            self._url,
            payout_hash,
            timeout_s=self._options.timeout_s,
            max_retries=self._options.max_retries,
            max_wait_s=self._options.max_wait_s,
            http_client=self._client,
        )


class AsyncPayoutUser(AsyncPayoutUserCalls):
    """`PayoutUser` for `async` code, with the same arguments."""

    def __init__(
        self,
        url: str,
        payout_hash: str,
        *,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        max_wait_s: float = MAX_WAIT_S,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        options = Options(timeout_s, max_retries, max_wait_s)
        super().__init__(url, _hash(payout_hash), options, http_client)


class AsyncPayviox(AsyncBusinessCalls):
    """`Payviox` for `async` code, with the same arguments."""

    def __init__(
        self,
        url: str,
        secret_key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        max_retries: int = MAX_RETRIES,
        max_wait_s: float = MAX_WAIT_S,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        options = Options(timeout_s, max_retries, max_wait_s)
        super().__init__(url, _key(secret_key), options, http_client)

    def payout_user(self, payout_hash: str) -> AsyncPayoutUser:
        """A payout user's client, over the same connections and as patient."""
        return AsyncPayoutUser(
            self._url,
            payout_hash,
            timeout_s=self._options.timeout_s,
            max_retries=self._options.max_retries,
            max_wait_s=self._options.max_wait_s,
            http_client=self._client,
        )


def _key(secret_key: str) -> dict[str, str]:
    """Raises ValueError for what is surely no secret key."""
    if not str(secret_key).startswith(("sk_", "rk_")):
        raise ValueError(
            "a business calls with its secret key or a restricted one, which start with sk_ or rk_"
        )
    return {"Authorization": f"Bearer {visible(secret_key, 'the secret key')}"}


def _hash(payout_hash: str) -> dict[str, str]:
    return {"X-Payout-Hash": visible(payout_hash, "the payout hash")}
