"""CSV files as spreadsheets read them."""

import csv
import io

import pytest

from payviox.csv_text import lines


def cell_of(text: str) -> str:
    """What a reader of the file finds in a cell of this text."""
    [[cell]] = csv.reader(io.StringIO(lines([[text]]), newline=""))
    return cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1+1", "\uff1d1+1", "\uff0b1",
     "\uff0d1", "\uff20A1", " =1", " =\u0338 1+1",
     "\u00a0=1", "\x07=1", "\u200b=1", "\ufeff=1", "\u00ad @SUM(A1)", "\ufe661", "\ufe621",
     "\ufe631", "\ufe6bA1", "\u207a1"],
)  # fmt: skip
def test_what_a_spreadsheet_would_calculate_begins_with_an_apostrophe(text: str) -> None:
    assert cell_of(text) == "'" + text.replace("\x07", "")


@pytest.mark.parametrize("text", ["ada@example.com", "1=1", "x;=1+1", 'a "b", c', "日本", ""])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert cell_of(text) == text


def test_texts_are_quoted_so_that_no_other_separator_splits_them() -> None:
    assert lines([["x;=1+1", 5, None]]) == '"x;=1+1",5,""\r\n'


def test_control_characters_stay_out_and_line_ends_stay_in() -> None:
    assert cell_of("a\x07b\x1b[31m\x85c\nd") == "ab[31mc\nd"
