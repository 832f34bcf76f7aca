"""Files of allocations as people and spreadsheets write them: read as they are meant, or refused
with what to do."""

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest

from payviox.allocations.uploads import reader
from payviox.allocations.uploads.amounts import read_amount
from payviox.allocations.uploads.model import Chunk, Opened, ReadRow
from payviox.money import InvalidAmount
from payviox.tables import excel_tables
from payviox.tables.cells import MAX_ROWS, FileRefused

HEADER = "Email,Amount,Reference\n"


def rows_of(content: bytes, columns: Any = None) -> list[ReadRow]:
    frames = list(reader.read(io.BytesIO(content), columns))
    return [row for frame in frames if isinstance(frame, Chunk) for row in frame.rows]


def head_of(content: bytes) -> Opened:
    head = next(iter(reader.read(io.BytesIO(content), None)))
    assert isinstance(head, Opened)
    return head


def workbook(*rows: list[Any], formats: dict[str, str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cell, number_format in (formats or {}).items():
        sheet[cell].number_format = number_format
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("1,234.50", 123_450),
        ("1234.5", 123_450),
        ("$20", 2_000),
        ("20 USD", 2_000),
        ("US$ 1,000", 100_000),
        ("1.234,50", 123_450),
        ("12,50", 1_250),
        ("0.01", 1),
        ("\u00a07.00", 700),
    ],
)
def test_amounts_are_read_as_they_are_meant(text: str, cents: int) -> None:
    assert read_amount(text).cents == cents


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1.234", "could be 1,234.00 or 1.234"),
        ("", "missing"),
        ("-5", "negative"),
        ("(5.00)", "negative"),
        ("\u22125", "negative"),
        ("0", "must be"),
        ("1000000.01", "must be"),
        ("12.345678", "two decimals"),
        ("1,5", "such as"),
        ("1,23,4", "such as"),
        ("five", "such as"),
        ("1e3", "such as"),
        ("\u0661", "such as"),
    ],
)
def test_amounts_that_are_none_or_two_are_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(InvalidAmount, match=why):
        read_amount(text)


def test_a_thousands_comma_is_two_amounts_where_semicolons_part_columns() -> None:
    assert rows_of(b'Email,Amount\na@x.test,"1,234"\n')[0].amount == 123_400
    [row] = rows_of(b"Email;Amount\na@x.test;1,234\n")
    assert row.problem is not None
    assert "could be 1,234.00 or 1.234" in row.problem


def test_a_file_that_writes_amounts_in_two_ways_is_refused_with_both_rows() -> None:
    with pytest.raises(FileRefused, match=r"Row 3 .* comma, row 2 "):
        rows_of(b"Email;Amount\na@x.test;12.50\nb@x.test;12,50\n")


def test_whole_dollars_go_with_either_way_of_writing_cents() -> None:
    for cents in ("12.50", "12,50"):
        rows = rows_of(f"Email;Amount\na@x.test;12\nb@x.test;{cents}\n".encode())
        assert [row.amount for row in rows] == [1_200, 1_250]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_of_every_country_is_read(encoding: str, delimiter: str) -> None:
    lines = [["E-mail", "Amount (USD)", "Ref.", "Note"], ["Ada@Münze.test", "1.5", "007", "Grüße"]]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    [row] = rows_of(text.encode(encoding))
    assert (row.email, row.amount, row.reference) == ("ada@xn--mnze-0ra.test", 150, "007")
    assert row.note == "Grüße"
    assert row.number == 2


def test_quotes_line_breaks_blank_rows_and_a_separator_line_are_understood() -> None:
    text = 'sep=;\nEmail;Amount;Note\n\n"a@x.test";"$1,000.00";"two\nlines; really"\n;;\n'
    [row] = rows_of(text.encode())
    assert (row.number, row.amount, row.note) == (4, 100_000, "two lines; really")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"Email,Amount\n", "no rows"),
        ("Email,Amount\nä@x.test,5".encode("latin-1"), "not UTF-8"),
        (HEADER.encode() + b"a@x.test,5\n" * 9_000 + b"\xff", "From row .* not UTF-8"),
        ("Email,Amount\n".encode("utf-16-le"), "UTF-16 without its mark"),
        (b'Email,Amount\n"a@x.test,5\n', "quote is not closed"),
        (b"%PDF-1.7\n\x00\x00", "no text has"),
        (b"\xd0\xcf\x11\xe0 old Excel", "old Excel file"),
        (b"PK\x03\x04 no archive", "no Excel workbook"),
        (b"," * 60 + b"\nx\n", "column"),
    ],
)
def test_what_is_no_file_of_payments_is_refused_by_name(content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        rows_of(content, {"email": 0, "amount": 1})


def test_more_rows_than_there_may_be_are_refused() -> None:
    line = b"a@x.test,5\n"
    assert len(rows_of(b"Email,Amount\n" + line * 3)) == 3
    with pytest.raises(FileRefused, match="more than 100,000 rows"):
        rows_of(b"Email,Amount\n" + line * (MAX_ROWS + 1))


def test_columns_are_known_by_usual_names_and_otherwise_asked_for() -> None:
    assert head_of(b"Notes,Recipient,Payout amount,External ID\n").columns == {
        "note": 0,
        "email": 1,
        "amount": 2,
        "reference": 3,
    }
    for header in (b"Who,How much\n", b"Email,Amount,Amount\n", b"Email,Amount (cents)\n"):
        assert head_of(header + b"a@x.test,5,5\n").columns is None
    with pytest.raises(FileRefused, match="says cents"):
        rows_of(b"Email,Amount (cents)\na@x.test,500\n", {"email": 0, "amount": 1})


def test_a_file_without_a_header_pays_its_first_row_too() -> None:
    content = b"a@x.test,5\nb@x.test,6\n"
    head = head_of(content)
    assert (head.columns, head.header) == (None, ["Column A", "Column B"])
    assert head.guesses == {"email": 0}
    assert [row.number for row in rows_of(content, {"email": 0, "amount": 1})] == [1, 2]


def test_everything_that_is_wrong_with_a_row_is_said_at_once() -> None:
    [row] = rows_of(HEADER.encode() + b"nobody,5.000," + b"x" * 256 + b"\n")
    assert row.problem is not None
    for part in ("The email must be", "The amount could be", "The reference is longer than 255"):
        assert part in row.problem


def test_an_amount_whose_comma_was_not_quoted_is_not_taken_for_a_smaller_one() -> None:
    [row] = rows_of(b"Email,Amount\na@x.test,1,234.50\n")
    assert row.problem is not None
    assert "more cells than columns" in row.problem


@pytest.mark.parametrize("reference", ["1.23E+15", "12-Mar", "Mar-12"])
def test_references_that_a_spreadsheet_destroyed_are_refused(reference: str) -> None:
    [row] = rows_of(f"{HEADER}a@x.test,5,{reference}\n".encode())
    assert row.problem is not None
    assert "by a spreadsheet: make it text" in row.problem


def test_rows_are_known_again_and_repeated_ones_named() -> None:
    text = "a@x.test,5,r1\nA@x.test,5.00,r1\na@x.test,6,r1\nb@x.test,5,\nb@x.test,5,\nb@x.test,6,\n"
    rows = rows_of(HEADER.encode() + text.encode())
    assert [row.repeats for row in rows] == [None, 2, 2, None, 5, None]
    assert [row.occurrence for row in rows] == [1, 2, 1, 1, 2, 1]
    assert rows[0].fingerprint == rows[1].fingerprint != rows[2].fingerprint


def test_two_people_with_one_amount_and_reference_are_no_repetition() -> None:
    text = "a@x.test,5,\nb@x.test,5,\na@x.test,5,r1\nb@x.test,5,r1\n"
    rows = rows_of(HEADER.encode() + text.encode())
    assert [row.repeats for row in rows] == [None] * 4
    assert [row.occurrence for row in rows] == [1] * 4
    assert len({row.fingerprint for row in rows}) == 4


def test_excel_keeps_amounts_exact_and_leading_zeros_and_says_what_it_destroyed() -> None:
    content = workbook(
        ["Email", "Amount", "Reference"],
        ["a@x.test", 19.99, "00012"],
        ["b@x.test", 1234.5, 12],
        ["c@x.test", 0.1 + 0.2 + 1e-9, "r"],
        ["d@x.test", "=1+1", date(2026, 3, 12)],
        ["e@x.test", date(2026, 3, 12), 12345678901234567],
        [None, None, None],
        ["f@x.test", True, "#N/A"],
        formats={"C3": "00000"},
    )
    rows = rows_of(content)
    assert [(row.amount, row.reference) for row in rows[:2]] == [
        (1_999, "00012"),
        (123_450, "00012"),
    ]
    problems = [row.problem or "" for row in rows]
    assert "more than two decimals" in problems[2]
    assert "amount is a formula" in problems[3]
    assert "reference was made a date" in problems[3]
    assert "amount was made a date" in problems[4]
    assert "longer than a spreadsheet keeps numbers" in problems[4]
    assert [row.number for row in rows] == [2, 3, 4, 5, 6, 8]
    assert problems[5]


def test_a_sheet_with_one_cell_far_away_is_refused_and_not_filled_up() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(["Email", "Amount"], ["a@x.test", 5])))
    assert book.active is not None
    book.active["A1048576"] = "z@x.test"
    written = io.BytesIO()
    book.save(written)
    with pytest.raises(FileRefused, match="goes on below row"):
        rows_of(written.getvalue())


def _part(content: bytes, name: str, body: bytes) -> bytes:
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, body if entry.filename == name else old.read(entry))
    return written.getvalue()


def test_archives_that_unpack_to_far_more_are_refused_unread() -> None:
    small = workbook(["Email", "Amount"], ["a@x.test", 5])
    bomb = _part(small, "xl/worksheets/sheet1.xml", b" " * (excel_tables.MAX_SHEET + 1))
    assert len(bomb) < 200_000
    with pytest.raises(FileRefused, match="too large when it is unpacked"):
        rows_of(bomb)


def test_entities_in_a_workbook_are_not_expanded() -> None:
    small = workbook(["Email", "Amount"], ["a@x.test", 5])
    xml = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row></sheetData></worksheet>'
    )
    with pytest.raises(FileRefused):
        rows_of(_part(small, "xl/worksheets/sheet1.xml", xml))
