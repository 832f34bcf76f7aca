"""What a short text that people write and read may hold: names, notes, references; and how it goes
into a spreadsheet."""

MAX_NOTE = 500

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet calculate a cell (OWASP, CSV injection)."""


def harmless_cell(text: str) -> str:
    """The text of a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def printable(text: str, most: int = MAX_NOTE) -> str:
    """The text without the spaces around it.

    Raises ValueError, whose message is a clause for people, where that is empty, longer than `most`
    characters or holds what cannot be printed: line ends and other control characters, and bytes
    that were no UTF-8.
    """
    stripped = text.strip(" ")
    if not stripped or len(stripped) > most or not stripped.isprintable():
        raise ValueError(f"must be printable text of 1 to {most} characters")
    return stripped
