"""Whether a page can be used on every screen, by day and by night, and read aloud."""

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (360, 768, 1280)
VIOLATIONS = {"resultTypes": ["violations"]}
CONTRAST = {**VIOLATIONS, "runOnly": ["color-contrast"]}
"""What the dark scheme can break and the light one cannot."""
AXE = Axe().axe_script


def check(page: Page) -> None:
    """Nothing is wider than its screen, and axe finds nothing, in the page's present state."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            page.url,
            width,
        )
        if width != 768:
            assert _violations(page) == [], (page.url, width)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert _violations(page, CONTRAST) == [], (page.url, "dark")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def _violations(page: Page, options: Mapping[str, Any] = VIOLATIONS) -> list[Any]:
    """What axe finds. A document is given its script once: that takes as long as a look."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    look = "options => axe.run(document, options).then(results => results.violations)"
    return list(page.evaluate(look, dict(options)))
