"""Lists that a form narrows and that go on page by page: the addresses of their pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Pager:
    """The addresses of the first page, where this is another one, and of the page after it."""

    first: str | None
    older: str | None


def query_of(fields: Mapping[str, str]) -> str:
    """What was asked, for an address; empty where nothing was."""
    return urlencode({name: text for name, text in fields.items() if text})


def address(here: str, query: str) -> str:
    """A list narrowed by a query."""
    return f"{here}?{query}" if query else here


def pager(here: str, query: str, *, after: object, last: str | None) -> Pager:
    """The pages around this one, which begins after the row `after`. `last` is its last row where
    there are more."""
    narrowed = address(here, query)
    onward = f"{query}&after={last}" if query else f"after={last}"
    return Pager(
        first=narrowed if after is not None else None, older=f"{here}?{onward}" if last else None
    )
