"""What one call sends, what each answer means, and whether and when it is sent again. It neither
sends nor waits: that is done, for both clients, by _transport.py."""

import json
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from payviox_client.errors import (
    ApiError,
    ConnectionFailed,
    ServerError,
    TooManyRequests,
    error_of,
)

FIRST_WAIT_S = 0.5
LONGEST_BACK_OFF_S = 8.0
AGAIN = {408, 429, 500, 502, 503, 504}
"""502 and 504 are proxies' words for a broken connection behind them."""
NEVER_SENT_RIGHT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
"""What another attempt would meet again."""
_log = logging.getLogger("payviox_client")


@dataclass(frozen=True)
class Options:
    """How patient a client is: see the clients' constructors."""

    timeout_s: float
    max_retries: int
    max_wait_s: float

    def __post_init__(self) -> None:
        if self.timeout_s <= 0 or self.max_retries < 0 or self.max_wait_s < 0:
            raise ValueError("timeout_s is above 0, max_retries and max_wait_s are at least 0")


class Attempts:
    """One call, with all its attempts."""

    def __init__(
        self,
        method: str,
        path: str,
        options: Options,
        *,
        query: Mapping[str, str],
        content: bytes | None,
        headers: Mapping[str, str],
        as_text: bool,
    ) -> None:
        self._name = f"{method} {path}"
        self._options = options
        self._key = headers.get("Idempotency-Key")
        self._as_text = as_text
        self._retries = 0
        self.request: dict[str, Any] = {
            "method": method,
            "url": path,
            "params": query or None,
            "content": content,
            "headers": headers,
            "timeout": httpx.Timeout(options.timeout_s, connect=min(options.timeout_s, 10.0)),
            "follow_redirects": False,
        }
        """What httpx's `request` takes: the same for each attempt."""

    def answer(self, response: httpx.Response) -> Any:
        """What the answer holds. Raises ApiError, or httpx.DecodingError where it is cut off."""
        if response.is_success and self._as_text:
            return response.text
        body = None
        try:
            body = json.loads(response.content)
        except ValueError as error:
            if response.is_success:
                raise httpx.DecodingError("the answer is no JSON") from error
        if response.is_success:
            return body
        raise error_of(response.status_code, body, response.headers)

    def wait_after(self, error: httpx.HTTPError | ApiError, headers: Mapping[str, str]) -> float:
        """How many seconds to wait before the next attempt. Where there is none, raises what the
        caller is told instead."""
        asked = _retry_after(headers)
        if isinstance(error, (TooManyRequests, ServerError)):
            error.retry_after_s = asked
        if not self._again(error) or (asked or 0) > self._options.max_wait_s:
            if isinstance(error, ApiError):
                error.idempotency_key = self._key
                raise error
            failed = ConnectionFailed(_words(error))
            failed.idempotency_key = self._key
            raise failed from error
        self._retries += 1
        back_off = min(FIRST_WAIT_S * 2.0 ** (self._retries - 1), LONGEST_BACK_OFF_S)
        jitter = random.uniform(0.5, 1)  # noqa: S311  # spreads callers, hides nothing
        wait_s = min(max(back_off * jitter, asked or 0), self._options.max_wait_s)
        _log.info("%s: %s; again in %.1f s", self._name, _words(error), wait_s)
        return wait_s

    def _again(self, error: httpx.HTTPError | ApiError) -> bool:
        if self._retries >= self._options.max_retries:
            return False
        if isinstance(error, ApiError):
            return error.status in AGAIN
        return not isinstance(error, NEVER_SENT_RIGHT)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds: a number, or a date of HTTP."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
