"""Pictures of the redemption page: every step of each way of taking the money, in every look, and
the few that stand in the guide. Steps are found by address and name of field: words differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page
from tests.browser.camera import Camera

from support.redeem import WALLET


@dataclass(frozen=True, slots=True)
class Look:
    """How a payout user looks at the page. `takes` names the pictures that are kept; nothing stands
    for all."""

    name: str
    width: int = 360
    scheme: str = "light"
    language: str = "en"
    takes: tuple[str, ...] = ()


GUIDE = (
    Look("light", takes=("open", "balance", "review", "done")),
    Look("dark", scheme="dark", takes=("cards", "code")),
    Look("arabic", language="ar", takes=("balance",)),
)
EVERY = tuple(
    Look(f"{language}-{scheme}-{width}", width, scheme, language)
    for language, scheme, width in (
        ("en", "light", 360),
        ("en", "dark", 1280),
        ("es", "light", 320),
        ("ar", "dark", 360),
        ("ar", "light", 1280),
    )
)


def take_for_guide(browser: Browser, folder: Path, link: str) -> None:
    for look in GUIDE:
        page = _page(browser, look, height=700, sharpness=2)
        camera = Camera(page, folder, whole=False)
        for name in _walk(page, link, look):
            if name in look.takes:
                suffix = "" if look.language == "en" else f"-{look.language}"
                camera.take(f"redeem-{name}{suffix}")


def take_all(browser: Browser, folder: Path, link: str) -> None:
    for look in EVERY:
        into = folder / f"redeem-{look.name}"
        into.mkdir()
        page = _page(browser, look)
        camera = Camera(page, into)
        for number, name in enumerate(_walk(page, link, look)):
            camera.take(f"{number:02}-{name}")


def _page(browser: Browser, look: Look, *, height: int = 900, sharpness: float = 1) -> Page:
    return browser.new_context(
        viewport={"width": look.width, "height": height},
        device_scale_factor=sharpness,
        color_scheme="dark" if look.scheme == "dark" else "light",
    ).new_page()


def _walk(page: Page, link: str, look: Look) -> Iterator[str]:
    """Each step by its name, once the page is there; $15.00 are taken."""
    home = link.partition("#")[0]
    page.goto(link.replace("#", f"?lang={look.language}#"))
    page.wait_for_load_state("networkidle")
    yield "open"
    page.locator("[data-enter] button").click()
    page.wait_for_url("**/redeem/balance")
    yield "balance"

    page.goto(f"{home}/withdraw/gift-card")
    page.get_by_role("radio", name="Blue Cup").check()
    yield "cards"
    _send(page)
    yield "card-review"
    _send(page)
    reveal = page.locator("form[action$=reveal] button")
    reveal.wait_for(timeout=30_000)
    yield "card-done"
    reveal.click()
    yield "code"
    page.goto(f"{home}/withdraw/gift-card?q=nothing+of+the+kind")
    yield "no-cards"

    page.goto(f"{home}/withdraw/paypal")
    page.locator("[name=amount]").fill("x")
    _send(page)
    yield "paypal-wrong"
    _paypal(page, home, "ada@example.com")
    yield "review"
    _send(page)
    yield "on-its-way"
    page.locator(".badge.ok").wait_for(timeout=30_000)
    page.reload()
    yield "done"
    page.locator("form[action$=save] button").click()
    page.wait_for_url("**/redeem/saved?done=saved")
    yield "saved"
    _paypal(page, home, "fail@example.com")
    yield "other-address"
    _send(page)
    page.locator(".badge.bad").wait_for(timeout=30_000)
    yield "failed"

    page.goto(f"{home}/withdraw/crypto")
    page.locator("[name=address]").fill(WALLET.replace("5290", "529a"))
    _send(page)
    yield "crypto-wrong"
    page.locator("[name=address]").fill(WALLET)
    page.locator("[name=amount]").fill("5")
    _send(page)
    yield "crypto-review"

    page.goto(f"{home}/give-back")
    yield "give-back"
    page.locator("[name=amount]").fill("5")
    _send(page)
    yield "give-back-confirm"
    page.goto(f"{home}/history")
    yield "history"
    page.goto(f"{home}/nowhere")
    yield "nothing-here"
    page.goto(f"{home}/balance")
    page.locator("form[action$=leave] button").click()
    yield "left"
    page.goto(f"{home}/balance")
    yield "ended"
    page.goto(home)
    page.locator("[name=link]").fill("x")
    yield "paste"
    page.locator("[data-enter] button").click()
    yield "refused"


def _paypal(page: Page, home: str, email: str) -> None:
    page.goto(f"{home}/withdraw/paypal")
    page.locator("[name=email]").fill(email)
    page.locator("[name=amount]").fill("5")
    _send(page)


def _send(page: Page) -> None:
    """Press the page's one primary button, and wait for what comes of it."""
    with page.expect_navigation():
        page.locator("main .button.primary").click()
