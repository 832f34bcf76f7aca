"""What the redemption page costs the server: each of its pages at 200 recipients at once, beside
the API's own calls at as many; and how soon it can be used on a phone with a slow connection."""

import asyncio
import hashlib
import json
import shutil
import time
from urllib.parse import urlencode

import psutil
import psycopg
import uvloop
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table
from tests.benchmarks import lighthouse, load
from tests.benchmarks.allocations import Bench, Results

RECIPIENTS = 200
BALANCE = 5_000
"""The first one's in cents; each has one more than the one before, so that a price is for one."""
TOKEN = "t" * 43
PAGES = {
    "the first page": "/redeem",
    "balance": "/redeem/balance",
    "PayPal": "/redeem/withdraw/paypal",
    "gift cards": "/redeem/withdraw/gift-card",
    "crypto": "/redeem/withdraw/crypto",
    "history": "/redeem/history",
}
PRICE = "a price (a form is sent)"
CREATE = "POST /payout/create"
USERS = "GET /payout/users"
SLOW_3G = {"downloadThroughput": 50_000, "uploadThroughput": 50_000, "latency": 400}
"""Bytes a second, and milliseconds there and back."""


def measure(bench: Bench) -> Results:
    """Milliseconds at the median and the 99th percentile of each, and of the web process's CPU."""
    asyncio.run(_give(bench))
    cookies = _let_in(bench)
    with bench.web("product") as port:
        results = {
            name: _loop(bench, port, [_get(path, cookie) for cookie in cookies])
            for name, path in PAGES.items()
        }
        form = {"email": "u1@bench.test", "amount": "20", "kind": "spend"}
        posts = [_post("/redeem/withdraw/paypal", cookie, form) for cookie in cookies]
        results[PRICE] = _loop(bench, port, posts, expected=303)
        results[USERS] = _loop(bench, port, [_get("/payout/users?limit=10", key=bench.key)])
        results[CREATE] = _loop(bench, port, bench.requests(), expected=201)
        return {
            "calls": results,
            "slow_3g_s": _on_a_slow_phone(port),
            "lighthouse": lighthouse.scores(
                {
                    "the first page": f"http://{load.HOST}:{port}/redeem#{'0' * 64}",
                    "balance": f"http://{load.HOST}:{port}/redeem/balance",
                },
                cookies[0],
            ),
        }


def report(results: Results) -> None:
    """The table."""
    table = Table(title=f"The redemption page, {RECIPIENTS} recipients at once")
    for name in ("what", "p50 ms", "p99 ms", "web's CPU ms", "refused"):
        table.add_column(name)
    for name, call in results["calls"].items():
        figures = (call["p50_ms"], call["p99_ms"], call["cpu_ms"], call["refused"])
        table.add_row(name, *(f"{figure:,.1f}" for figure in figures))
    Console().print(table)
    if results["slow_3g_s"] is not None:
        Console().print(f"To be used by slow 3G after {results['slow_3g_s']:.2f} s (aim: ≤ 3).")
    for name, scores in results["lighthouse"].items():
        told = ", ".join(f"{category} {score:.0f}" for category, score in scores.items())
        Console().print(f"Lighthouse, a phone, {name}: {told}")


async def _give(bench: Bench) -> None:
    """Every recipient has money, given by the API's own engine."""
    with bench.web("product") as port:
        items = [
            {"email": _email(number), "amount": BALANCE + number} for number in range(RECIPIENTS)
        ]
        body = json.dumps({"items": items}).encode()
        sent = await load.closed_loop(
            port, [load.request("/payout/batch", bench.key, body)], 1, 0, 200
        )
    if not sent.latencies:
        raise SystemExit("nobody was given money")


def _email(number: int) -> str:
    return f"u{number + 1}@bench.test"


def _let_in(bench: Bench) -> list[str]:
    """A session of each recipient, as its cookie."""
    tokens = [f"{number:03}{TOKEN[3:]}" for number in range(RECIPIENTS)]
    with psycopg.connect(bench.owner_url) as owner:
        found = owner.execute(
            "SELECT hash_code FROM businesses WHERE id = %s", [bench.business]
        ).fetchone()
        code = str(found and found[0])
        for number, token in enumerate(tokens):
            owner.execute(
                "INSERT INTO payout_user_sessions"
                " (business_id, digest, payout_user_id, hash_digest)"
                " SELECT business_id, %s, id, hash_digest FROM payout_users"
                " WHERE business_id = %s AND email = %s",
                [
                    hashlib.sha256(f"{code}.{token}".encode()).digest(),
                    bench.business,
                    _email(number),
                ],
            )
    return [f"redeem={code}.{token}" for token in tokens]


def _get(path: str, cookie: str = "", *, key: str = "") -> bytes:
    more = f"Cookie: {cookie}\r\n" if cookie else f"Authorization: Bearer {key}\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{more}\r\n".encode()


def _post(path: str, cookie: str, form: dict[str, str]) -> bytes:
    body = urlencode(form).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\n"
        "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _loop(bench: Bench, port: int, requests: list[bytes], expected: int = 200) -> dict[str, float]:
    web = psutil.Process(bench.web_pid)
    before = web.cpu_times()
    run = uvloop.run(load.closed_loop(port, requests, RECIPIENTS, bench.seconds, expected))
    after = web.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return {
        "cpu_ms": spent / (len(run.latencies) + run.refused) * 1e3,
        "p50_ms": run.quantile(0.5) * 1e3,
        "p99_ms": run.quantile(0.99) * 1e3,
        "refused": run.refused,
    }


def _on_a_slow_phone(port: int) -> float | None:
    """Seconds from opening a link to a page on which *Continue* can be pressed; None without
    Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 360, "height": 800})
        page = context.new_page()
        protocol = context.new_cdp_session(page)
        protocol.send("Network.enable")
        protocol.send("Network.emulateNetworkConditions", {"offline": False, **SLOW_3G})
        started = time.perf_counter()
        page.goto(f"http://{load.HOST}:{port}/redeem#{'0' * 64}", wait_until="commit")
        page.get_by_role("button", name="Continue").wait_for()
        page.get_by_label("Link or code").wait_for(state="hidden")
        took = time.perf_counter() - started
        browser.close()
    return took
