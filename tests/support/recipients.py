"""A payout user in a browser: coming in by the link, and going on by the keyboard alone."""

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

FUNDS = 5_000
"""What they are sent, in cents."""


def come_in(page: Page, link: str) -> None:
    """From the link to the balance."""
    page.goto("about:blank")  # the same page with another # is no load
    page.goto(link)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your balance")
    page.wait_for_load_state()  # and with it the scripts that hear a choice
    assert urlsplit(page.url).fragment == ""


def press(page: Page, name: str, key: str = "Enter") -> None:
    """Go on by the tabulator until the element with this name has the focus, and press a key."""
    for _ in range(60):
        page.keyboard.press("Tab")
        named = page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
        )
        if named.startswith(name):
            assert page.evaluate("document.activeElement.matches(':focus-visible')"), name
            page.keyboard.press(key)
            return
    raise AssertionError(f"{name} is not reached")
