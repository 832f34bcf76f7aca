"""Whether a page can be used on every screen, by day and by night, and read aloud."""

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (360, 768, 1280)
VIOLATIONS = {"resultTypes": ["violations"]}
CONTRAST = {**VIOLATIONS, "runOnly": ["color-contrast"]}
"""What the dark scheme can break and the light one cannot."""
COLORS = """{
  const { Color } = axe.commons.color;
  const parse = Color.prototype.parseString;
  const known = new Map();
  Color.prototype.parseString = function (text) {
    if (!known.has(text)) known.set(text, new Color(parse.call(this, text)));
    const { r, g, b, alpha } = known.get(text);
    return Object.assign(this, { r, g, b, alpha });
  };
}
null"""
"""A page has a handful of colors, and axe would read each of them hundreds of times."""
AXE = f"{Axe().axe_script}\n{COLORS}"
CUT = """() => [...document.querySelectorAll("body *")].filter((each) => {
  const box = each.getBoundingClientRect();
  const card = each.parentElement.closest(".card")?.getBoundingClientRect();
  const isOut = ({ left, right }) => box.left < left - 1 || box.right > right + 1;
  const mayCut = getComputedStyle(each).overflowX !== "visible";
  const isCut = mayCut && each.scrollWidth > each.clientWidth + 1;
  const isShown = each.checkVisibility() && box.width > 1 && box.height > 1;
  const isTyped = each.matches("input, select, textarea, option");
  const isOver = isOut({ left: 0, right: innerWidth }) || (card && isOut(card));
  return isShown && !isTyped && (isCut || isOver);
}).map((each) => each.outerHTML.slice(0, 200))"""


def check(page: Page) -> None:
    """Nothing is wider than its screen, and axe finds nothing, in the page's present state."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            page.url,
            width,
        )
        if width != 768:
            assert violations(page) == [], (page.url, width)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, CONTRAST) == [], (page.url, "dark")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def require_whole(page: Page) -> None:
    """Nothing that can be read is cut off or reaches over the screen or its card, and axe finds
    nothing."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert page.evaluate(CUT) == [], page.url
    assert violations(page) == [], page.url


def violations(page: Page, options: Mapping[str, Any] = VIOLATIONS) -> list[Any]:
    """What axe finds. A document is given its script once: that takes as long as a look. Given
    by the browser to all later ones it would be refused in frames that run no script."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    look = "options => axe.run(document, options).then(results => results.violations)"
    return list(page.evaluate(look, dict(options)))
