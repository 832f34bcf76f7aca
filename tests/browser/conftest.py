"""A real browser on a real web process."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from payviox.db.pool import Database
from support import live
from support.databases import Urls
from support.live import LiveServer
from support.machine import stretch

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first, where it is installed, has no window around a page: half of what a page takes."""
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
ANYWAY = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,LensOverlay,"
    "HttpsFirstBalancedModeAutoEnable,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,"
    "AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,"
    "PreconnectToSearch"
)
"""What playwright turns off: a list of ours takes the place of its own."""
UNSEEN = "WebUIOmniboxPopup,WebUIOmniboxAimPopup,SpareRendererForSitePerProcess"
"""Two pages below each window's address bar and a process in advance: half of what opening a page
takes."""
BRIEF = "--no-turbofan --no-maglev --single-threaded-gc --min-semi-space-size=64"
"""No page here runs long enough to earn back what the engine spends on making its code faster."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    f"--disable-features={ANYWAY},{UNSEEN}",
    f"--js-flags={BRIEF}",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]

WAIT_MS = 1000 * stretch(20)
"""For what is to appear on a page."""
expect.set_options(timeout=WAIT_MS)

REFUSED = ("the server responded with a status of 422", "responded with a status of 403")
"""What the browser says of a form that is shown again with what is wrong with it."""


@dataclass(frozen=True)
class Launched:
    """A browser and the event loop that playwright talks to it in. To asyncio that loop runs from
    the first call to the last, in between too, and in a thread where one runs nobody else's can."""

    browser: Browser
    loop: asyncio.AbstractEventLoop


@pytest.fixture(scope="session")
def launched() -> Iterator[Launched]:
    """One for every file: to start it takes as long as a test."""
    if CHROMIUM is None:
        pytest.skip("chromium is not on the PATH: pages are not tested in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        launched = Launched(browser, asyncio.get_running_loop())
        asyncio._set_running_loop(None)
        yield launched
        asyncio._set_running_loop(launched.loop)
        browser.close()


@pytest.fixture(scope="module")
def chromium(launched: Launched) -> Iterator[Browser]:
    """The browser, while its event loop is this thread's."""
    asyncio._set_running_loop(launched.loop)
    yield launched.browser
    asyncio._set_running_loop(None)


@pytest.fixture(scope="module")
def site(urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A web process on the test file's database."""
    folder = tmp_path_factory.mktemp("site")
    port = live.free_port()
    given = live.environment(
        folder / "home", urls.application, PAYVIOX_PUBLIC_URL=f"http://127.0.0.1:{port}"
    )
    server = LiveServer(given, folder, port=port)
    yield server.start()
    server.kill()


@pytest.fixture(scope="module")
def prepare(urls: Urls) -> Callable[[Callable[[Database], Any]], Any]:
    """`prepare(work)` runs an async function of a database before the browser looks."""

    def run(work: Callable[[Database], Any]) -> Any:
        async def opened() -> Any:
            database = Database(urls.application)
            await database.open()
            try:
                return await work(database)
            finally:
                await database.close()

        with asyncio.Runner() as runner:
            return runner.run(opened())

    return run


@pytest.fixture
def console() -> list[str]:
    """What the browser complained about, the policy's reports among it."""
    return []


@pytest.fixture
def open_page(
    chromium: Browser, console: list[str], tmp_path: Path
) -> Iterator[Callable[..., Page]]:
    """`open_page(width=…, scheme=…)`: a page of a browser of its own; at the end it complained of
    nothing."""
    contexts = []

    def note(text: str) -> None:
        if not any(part in text for part in REFUSED):
            console.append(text)

    def open_(*, width: int = 1280, scheme: Any = "light", scripts: bool = True) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
            ignore_https_errors=True,  # certificates of tests are nobody's
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: note(message.text))
        page.on("pageerror", lambda error: console.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert console == []
