"""XML that a bank sent, read within bounds: no document type, no entities, a depth and a size; part
by part, so that memory holds one entry of a statement at a time."""

import re
from collections.abc import Iterator
from io import BytesIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

from payviox.rails.bank.model import Unreadable

MOST_BYTES = 64 * 2**20
"""A statement of a hundred thousand entries."""
MOST_ELEMENTS = 4_000_000
"""More than a file of that size has that means something; each takes memory and time."""
MOST_DEPTH = 40
"""ISO 20022 nests some fifteen elements."""
PART_DEPTH = 4
"""Document, message, statement, and its balances and entries: what is read as one part."""

MESSAGE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:((?:pain|camt)\.\d{3})\.\d{3}\.\d{2}")

MASKED = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){8,30}|\d(?:[ -]?\d){7,}")
"""What may be an account's number within a text."""

Path = tuple[str, ...]


def parts(content: bytes) -> Iterator[tuple[str, Path, Element]]:
    """`start` and `end` of each element down to `PART_DEPTH`, with its path below the document's
    root, in local names; the first path is that of the message, whose kind is `kind_of`. A part is
    emptied once the caller asks for the next. Raises Unreadable."""
    if len(content) > MOST_BYTES:
        raise Unreadable(f"The file is larger than {MOST_BYTES // 2**20} MB")
    path: list[str] = []
    seen = 0
    try:
        for event, element in iterparse(
            BytesIO(content), ("start", "end"), forbid_dtd=True, forbid_external=True
        ):
            if event == "start":
                _descend(path, element)
                seen = _counted(seen)
                if 1 < len(path) <= PART_DEPTH:
                    yield "start", tuple(path[1:]), element
            else:
                element.tag = path[-1]
                if 1 < len(path) <= PART_DEPTH:
                    yield "end", tuple(path[1:]), element
                    element.clear()
                path.pop()
    except DefusedXmlException as error:
        raise Unreadable(
            "The file declares a document type or entities, which no bank does"
        ) from error
    except Unreadable:
        raise
    except (ParseError, LookupError, ValueError) as error:
        raise Unreadable("The file is no well-formed XML, or was cut off") from error


def kind_of(content: bytes) -> str:
    """The message that the document holds, such as `camt.053`. Raises Unreadable."""
    wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    head = content[:2_000].decode("utf-16" if wide else "latin-1", "replace")
    found = MESSAGE.search(head)
    if found is None:
        raise Unreadable("The file is no message of ISO 20022 that is read here")
    return found[1]


def find(element: Element | None, *path: str) -> Element | None:
    """The first child of each name, one below the other; None where one is missing."""
    for name in path:
        if element is None:
            return None
        element = element.find(name)
    return element


def text(element: Element | None, *path: str, most: int = 140) -> str | None:
    """The text there, without blanks around it and at most so long; None where there is none."""
    found = find(element, *path)
    if found is None or found.text is None:
        return None
    return found.text.strip()[:most] or None


def without_numbers(words: str) -> str:
    """A bank's free text without what may be an account's number."""
    return MASKED.sub("…", words)


def _counted(seen: int) -> int:
    if seen >= MOST_ELEMENTS:
        raise Unreadable(f"The file has more than {MOST_ELEMENTS:,} elements")
    return seen + 1


def _descend(path: list[str], element: Element) -> None:
    path.append(element.tag.rpartition("}")[2])
    if len(path) > MOST_DEPTH:
        raise Unreadable(f"The file nests more than {MOST_DEPTH} elements")
