"""A whole installation under load: people are paid and withdraw, while web, worker and PostgreSQL
are killed in turn. Every call is repeated with its key until it is answered; afterwards each has
had one effect, each order its end, and the ledger is whole."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from payviox.db.embedded import processes
from payviox.db.embedded.layout import Layout
from support.installation import Installation, Serving, until
from support.polling import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

PEOPLE = 24
ROUNDS = 12
AMOUNT = 500
KILLS = ("web", "postgres", "worker", "web", "worker", "postgres")


def new_business(installation: Installation) -> Any:
    made = installation.told("business", "create", "Acme")["test"]
    installation.done("business", "deposit", made["business_id"], "1000000", "-r", "first")
    installation.done("business", "fund", made["business_id"], "1000000")
    installation.done("business", "enable-payouts", made["business_id"])
    return made


def kill(serving: Serving, what: str) -> None:
    if what != "postgres":
        os.kill(serving.child(what), signal.SIGKILL)
        return
    layout = Layout(serving.installation.home)
    secrets = layout.read_secrets()
    assert secrets is not None
    name = layout.cluster_name(secrets.name)
    for pid, is_postmaster in processes.server_processes(name).items():
        if is_postmaster:
            os.kill(pid, signal.SIGKILL)


class Caller:
    """Repeats each call with its key until somebody answers it for good."""

    def __init__(self, url: str, business: Any) -> None:
        self.key = {"Authorization": f"Bearer {business['secret_key']}"}
        self.http = httpx.AsyncClient(base_url=url, timeout=30)
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

    async def person(self, number: int) -> None:
        """Is paid ROUNDS times and withdraws every second time."""
        email = f"person-{number}@example.com"
        for turn in range(ROUNDS):
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


async def test_whatever_is_killed_every_key_has_one_effect_and_every_order_its_end(
    tmp_path: Path,
) -> None:
    installation = Installation(tmp_path / "home")
    serving = installation.start()
    try:
        business = new_business(installation)
        caller = Caller(installation.url, business)
        people = asyncio.gather(*(caller.person(number) for number in range(PEOPLE)))
        steps = PEOPLE * ROUNDS * 3 // 2 // (len(KILLS) + 1)
        for number, what in enumerate(KILLS, 1):
            wanted = number * steps
            await eventually(lambda n=wanted: caller.answered >= n or people.done(), 60)
            await asyncio.to_thread(kill, serving, what)
        await people

        # A killed worker's orders are looked up when its lease of 60 s has run out.
        await eventually(caller.all_ended, timeout_s=120, every_s=0.2)
        shown = installation.told("business", "show", business["business_id"])
        assert shown["payout_balance"] == 1_000_000 - PEOPLE * ROUNDS * AMOUNT
        history = await all_movements(caller)
        assert history["allocation"] == PEOPLE * ROUNDS
        assert history["reserve"] == history["settle"] == PEOPLE * ROUNDS // 2
        assert installation.told("ledger", "verify")["ok"] is True
    finally:
        serving.stop()
    assert until(lambda: not installation.left(), 15)


async def all_movements(caller: Caller) -> Counter[str]:
    """How many movements of each kind the history shows."""
    found: Counter[str] = Counter()
    after: dict[str, str] = {}
    while True:
        answer = await caller.http.get(
            "/payout/history", params={"limit": "100", **after}, headers=caller.key
        )
        page = answer.json()
        found.update(entry["kind"] for entry in page["data"])
        if not page["has_more"]:
            return found
        after = {"after": page["data"][-1]["id"]}
