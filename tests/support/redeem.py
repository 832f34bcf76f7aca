"""A recipient on the redemption page, without scripts, as the server sees them."""

import hashlib
import re
from dataclasses import dataclass

import httpx

from payviox import ids
from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.dashboard import Browser
from support.withdrawals import Desk

EMAIL = "ada@example.com"
WALLET = "0x52908400098527886E0F7030069857D2E4169EE7"


@dataclass
class Recipient:
    """Somebody with a balance, their hash, and a browser that was let in."""

    desk: Desk
    browser: Browser
    hash: str

    @classmethod
    async def of(cls, business: TestBusiness, browser: Browser, amount: int = 5_000) -> "Recipient":
        made = await business.create(EMAIL, amount)
        assert made.status_code == 201, made.text
        recipient = cls(Desk.of(business), browser, made.json()["hash"])
        answer = await recipient.enter()
        assert answer.status_code == 303, answer.text
        return recipient

    @property
    def database(self) -> Database:
        return self.desk.database

    async def enter(self, secret: str | None = None) -> httpx.Response:
        return await self.browser.post("/redeem", link=secret or self.hash)

    async def get(self, path: str) -> httpx.Response:
        return await self.browser.get(f"/redeem/{path}")

    async def review(self, way: str, **fields: str) -> str:
        """Fill in the form of this way; return the review's address."""
        answer = await self.browser.post(f"/redeem/withdraw/{way}", **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def withdraw(self, way: str, **fields: str) -> str:
        """The same, confirmed; return the order's address."""
        answer = await self.browser.post(await self.review(way, **fields))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def balance(self) -> int:
        return (await self.desk.business.ledger())[EMAIL]

    async def number_of_orders(self) -> int:
        count: int = await self.desk.business.scalar(
            "SELECT count(*) FROM orders WHERE business_id = %s", self.desk.business.business_id
        )
        return count


def who_sent(secret: str) -> dict[str, str]:
    """What the page asks for the sender's name by: all that leaves the browser of a link."""
    return {"code": secret[:8], "digest": hashlib.sha256(secret.encode()).hexdigest()}


def text_of(answer: httpx.Response) -> str:
    """What a reader reads of the page, in one line."""
    body = answer.text.partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def order_id_of(address: str) -> str:
    shown = address.rpartition("/")[2]
    assert ids.parse(ids.ORDER, shown), address
    return shown
