"""Amounts as recipients type them, in any language."""

from payviox.languages.catalogues import Language
from payviox.money import MAX_ALLOCATION, InvalidAmount, OutOfRange, typed_cents

ARABIC = str.maketrans("٠١٢٣٤٥٦٧٨٩٫٬", "0123456789.,")  # noqa: RUF001  # meant
"""Digits and marks as Arabic keyboards type them."""


def to_cents(text: str, language: Language) -> int:
    """An amount in cents. Raises OutOfRange, and InvalidAmount whose message is for its reader."""
    try:
        return typed_cents(text.translate(ARABIC), MAX_ALLOCATION)
    except OutOfRange:
        raise
    except InvalidAmount as error:
        raise InvalidAmount(language.gettext("Type dollars and cents such as 1,234.50.")) from error
