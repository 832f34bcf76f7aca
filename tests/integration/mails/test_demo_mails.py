"""The demo's mail server takes mails and shows them to this machine alone."""

import html
import re
from collections.abc import AsyncIterator
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from payviox import ids, smtp_server
from payviox.cli.demo.mails.server import DemoMails
from payviox.mails.connections import Outgoing
from payviox.mails.model import Brand
from payviox.mails.rendering import example, render

pytestmark = pytest.mark.anyio

SENDER = Address("Payviox", "payouts", "example.com")
BRAND = Brand("Acme", "#1f4b99", "help@acme.test", is_test=True)
LINK = "http://127.0.0.1:8000/redeem#0123abcd"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[DemoMails, httpx.AsyncClient]]:
    mails = DemoMails()
    address = await mails.start(tmp_path)
    async with httpx.AsyncClient(base_url=address) as client:
        yield mails, client
    await mails.stop()


async def send(mails: DemoMails, mail: EmailMessage) -> None:
    async with Outgoing(smtp_server.parse(mails.smtp_url)) as outgoing:
        await outgoing.send(mail)


def money_received(to: str = "ada@example.com") -> EmailMessage:
    facts = {**example("money_received"), "brand": BRAND, "link": LINK}
    return render("money_received", ids.new(), SENDER, to, facts)


async def test_a_mail_is_listed_and_its_text_stands_beside_its_html(
    running: tuple[DemoMails, httpx.AsyncClient],
) -> None:
    mails, client = running
    assert "will be here" in (await client.get("/")).text
    await send(mails, money_received())
    listed = (await client.get("/")).text
    [address] = re.findall(r'href="(/[0-9a-f-]{36})"', listed)
    assert "[Test] Acme sent you $25.00" in listed
    page = await client.get(address)
    assert f'<a href="{LINK}"' in page.text
    assert "help@acme.test" in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    framed = await client.get(f"{address}/html")
    assert f'<a href="{LINK}"' in framed.text
    policy = framed.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert policy.endswith("sandbox allow-popups allow-popups-to-escape-sandbox")
    assert (
        await client.get(re.findall(r'href="(/assets/[^"]+css)"', listed)[0])
    ).status_code == 200


async def test_mails_are_searched_by_address_and_subject_and_read_page_by_page(
    running: tuple[DemoMails, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    mails, client = running
    monkeypatch.setattr("payviox.cli.demo.mails.pages.PAGE", 2)
    for name in ("ada", "bob", "carl", "adam", "dora"):
        await send(mails, money_received(f"{name}@example.com"))

    async def read(query: str) -> tuple[list[str], str]:
        page = (await client.get(f"/?{query}")).text
        older = re.findall(r'href="([^"]+)" rel="next"', page)
        return re.findall(r"<bdi>(\w+)@example.com", page), html.unescape("".join(older))

    names, older = await read("")
    assert names == ["dora", "adam"]
    assert older
    names, older = await read(older.partition("?")[2])
    assert names == ["carl", "bob"]
    assert (await read(older.partition("?")[2]))[0] == ["ada"]
    assert await read("search=ADA") == (["adam", "ada"], "")
    assert (await read("search=acme+sent"))[0] == ["dora", "adam"]
    assert "No mail goes by that." in (await client.get("/?search=nobody")).text
    assert (await client.get("/?after=nonsense")).status_code == 200


async def test_the_mails_of_an_earlier_start_are_still_there(
    running: tuple[DemoMails, httpx.AsyncClient], tmp_path: Path
) -> None:
    mails, _ = running
    await send(mails, money_received())
    again = DemoMails()
    address = await again.start(tmp_path)
    async with httpx.AsyncClient() as client:
        assert "Acme sent you" in (await client.get(address)).text
    await again.stop()


async def test_a_page_elsewhere_that_has_a_name_leading_here_reads_nothing(
    running: tuple[DemoMails, httpx.AsyncClient],
) -> None:
    _, client = running
    assert (await client.get("/", headers={"Host": "evil.test"})).status_code == 421
    assert (await client.post("/")).status_code == 400
    for path in ("/nothing", f"/{ids.new()}", "/../etc/passwd"):
        assert (await client.get(path)).status_code == 404, path


async def test_what_a_mail_says_is_shown_and_never_run(
    running: tuple[DemoMails, httpx.AsyncClient],
) -> None:
    mails, client = running
    mail = EmailMessage()
    mail["From"], mail["To"] = SENDER, "ada@example.com"
    mail["Subject"] = "<script>alert(1)</script>"
    mail["Date"] = money_received()["Date"]
    mail.set_content("<b>text</b> https://example.com/a")
    await send(mails, mail)
    listed = (await client.get("/")).text
    assert "&lt;script&gt;alert(1)" in listed
    [address] = re.findall(r'href="(/[0-9a-f-]{36})"', listed)
    page = await client.get(address)
    assert "&lt;b&gt;text" in page.text
    assert "<iframe" not in page.text
    assert (await client.get(f"{address}/html")).status_code == 404
