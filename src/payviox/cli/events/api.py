"""Calls of the Payout API with a business's secret key, whose refusals end the command in one
sentence."""

import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import click
import httpx2
import msgspec

from payviox.errors import PayvioxError

KEY_NAME, URL_NAME = "PAYVIOX_KEY", "PAYVIOX_URL"
TEST_KEY = "sk_test_"
TIMEOUT_S = 30.0
T = TypeVar("T")


class CallFailed(PayvioxError):
    """The API refused a call, or did not answer; the text says which and why."""


class Away(CallFailed):
    """Nobody answered, or what answered cannot work just now: the same call may succeed later."""


class Api:
    """An installation's API, called for the business of one secret key. `named_by` is the setting
    that says where it is."""

    def __init__(
        self,
        url: str,
        named_by: str,
        secret_key: str,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._named_by = named_by
        self.secret_key = secret_key
        try:
            self._client = httpx2.AsyncClient(
                base_url=self.url, timeout=TIMEOUT_S, transport=transport
            )
        except httpx2.InvalidURL as error:
            raise CallFailed(f"{named_by} is no address of an API ({url}): {error}.") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def get(self, path: str, kind: type[T], **query: str | int) -> T:
        """The answer's body, of this kind. Raises CallFailed, Away where it may be tried again."""
        body = await self._call("GET", path, self._as_business(), params=query)
        return self._decoded(body, kind)

    async def post(self, path: str, body: Mapping[str, object], payout_hash: str = "") -> Any:
        """What the JSON of the answer says; with a hash, as that payout user. Raises CallFailed."""
        headers = {"X-Payout-Hash": payout_hash} if payout_hash else self._as_business()
        return self._decoded(await self._call("POST", path, headers, json=body), dict)

    def _decoded(self, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise CallFailed(
                f"{self.url} answers, but not as Payviox does. {self._named_by} says where it is."
            ) from error

    def _as_business(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret_key}"}

    async def _call(self, method: str, path: str, headers: dict[str, str], **more: Any) -> bytes:
        try:
            answer = await self._client.request(method, path, headers=headers, **more)
        except (httpx2.TransportError, httpx2.UnsupportedProtocol) as error:
            why = str(error) or type(error).__name__
            away = f"{self.url} does not answer ({why}). {self._named_by} says where it is."
            raise Away(away) from error
        if answer.is_success:
            return answer.content
        told = _told(answer)
        if answer.status_code == 401:
            told = f"{told}. {KEY_NAME} must hold a secret key of this installation."
        failed = f"{method} {path} was answered {answer.status_code}: {told}"
        raise (Away if answer.status_code in (429, 502, 503, 504) else CallFailed)(failed)


def _told(answer: httpx2.Response) -> str:
    """What the answer's `error` or its fields say."""
    try:
        body = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return "no JSON; is this the address of a Payviox installation?"
    error = body.get("error") if isinstance(body, dict) else None
    if error:
        return str(error)
    fields = body.get("errors", body) if isinstance(body, dict) else {}
    by_field = fields.values() if isinstance(fields, dict) else [fields]
    texts = [text for told in by_field if isinstance(told, list) for text in told]
    return " ".join(map(str, texts)) or "it does not say why"


def ask_key(*, test_only: bool) -> str:
    """The secret key of the environment, or typed unseen. Raises click.UsageError."""
    key = os.environ.get(KEY_NAME)
    if not key:
        if not sys.stdin.isatty():
            raise click.UsageError(f"Set {KEY_NAME} to a secret key of a test business.")
        key = str(click.prompt("Secret key of a test business", hide_input=True))
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise click.UsageError(f"{KEY_NAME} holds no secret key: it has characters that none has.")
    if test_only and not key.startswith(TEST_KEY):
        raise click.UsageError(
            f"Only a test business is worked with here: its secret keys begin with {TEST_KEY}."
        )
    return key
