"""The first page: a browser's, and a program's."""

from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from payviox import __version__

pytestmark = pytest.mark.anyio

BROWSERS = [
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html, application/json;q=0.9",
    "TEXT/HTML;level=1",
]
PROGRAMS = [
    "*/*",
    "application/json",
    "application/json, text/html;q=0.9",
    "application/json, text/html",
    "application/json, text/plain, */*",
    "text/html;q=0",
    "text/html;q=no",
    ";;q=,",
    "text/plain",
    "",
]


class Page(HTMLParser):
    """A page's links by their text, and what else it loads."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self._link: str | None = None
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self._link = given["href"] if tag == "a" else None
        if tag == "link":
            self.loaded.append(given["href"])
        assert not any(name.startswith("on") or name == "style" for name in given)

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self.links[data] = self._link
            self._link = None


async def page(client: httpx.AsyncClient, path: str) -> Page:
    answer = await client.get(path, headers={"Accept": BROWSERS[0]})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy
    found = Page(answer.text)
    assert "script" not in found.tags
    assert found.loaded == ["/docs/style.css"]
    return found


@pytest.mark.parametrize("accept", PROGRAMS)
async def test_a_program_gets_json(anonymous: httpx.AsyncClient, accept: str) -> None:
    answer = await anonymous.get("/", headers={"Accept": accept})

    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "name": "Payviox",
        "version": __version__,
        "documentation": "/docs",
        "openapi": "/openapi.json",
    }


@pytest.mark.parametrize("accept", BROWSERS)
async def test_a_browser_gets_a_page(anonymous: httpx.AsyncClient, accept: str) -> None:
    answer = await anonymous.get("/", headers={"Accept": accept})

    assert answer.headers["Vary"] == "Accept"
    assert answer.text.startswith("<!doctype html>")


async def test_the_page_says_where_to_go_and_no_link_is_dead(anonymous: httpx.AsyncClient) -> None:
    home = await page(anonymous, "/")

    assert home.links["Dashboard"] == "/dashboard"
    assert home.links["API documentation"] == "/docs"
    for link in [*home.links.values(), *home.loaded]:
        answer = await anonymous.get(link, follow_redirects=True)
        assert answer.status_code == 200, link
