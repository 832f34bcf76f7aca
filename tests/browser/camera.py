"""Pictures of pages, as WebP, which browsers write themselves."""

import base64
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

QUALITY = 60


@dataclass(frozen=True, slots=True)
class Camera:
    """Takes pictures of a page into a folder."""

    page: Page
    folder: Path
    whole: bool = True
    """Of the whole page, else of what a screen shows."""
    direction: str = ""
    """That the page is given; empty leaves it its own."""

    def take(self, name: str) -> None:
        self.page.wait_for_load_state()
        if self.direction:
            self.page.evaluate("dir => { document.documentElement.dir = dir }", self.direction)
        session = self.page.context.new_cdp_session(self.page)
        height = self.page.evaluate("document.documentElement.scrollHeight")
        width = self.page.evaluate("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        more = {"captureBeyondViewport": True, "clip": clip} if self.whole else {}
        shot = session.send(
            "Page.captureScreenshot", {"format": "webp", "quality": QUALITY, **more}
        )
        (self.folder / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))
        session.detach()
