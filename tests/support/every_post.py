"""Every POST route of the API in a state in which it would succeed and commit: generated from the
OpenAPI document, so that a new one is tried or the tests that use this fail."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from support.businesses import TestBusiness
from support.withdrawals import Desk

ADA = "ada@example.com"
READS = {"/payout/operations"}
"""POST by the contract, but nothing is written."""


@dataclass
class Ready:
    """One call that would succeed now, with its caller's headers."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    async def send(self, business: TestBusiness, **headers: str) -> httpx.Response:
        """Call it, by an application that may be another than the one that prepared it."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        async with business.client_with(self.headers | more) as client:
            return await client.post(self.path, json=self.body)


@dataclass
class Stage:
    """A business and what is prepared in it. Each preparation is of a payout user of its own."""

    business: TestBusiness
    number: int = 0

    async def user(self) -> tuple[str, dict[str, str]]:
        """A new payout user with 10,000 cents: the id, and the headers of their hash."""
        self.number += 1
        email = f"u{self.number}@example.com"
        made = (await self.business.create(email, 10_000)).json()
        found = (await self.business.client.get(f"/payout/users?email={email}")).json()
        return found["data"][0]["id"], {"X-Payout-Hash": made["hash"]}

    async def withdraw(self, user: dict[str, str], **body: Any) -> str:
        """The id of a new order."""
        wanted = {"provider": "paypal", "amount": 700, "paypal": {"email": ADA}} | body
        async with self.business.client_with(user) as client:
            answer = await client.post("/payout/withdraw", json=wanted)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def in_review(self) -> str:
        """The id of an order that a person must decide on."""
        _, user = await self.user()
        await self.business.set(review_amount=1)
        order = await self.withdraw(user)
        await self.business.set(review_amount=None)
        return order

    async def webhook(self) -> None:
        settings = {"url": "https://example.com/hook", "enabled": True, "events": EVENTS}
        assert (await self.business.client.put("/payout/webhook", json=settings)).is_success

    def ready(self, path: str, body: Any = None, user: dict[str, str] | None = None) -> Ready:
        key = {"Authorization": f"Bearer {self.business.secret_key}"}
        return Ready(path, user or key, body or {})


EVENTS = ["payout.created", "payout.succeeded"]
Prepare = Callable[[Stage], Awaitable[Ready]]


async def _create(stage: Stage) -> Ready:
    return stage.ready("/payout/create", {"email": "new@example.com", "amount": 100})


async def _batch(stage: Stage) -> Ready:
    items = [{"email": "new@example.com", "amount": 100}, {"email": "b@example.com", "amount": 5}]
    return stage.ready("/payout/batch", {"items": items, "mode": "all_or_nothing"})


async def _fund(stage: Stage) -> Ready:
    return stage.ready("/payout/fund", {"amount": 77})


async def _defund(stage: Stage) -> Ready:
    return stage.ready("/payout/defund", {"amount": 77})


async def _deactivate(stage: Stage) -> Ready:
    user, _ = await stage.user()
    return stage.ready(f"/payout/users/{user}/deactivate")


async def _activate(stage: Stage) -> Ready:
    user, _ = await stage.user()
    assert (await stage.business.client.post(f"/payout/users/{user}/deactivate")).is_success
    return stage.ready(f"/payout/users/{user}/activate")


async def _rotate_hash(stage: Stage) -> Ready:
    user, _ = await stage.user()
    return stage.ready(f"/payout/users/{user}/rotate-hash")


async def _redeem_link(stage: Stage) -> Ready:
    user, _ = await stage.user()
    return stage.ready(f"/payout/users/{user}/redeem-link")


async def _revoke(stage: Stage) -> Ready:
    user, _ = await stage.user()
    return stage.ready(f"/payout/users/{user}/revoke", {"amount": 300})


async def _approve(stage: Stage) -> Ready:
    return stage.ready(f"/payout/orders/{await stage.in_review()}/approve")


async def _reject(stage: Stage) -> Ready:
    return stage.ready(f"/payout/orders/{await stage.in_review()}/reject", {"note": "no"})


async def _cancel(stage: Stage) -> Ready:
    return stage.ready(f"/payout/orders/{await stage.in_review()}/cancel")


async def _redeliver(stage: Stage) -> Ready:
    await stage.webhook()
    await stage.in_review()
    events = (await stage.business.client.get("/payout/events")).json()["data"]
    return stage.ready(f"/payout/events/{events[0]['id']}/redeliver")


async def _webhook_test(stage: Stage) -> Ready:
    await stage.webhook()
    return stage.ready("/payout/webhook/test", {"type": "payout.failed"})


async def _rotate_token(stage: Stage) -> Ready:
    await stage.webhook()
    return stage.ready("/payout/webhook/rotate-token")


async def _make_key(stage: Stage) -> Ready:
    return stage.ready("/payout/keys", {"name": "shop", "scopes": ["read"]})


async def _revoke_key(stage: Stage) -> Ready:
    made = await (await _make_key(stage)).send(stage.business)
    return stage.ready(f"/payout/keys/{made.json()['id']}/revoke")


async def _quote(stage: Stage) -> Ready:
    _, user = await stage.user()
    return stage.ready("/payout/quote", {"provider": "paypal", "amount": 900}, user)


async def _withdraw(stage: Stage) -> Ready:
    _, user = await stage.user()
    wanted = {"provider": "paypal", "amount": 900, "paypal": {"email": ADA}}
    return stage.ready("/payout/withdraw", wanted, user)


async def _cancel_withdrawal(stage: Stage) -> Ready:
    _, user = await stage.user()
    order = await stage.withdraw(user)
    return stage.ready(f"/payout/withdrawals/{order}/cancel", None, user)


async def _reveal(stage: Stage) -> Ready:
    _, user = await stage.user()
    card = {"provider": "gift_card", "amount": 2_500, "gift_card": {"product": "sandbox_card_25"}}
    order = await stage.withdraw(user, **card, paypal=None)
    await Desk.of(stage.business).process()
    return stage.ready(f"/payout/withdrawals/{order}/reveal", None, user)


PREPARED: dict[str, Prepare] = {
    "/payout/create": _create,
    "/payout/batch": _batch,
    "/payout/fund": _fund,
    "/payout/defund": _defund,
    "/payout/users/{id}/deactivate": _deactivate,
    "/payout/users/{id}/activate": _activate,
    "/payout/users/{id}/rotate-hash": _rotate_hash,
    "/payout/users/{id}/redeem-link": _redeem_link,
    "/payout/users/{id}/revoke": _revoke,
    "/payout/orders/{id}/approve": _approve,
    "/payout/orders/{id}/reject": _reject,
    "/payout/orders/{id}/cancel": _cancel,
    "/payout/events/{id}/redeliver": _redeliver,
    "/payout/webhook/test": _webhook_test,
    "/payout/webhook/rotate-token": _rotate_token,
    "/payout/keys": _make_key,
    "/payout/keys/{id}/revoke": _revoke_key,
    "/payout/quote": _quote,
    "/payout/withdraw": _withdraw,
    "/payout/withdrawals/{id}/cancel": _cancel_withdrawal,
    "/payout/withdrawals/{id}/reveal": _reveal,
}
BY_PAYOUT_USERS = ["/payout/quote", "/payout/withdraw", "/payout/withdrawals/{id}/cancel",
                   "/payout/withdrawals/{id}/reveal"]  # fmt: skip


def posts_of(document: Any, scheme: str | None = None) -> set[str]:
    """The paths of the document's POST routes that need a credential, or this one."""
    found = set()
    for path, methods in document["paths"].items():
        schemes = {name for entry in methods.get("post", {}).get("security", []) for name in entry}
        if (scheme in schemes if scheme else schemes) and path not in READS:
            found.add(path)
    return found
