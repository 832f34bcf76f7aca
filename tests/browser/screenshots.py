"""`make screenshots`: pictures of every page, as somebody meets them who runs the demo for the
first time, uploads allocations and approves an order.

They come into `screenshots/`, to be looked at: light and wide, dark and narrow, and from right to
left; recipient_pictures.py takes those of the redemption page. `ARGS=--guide` takes those of the
guide instead, into `docs/pictures`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.browser import recipient_pictures
from tests.browser.camera import Camera

from payviox.dashboard.app import MENU
from support.live import free_port

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "screenshots"
PICTURES = ROOT / "docs" / "pictures"
ROWS = 1_000
LOOKS = (
    {"name": "light", "width": 1280, "color_scheme": "light", "direction": ""},
    {"name": "dark", "width": 360, "color_scheme": "dark", "direction": ""},
    {"name": "right-to-left", "width": 1280, "color_scheme": "light", "direction": "rtl"},
)


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs, who may sign in, and where a payout user goes."""

    url: str
    email: str
    password: str
    link: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("--guide", action="store_true", help="the pictures of docs/, no others")
    names = ("URL", "EMAIL", "PASSWORD", "LINK")
    parser.add_argument("--at", nargs=4, metavar=names, help="a demo")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("chromium is not on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if options.at:
            take_all(browser, Demo(*options.at), is_for_guide=options.guide)
        else:
            with running_demo() as demo:
                take_all(browser, demo, is_for_guide=options.guide)
        browser.close()


@contextmanager
def running_demo() -> Iterator[Demo]:
    """A fresh demo, which ends with the block."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="payviox-screenshots-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        process = subprocess.Popen(
            [Path(sys.executable).with_name("payviox"), "demo"],
            env=os.environ | {"PAYVIOX_HOME": str(home / "home"), "PAYVIOX_PORT": str(port)},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield read_demo(process)
        finally:
            process.terminate()
            process.communicate(timeout=60)


def read_demo(process: "subprocess.Popen[str]") -> Demo:
    """What the demo says of itself once it is ready."""
    said = ""
    for line in process.stdout or ():
        said += line
        if "Stop with Ctrl-C" in line:
            break
    else:
        raise SystemExit(f"the demo did not start:\n{said}")
    names = "Dashboard|Email|Password|Redemption link"
    values = dict(re.findall(rf"^  ({names}) +(\S+)$", said, re.MULTILINE))
    url = values["Dashboard"].removesuffix("/dashboard")
    return Demo(url, values["Email"], values["Password"], values["Redemption link"])


def take_all(browser: Browser, demo: Demo, *, is_for_guide: bool) -> None:
    """The guide's pictures; or the first walk, then every page in every look."""
    if is_for_guide:
        PICTURES.mkdir(exist_ok=True)
        page = open_page(browser, width=1280, height=800, color_scheme="light")
        walk(Camera(page, PICTURES, whole=False), demo, is_for_guide=True)
        recipient_pictures.take_for_guide(browser, PICTURES, demo.link)
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    for look in LOOKS:
        folder = FOLDER / look["name"]
        folder.mkdir(parents=True)
        page = open_page(browser, width=look["width"], color_scheme=look["color_scheme"])
        camera = Camera(page, folder, direction=look["direction"])
        if look is LOOKS[0]:
            home = walk(camera, demo)
        else:
            sign_in(page, demo)
        pages(camera, demo, home)
    recipient_pictures.take_all(browser, FOLDER, demo.link)
    sys.stdout.write(f"Look at {FOLDER}\n")


def open_page(browser: Browser, *, width: int, color_scheme: str, height: int = 900) -> Page:
    """A page of a browser of its own."""
    viewport = {"width": width, "height": height}
    return browser.new_context(viewport=viewport, color_scheme=color_scheme).new_page()


def sign_in(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}/dashboard")
    page.get_by_label("Email").fill(demo.email)
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/dashboard**")


def walk(camera: Camera, demo: Demo, *, is_for_guide: bool = False) -> str:
    """Sign in, fund, upload allocations, approve an order, see its webhook, find a person's money;
    answers the business's address. The guide has not every step."""
    page = camera.page

    def take(name: str, *, stands_in_guide: bool = False) -> None:
        if not is_for_guide:
            camera.take(f"walk-{name}")
        elif stands_in_guide:
            camera.take(name)

    page.goto(f"{demo.url}/login")
    take("sign-in")
    sign_in(page, demo)
    take("businesses")
    page.get_by_role("row").filter(has_text="test").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
    home = page.url.split("?")[0]
    menu = page.get_by_role("navigation", name="Main")
    if is_for_guide:
        wait_for_charts(page)
    take("home", stands_in_guide=True)

    menu.get_by_role("link", name="Balance").click()
    page.get_by_label("Amount").fill("1,000")
    page.get_by_role("button", name="Fund", exact=True).click()
    take("fund")
    page.get_by_role("button", name="Fund $1,000.00").click()
    expect(page.get_by_role("status")).to_contain_text("payout balance")
    take("funded")

    menu.get_by_role("link", name="Allocate").click()
    page.get_by_role("tab", name="Upload").click()
    take("upload")
    page.get_by_label("File").set_input_files(
        [{"name": "november.csv", "mimeType": "text/csv", "buffer": allocations()}]
    )
    page.get_by_role("button", name="Check file").click()
    confirm = page.get_by_role("button", name=re.compile("Allocate to"))
    confirm.wait_for(timeout=60_000)
    take("checked", stands_in_guide=True)
    confirm.click()
    expect(page.get_by_text(f"{ROWS - 2} of {ROWS - 2} paid")).to_be_visible(timeout=60_000)
    take("uploaded")

    menu.get_by_role("link", name="Orders").click()
    take("orders", stands_in_guide=True)
    page.get_by_role("table", name="Orders").get_by_role("link").first.click()
    page.get_by_role("button", name="Approve").wait_for()
    take("order", stands_in_guide=True)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.locator("main")).to_contain_text("succeeded", timeout=30_000)
    take("approved")

    menu.get_by_role("link", name="Webhook logs").click()
    page.get_by_role("table", name="Deliveries").wait_for()
    take("webhooks", stands_in_guide=True)
    page.get_by_role("table", name="Deliveries").get_by_role("link").first.click()
    take("webhook")

    menu.get_by_role("link", name="Users").click()
    page.get_by_role("searchbox", name="Search users").fill("grace")
    page.get_by_role("table", name="Users").get_by_role("link", name="grace@example.com").click()
    page.get_by_role("button", name="Add funds").wait_for()
    take("user", stands_in_guide=True)
    return home


def wait_for_charts(page: Page) -> None:
    """Home's charts are counted every minute, which a fresh demo has not lasted yet."""
    deadline = time.monotonic() + 120
    while not page.get_by_text("Counted every minute, last at").count():
        if time.monotonic() > deadline:
            raise SystemExit("nothing was counted")
        page.wait_for_timeout(1_000)
        page.reload()


def allocations() -> bytes:
    """A file of so many rows, one of them wrong and one of them twice."""
    lines = [f"person{number:04}@example.com,5.00,nov-{number:04}" for number in range(1, ROWS - 1)]
    wrong = "person9999@example,1.234,nov-9999"
    return "\n".join(["email,amount,reference", *lines, lines[-1], wrong, ""]).encode()


def pages(camera: Camera, demo: Demo, home: str) -> None:
    """Every page of the menu, and some behind them."""
    more = (
        "/balance/period",
        "/balance/deposits",
        "/orders?status=all",
        "/developer/first-calls",
        "/rails/paypal/connect",
        "/search?q=25.00",
        "/gift-cards/import",
    )
    for path in (*(path for path, _, _ in MENU), *more):
        camera.page.goto(home + path)
        camera.take(re.sub(r"\W+", "-", path).strip("-") or "home")
    for path in ("/account", "/account/mails", "/dashboard?all"):
        camera.page.goto(demo.url + path)
        camera.take(re.sub(r"\W+", "-", path).strip("-"))


if __name__ == "__main__":
    main()
