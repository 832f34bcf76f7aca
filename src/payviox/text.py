"""What a short text that people write and read may hold: names, notes, references."""

import unicodedata

MAX_NOTE = 500
MAX_NAME = 200


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


def composed(text: str) -> str:
    """The one form (NFC) of a text that has several: an é may be one character, or an e and its
    accent, and looks the same."""
    return unicodedata.normalize("NFC", text)


def spellings(text: str) -> list[str]:
    """Every form in which the same text may have been kept."""
    return sorted({text, composed(text), unicodedata.normalize("NFD", text)})
