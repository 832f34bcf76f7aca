"""Lists longer than one answer: entries one after another, pages read as they are needed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

Entry = TypeVar("Entry")
Page = TypeVar("Page")


class Listing(Generic[Entry, Page]):
    """A list at the server. Iterate over it for every entry; nothing is asked before. Iterating
    again asks again."""

    def __init__(self, read: Callable[[str | None], Page], entries: str) -> None:
        self._read = read
        self._entries = entries

    def page(self) -> Page:
        """The first page alone, as the server answers it."""
        return self._read(None)

    def pages(self) -> Iterator[Page]:
        """Every page, as the server answers it."""
        after: str | None = None
        while True:
            page = self._read(after)
            yield page
            after = next_after(page, self._entries)
            if after is None:
                return

    def __iter__(self) -> Iterator[Entry]:
        for page in self.pages():
            yield from cast("Mapping[str, Any]", page)[self._entries]


class AsyncListing(Generic[Entry, Page]):
    """A list at the server. Iterate over it with `async for` for every entry; nothing is asked
    before. Iterating again asks again."""

    def __init__(self, read: Callable[[str | None], Awaitable[Page]], entries: str) -> None:
        self._read = read
        self._entries = entries

    async def page(self) -> Page:
        """The first page alone, as the server answers it."""
        return await self._read(None)

    async def pages(self) -> AsyncIterator[Page]:
        """Every page, as the server answers it."""
        after: str | None = None
        while True:
            page = await self._read(after)
            yield page
            after = next_after(page, self._entries)
            if after is None:
                return

    async def __aiter__(self) -> AsyncIterator[Entry]:
        async for page in self.pages():
            for entry in cast("Mapping[str, Any]", page)[self._entries]:
                yield entry


def next_after(page: object, entries: str) -> str | None:
    """The cursor of the next page, None behind the last."""
    fields = cast("Mapping[str, Any]", page)
    if not fields["has_more"] or not fields[entries]:
        return None
    return str(fields[entries][-1]["id"])
