"""Lists that a form narrows and that go on page by page: the addresses of their pages."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

PAGE = 50
"""Rows of a page. A list is asked for one more, which says whether there is another page."""


class Pager(msgspec.Struct, frozen=True):
    """The addresses of the first page, where this is another one, and of the page after it."""

    first: str | None
    older: str | None


class Line(Protocol):
    """A row as a list shows it, with its id as it is written."""

    @property
    def id(self) -> str: ...


LineOf = TypeVar("LineOf", bound=Line)


def start_of(query: Mapping[str, str]) -> str:
    """The name of the row after which a page begins; empty where none is, or what none can have."""
    after = query.get("after", "")
    return after if after.isprintable() else ""


def query_of(fields: Mapping[str, str]) -> str:
    """What was asked, for an address; empty where nothing was."""
    return urlencode({name: text for name, text in fields.items() if text})


def address(here: str, query: str) -> str:
    """A list narrowed by a query."""
    return f"{here}?{query}" if query else here


def page_of(
    lines: Sequence[LineOf], here: str, query: str, *, after: object
) -> tuple[Sequence[LineOf], Pager]:
    """The lines of one page, which begins after the row `after`, and the pages around it. There are
    PAGE + 1 lines where another page follows."""
    shown = lines[:PAGE]
    last = shown[-1].id if len(lines) > PAGE else None
    return shown, pager(here, query, after=after, last=last)


def pager(here: str, query: str, *, after: object, last: str | None) -> Pager:
    """The pages around this one, which begins after the row `after`. `last` is its last row where
    there are more."""
    narrowed = address(here, query)
    onward = f"{query}&after={last}" if query else f"after={last}"
    return Pager(
        first=narrowed if after is not None else None, older=f"{here}?{onward}" if last else None
    )
