"""People who are paid and withdraw over HTTP while something breaks: each call is repeated with its
key until it is answered."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from support.installation import Installation
from support.machine import stretch

AMOUNT = 500
"""Cents of each allocation and each withdrawal."""
FUNDED = 1_000_000
"""Cents that a new business may allocate."""


def new_business(installation: Installation) -> Any:
    made = installation.told("business", "create", "Acme")["test"]
    installation.done("business", "deposit", made["business_id"], str(FUNDED), "-r", "first")
    installation.done("business", "fund", made["business_id"], str(FUNDED))
    installation.done("business", "enable-payouts", made["business_id"])
    return made


class Caller:
    """Repeats each call with its key until somebody answers it for good."""

    def __init__(self, url: str, business: Any) -> None:
        self.key = {"Authorization": f"Bearer {business['secret_key']}"}
        self.http = httpx.AsyncClient(base_url=url, timeout=stretch(30))
        self.answered = 0
        self.statuses: Counter[int] = Counter()

    async def call(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        while True:
            try:
                answer = await self.http.post(path, json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # nobody listens just now; not a wait for anything
                continue
            self.statuses[answer.status_code] += 1
            if answer.status_code < 429:
                self.answered += 1
                assert answer.status_code == 201, answer.text
                return answer.json()
            await asyncio.sleep(0.05)  # refused for the moment, as above

    async def all_ended(self) -> bool:
        """Whether no order is under way any more."""
        for status in ("queued", "sending", "unknown", "sent"):
            query = {"status": status, "limit": "1"}
            answer = await self.http.get("/payout/orders", params=query, headers=self.key)
            if answer.status_code != 200 or answer.json()["data"]:
                return False
        return True

    async def person(self, number: int, rounds: int) -> None:
        """Is paid so many times and withdraws every second time."""
        email = f"person-{number}@example.com"
        for turn in range(rounds):
            paid = await self.call(
                "/payout/create",
                {"email": email, "amount": AMOUNT},
                {**self.key, "Idempotency-Key": f"{number}-{turn}"},
            )
            if turn % 2:
                await self.call(
                    "/payout/withdraw",
                    {"provider": "paypal", "amount": AMOUNT, "paypal": {"email": email}},
                    {"X-Payout-Hash": paid["hash"], "Idempotency-Key": f"{turn}"},
                )

    async def all_movements(self) -> Counter[str]:
        """How many movements of each kind the history shows."""
        found: Counter[str] = Counter()
        after: dict[str, str] = {}
        while True:
            answer = await self.http.get(
                "/payout/history", params={"limit": "100", **after}, headers=self.key
            )
            page = answer.json()
            found.update(entry["kind"] for entry in page["data"])
            if not page["has_more"]:
                return found
            after = {"after": page["data"][-1]["id"]}


async def assert_nothing_lost_or_paid_twice(
    installation: Installation, business: Any, caller: Caller, people: int, rounds: int
) -> None:
    """Whatever broke meanwhile: each call of so many people has had one effect, and each cent of
    the `new_business` is where it belongs."""
    shown = installation.told("business", "show", business["business_id"])
    assert shown["payout_balance"] == FUNDED - people * rounds * AMOUNT
    history = await caller.all_movements()
    assert history["allocation"] == people * rounds
    assert history["reserve"] == history["settle"] == people * rounds // 2
    assert installation.told("ledger", "verify")["ok"] is True
