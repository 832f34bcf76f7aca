"""Uploads for tests: a file sent as a browser sends it, its page, and the worker's part."""

import html
import re
from typing import Any
from uuid import UUID

import httpx

from payviox import ids
from payviox.allocations.batcher import Batcher
from payviox.allocations.uploads import paying
from payviox.db.pool import Database
from payviox.keyring import Keyring
from support import live
from support.dashboard import Browser, hidden

SAME = {"Sec-Fetch-Site": "same-origin"}


def csv_of(*rows: str, header: str = "Email,Amount,Reference") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


async def send(
    browser: Browser, base: str, content: bytes, name: str = "may.csv", **headers: str
) -> httpx.Response:
    """Choose a file and press Check file."""
    return await browser.client.post(
        f"{base}/allocate/upload",
        files={"file": (name, content, "text/csv")},
        headers=SAME | headers,
    )


async def checked(browser: Browser, base: str, content: bytes, name: str = "may.csv") -> str:
    """The address of the upload's page."""
    answer = await send(browser, base, content, name)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def confirm(browser: Browser, address: str, query: str = "", **fields: str) -> httpx.Response:
    """Press the page's button, with what it shows."""
    page = await browser.get(address + query)
    form = page.text[page.text.index(f'action="{address}/start"') :]
    given = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form.partition("</form>")[0]))
    return await browser.post(f"{address}/start", **{**given, "due": "", **fields})


def button(page: httpx.Response) -> str | None:
    """What the page's button promises."""
    found = re.search(r">(Allocate to [^<]*)</button>", page.text)
    return html.unescape(found[1]).strip() if found else None


async def pay(database: Database, business_id: UUID) -> None:
    """What the worker does once it is woken."""
    await paying.pay_due(database, Batcher(database, Keyring(live.SECRET_KEY)), business_id)


def id_of(address: str) -> UUID:
    found = ids.parse(ids.UPLOAD, address.partition("?")[0].rpartition("/")[2])
    assert found is not None
    return found


async def form_of(browser: Browser, address: str, verb: str) -> dict[str, Any]:
    page = await browser.get(address)
    return {"key": f"{hidden(page, 'key')}:{verb}"}
