"""A whole run of payments to bank accounts, after which their numbers are looked for in everything
that comes out: mails, traces, logs, pages, exports, answers of the API, commands, rows."""

import asyncio
import io
import json
import logging
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from payviox import ids, tracing
from payviox.db.pool import Database
from payviox.mails.connections import Connections
from payviox.mails.sending import send_due
from payviox.rates import service as rates
from payviox.recipient_mails import brand
from payviox.smtp_server import SmtpServer, parse_sender
from payviox.web.asgi import Application
from payviox.withdrawals import mails
from support.banking import (
    ACCOUNT_NUMBER,
    ACH,
    KEYRING,
    PERSON,
    Banking,
    entry,
    everything,
    statement,
)
from support.businesses import TestBusiness
from support.collector import collector
from support.dashboard import Browser, signed_in
from support.databases import Urls
from support.installation import Installation
from support.live import environment
from support.mail_server import mail_server

pytestmark = pytest.mark.anyio

IBAN = "DE75512108001245126199"
SPACED = "DE75 5121 0800 1245 1261 99"
LINK = re.compile(r'(?:href|action)="([^"#]+)')
MOST_PAGES = 250


@pytest.fixture
async def browser(application: Application) -> AsyncIterator[Browser]:
    """A browser that was never here."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


def assert_masked(text: str, where: str) -> None:
    for number in (
        ACCOUNT_NUMBER,
        IBAN,
        SPACED,
        ACCOUNT_NUMBER.encode().hex(),
        IBAN.encode().hex(),
    ):
        assert number not in text, where


def text_of(answer: httpx.Response) -> str:
    """An answer's text, that of an Excel file's parts too."""
    if not answer.content.startswith(b"PK\x03\x04"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as parts:
        return "".join(parts.read(name).decode() for name in parts.namelist())


async def look_at_pages(browser: Browser, base: str) -> set[str]:
    """Every page of the business that links lead to, files to download included; answers their
    paths, each with the names of what its query filters by."""
    seen, ahead = set(), [base]
    while ahead:
        address = ahead.pop(0)
        answer = await browser.get(address)
        text = text_of(answer)
        assert_masked(text, address)
        if "html" not in answer.headers.get("content-type", ""):
            continue
        for found in LINK.findall(text):
            link = found.replace("&amp;", "&")
            parts = urlsplit(link)
            path = f"{parts.path} {' '.join(sorted(parse_qs(parts.query)))}"  # whatever the filter
            if link.startswith(base) and path not in seen and not link.endswith("/live"):
                seen.add(path)
                ahead.append(link)
        assert len(seen) < MOST_PAGES, sorted(seen)
    return seen


async def look_at_api(business: TestBusiness, user: httpx.AsyncClient) -> None:
    """Every route that only reads and names nothing in its path, as business and as payout user."""
    document = (await business.client.get("/openapi.json")).json()
    paths = [path for path, verbs in document["paths"].items() if "get" in verbs]
    assert "/payout/events" in paths
    for path in paths:
        if "{" not in path:
            for client in (business.client, user):
                assert_masked((await client.get(path)).text, path)


async def refused_by_api(user: httpx.AsyncClient) -> None:
    """What is said to numbers that are taken, wrong, or in a body that nobody understands."""
    named = {"name": "Ada Lovelace", "iban": SPACED}
    body: dict[str, Any] = {"provider": "bank", "amount": 1_000, "bank": named}
    key = {"Idempotency-Key": "the-key"}
    made = await user.post("/payout/withdraw", json=body, headers=key)
    assert made.status_code == 201, made.text
    said = [
        made,
        await user.post("/payout/withdraw", json=body, headers=key),
        await user.post("/payout/withdraw", json=body | {"amount": 1_001}, headers=key),
        await user.post("/payout/withdraw", json=body | {"amount": 10**9}),
        await user.post("/payout/withdraw", json=body | {"amount": SPACED}),
        await user.post("/payout/withdraw", json=body | {"bank": named | {"name": "A" * 100}}),
        await user.post("/payout/withdraw", json=body | {"bank": named | {"iban": f"{IBAN}0"}}),
        await user.post("/payout/withdraw", json=body | {"bank": named | {"scheme": "ach"}}),
        await user.post("/payout/withdraw", json=body | {"provider": IBAN}),
        await user.post("/payout/withdraw", json=body | {IBAN: IBAN}),
        await user.post("/payout/withdraw", content=json.dumps(body)[:-1]),
        await user.post(
            "/payout/withdraw", content=json.dumps(body), headers={"Content-Type": "x"}
        ),
        await user.get(f"/payout/quote?provider=bank&amount=1000&bank[iban]={IBAN}"),
    ]
    for number, answer in enumerate(said):
        assert_masked(answer.text, f"{number}: {answer.request.content!r}")
        assert_masked(str(answer.headers), f"{number}")
    assert {answer.status_code for answer in said} >= {201, 422}


async def deliver_mails(database: Database, bank: Banking) -> list[str]:
    """The mails of the run, as a mail server gets them."""
    await database.write(
        lambda db: db.execute("UPDATE mails SET due_at = now() WHERE business_id = %s", [bank.id])
    )
    with mail_server() as office:
        prepare = mails.prepares(KEYRING, "https://pay.acme.test")
        connections = Connections(SmtpServer("127.0.0.1", office.port, "none"))
        await send_due(database, connections, parse_sender("p@host.test"), prepare, bank.id)
        return [
            str(part.get_content())
            for mail in office.mails
            for part in mail.walk()
            if part.get_content_maintype() == "text"
        ]


async def print_commands(urls: Urls, bank: Banking, order: str, home: Path) -> str:
    """What commands print that tell of orders, users and files."""
    payviox = Installation(home, environment(home, urls.application)).run
    at = ids.show(ids.BUSINESS, bank.id)
    year, printed = str(datetime.now(UTC).year), ""
    for line in (
        ("order", "list", at),
        ("order", "show", order),
        ("bank", "files", at),
        ("bank", "payments", at, "--json"),
        ("bank", "account", at),
        ("reconcile", "items", "--all"),
        ("taxes", "report", at, year),
        ("taxes", "report", at, year, "--json"),
        ("rail", "list", at),
        ("business", "audit", at),
        ("users", "list", at),
        ("webhook", "log", at),
        ("attention",),
        ("doctor",),
    ):
        done = await asyncio.to_thread(payviox, *line)
        assert done.returncode in (0, 1), (line, done.stderr)
        printed += f"{line}\n{done.stdout}{done.stderr}\n"
    return printed


async def test_an_account_number_is_in_the_banks_file_and_in_nothing_else_that_comes_out(
    business: TestBusiness,
    browser: Browser,
    database: Database,
    urls: Urls,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The test's own client logs the addresses that it calls.
    caplog.set_level(logging.WARNING, logger="httpx")
    await database.write(brand.save, business.business_id, {"notify": True}, "test")
    with collector() as collected, tracing.sending(collected.url, "web"):
        bank = await Banking.of(business, rate_source="fixed")
        await database.write(rates.set_fixed, "EUR", Decimal("1.1"), 1, PERSON)
        made = await business.create("ada@example.com", 50_000)
        user = business.client_with({"X-Payout-Hash": made.json()["hash"]})
        await refused_by_api(user)
        user_id = await business.scalar(
            "SELECT id FROM payout_users WHERE business_id = %s", bank.id
        )
        orders = [await bank.order(500, ACH, user_id=user_id)]
        orders += [await bank.order(700, {"name": "Ada", "iban": IBAN}, user_id=user_id)]
        await bank.desk.process()
        for scheme, number in (("ach", ACCOUNT_NUMBER), ("sepa", IBAN)):
            file = await bank.approve(await bank.file(scheme))  # type: ignore[arg-type]
            assert number.encode() in await bank.download(file)
        payment = await bank.payment(orders[0])
        told = entry(payment, ref="1").replace(
            "</NtryDtls>", f"</NtryDtls><AddtlNtryInf>TO {ACCOUNT_NUMBER} {SPACED}</AddtlNtryInf>"
        )
        back = entry(payment, ref="2", credit=True, code="AC04")
        await bank.take(statement([told, back], opening=9_000, closing=9_000))
        await bank.settled(orders[0])
        base = await signed_in(browser, database, business)
        pages = await look_at_pages(browser, base)
        await look_at_api(business, user)
    shown = ids.show(ids.ORDER, orders[0].id)
    assert f"{base}/orders/{shown} " in pages
    assert any("/bank-files/bfl_" in page for page in pages)
    assert any("/bank-files/imports/bim_" in page for page in pages)
    sent = await deliver_mails(database, bank)
    assert any("•••• 2109" in mail for mail in sent), sent
    assert_masked("\n".join(sent), "mails")
    printed = await print_commands(urls, bank, shown, tmp_path)
    assert "•••• 2109" in printed
    assert_masked(printed, "commands")
    assert collected.spans
    assert_masked(collected.raw.decode("latin-1"), "traces")
    assert_masked(str(collected.spans), "traces")
    assert_masked(caplog.text, "logs")
    assert_masked(everything(urls), "rows")
