"""Names, notes and references that people write."""

import pytest

from payviox.text import MAX_NOTE, printable


@pytest.mark.parametrize("text", ["a", "Ünï 文 🎁", "x" * MAX_NOTE])
def test_printable_text_is_taken_without_the_spaces_around_it(text: str) -> None:
    assert printable(f"  {text} ") == text


@pytest.mark.parametrize("text", ["", "   ", "a\nb", "a\x1b[31m", "\x00", "a\u202eb", "\udcff",
                                  "x" * (MAX_NOTE + 1)])  # fmt: skip
def test_what_is_empty_too_long_or_cannot_be_printed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be printable text of 1 to 500 characters"):
        printable(text)
