import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.giftcards.codes import comparable
from payviox.giftcards.csv_file import MAX_LINE, NoCardsError, read_cards
from payviox.giftcards.model import BadLine, CardRow

HEADER = "product,brand,country,code,pin,face value,currency,price in cents,expiry\n"
GOOD = "Shop 25,Shop,US,AAAA-1111,99,25.00,USD,2500,2030-12-31\n"


def lines(text: str | bytes) -> list[CardRow | BadLine]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(read_cards(io.BytesIO(raw)))


def reason(line: str) -> str:
    (bad,) = lines(HEADER + line)
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    return bad.reason


def test_a_good_line_is_a_card() -> None:
    (card,) = lines(HEADER + GOOD)
    assert isinstance(card, CardRow)
    assert (card.code, card.pin, card.expires_on) == ("AAAA-1111", "99", date(2030, 12, 31))
    assert (card.product.face_value, card.product.price) == (2500, 2500)
    assert "AAAA" not in repr(card)


@pytest.mark.parametrize(
    "header",
    [
        "Product,BRAND,country,Code,PIN,face_value,currency,price,Expiry\n",
        "product name,brand,country code,card-code,pin,Face-Value,currency,price_cents,expiry\n",
        "product,brand,country,code,pin,face value,currency,Price (in cents),expiration date\n",
    ],
)
def test_columns_may_be_spelled_in_several_ways(header: str) -> None:
    (card,) = lines(header + GOOD)
    assert isinstance(card, CardRow)
    assert card.pin == "99"


def test_a_bom_crlf_blank_lines_and_other_columns_are_no_hindrance() -> None:
    text = "\ufeffcode,colour,price,product,brand,country,currency,face value\r\n\r\n"
    text += "C1,red,100,P,B,de,eur,1\r\n,,,,,,,\r\nC2,blue,100,P,B,DE,EUR,0.5"
    first, second = lines(text)
    assert isinstance(first, CardRow)
    assert isinstance(second, CardRow)
    assert (first.line, second.line) == (3, 5)
    assert (first.product.country, first.product.currency) == ("DE", "EUR")
    assert (first.pin, first.expires_on, second.product.face_value) == (None, None, 50)


def test_a_quoted_field_may_hold_line_breaks_and_lines_are_counted_by_their_start() -> None:
    card, bad = lines(HEADER + '"Shop\r\n 25",Shop,US,"A\r\nB",,25,USD,2500,\r\nx\r\n')
    assert isinstance(card, CardRow)
    assert (card.product.name, card.code) == ("Shop 25", "A\nB")
    assert isinstance(bad, BadLine)
    assert bad.line == 5


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x\n", "1 fields where the header has 9"),
        (GOOD.replace("AAAA-1111", " - "), "the code is missing"),
        (GOOD.replace("AAAA-1111", "a\0b"), "the code holds a control character"),
        (GOOD.replace("AAAA-1111", "x" * 1001), "the code is longer than 1000 characters"),
        (GOOD.replace(",US,", ",USA,"), "the country must be its 2-letter ISO code"),
        (GOOD.replace(",US,", ",ÜS,"), "the country must be its 2-letter ISO code"),
        (GOOD.replace("USD", "$"), "the currency must be its 3-letter ISO code"),
        (GOOD.replace("25.00", "25.001"), "the face value must be a number such as 25 or 25.00"),
        (GOOD.replace("25.00", "0.00"), "the face value must be more than 0"),
        (GOOD.replace("25.00", "1e3"), "the face value must be a number such as 25 or 25.00"),
        (GOOD.replace("25.00", "-1"), "the face value must be a number such as 25 or 25.00"),
        (GOOD.replace("2030-12-31", "31.12.2030"), "the expiry must be a date such as 2030-12-31"),
        (GOOD.replace("2030-12-31", "2030-02-30"), "the expiry is no date of the calendar"),
        (GOOD.replace("Shop 25", ""), "the product is missing"),
        (
            GOOD.replace("Shop 25", "a\u202eb"),
            "the product holds a character that cannot be printed",
        ),
    ],
)
def test_a_bad_line_is_named_with_its_reason(line: str, why: str) -> None:
    assert reason(line) == why


@pytest.mark.parametrize("price", ["", "0", "25.00", "-5", "100000001", "\uff19\uff19", "1" * 5000])
def test_a_price_is_whole_cents_within_bounds(price: str) -> None:
    assert "price" in reason(GOOD.replace("2500", price))


def test_bytes_that_are_not_utf_8_are_a_bad_line_and_the_next_is_read() -> None:
    bad, card = lines(HEADER.encode() + GOOD.encode().replace(b"AAAA", b"\xff\xfe") + GOOD.encode())
    assert bad == BadLine(2, "the code is not valid UTF-8")
    assert isinstance(card, CardRow)


def test_an_endless_line_is_bad_and_the_next_is_read() -> None:
    bad, card = lines(HEADER + "x" * (3 * MAX_LINE) + "\n" + GOOD)
    assert isinstance(bad, BadLine)
    assert isinstance(card, CardRow)
    assert card.line == 3


def test_a_quote_that_is_not_closed_is_bad_and_no_reason_shows_a_code() -> None:
    found = lines(HEADER + GOOD + 'P,B,US,"SECRET,,25,USD,2500,\n')
    assert isinstance(found[0], CardRow)
    assert isinstance(found[1], BadLine)
    assert found[1].line == 3
    assert "SECRET" not in found[1].reason


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,c\n", GOOD, HEADER.replace("pin", "code")])
def test_a_file_without_the_header_is_refused_whole(text: str) -> None:
    with pytest.raises(NoCardsError):
        lines(text)


@given(st.lists(st.lists(st.text(max_size=20), max_size=10), max_size=20))
def test_whatever_a_file_holds_every_record_is_a_card_or_a_bad_line(rows: list[list[str]]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    for line in lines((HEADER + file.getvalue()).encode("utf-8", "replace")):
        assert isinstance(line, CardRow | BadLine)


INVISIBLE = ["\u200b", "\ufeff", "\u00ad", "\u200e", "\u2060", "\u202e", "\ufe0f", "\u034f",
             "\u3164", "\U000e0100", "\u2065", "\ufff0"]  # fmt: skip


@pytest.mark.parametrize("character", INVISIBLE)
@pytest.mark.parametrize("place", [0, 4, 9])
def test_what_nobody_sees_is_no_part_of_a_code_or_pin(character: str, place: int) -> None:
    code = "AAAA-1111"
    code = code[:place] + character + code[place:]
    line = GOOD.replace("AAAA-1111", code).replace(",99,", f",9{character}9,")
    [card] = lines(HEADER + line)
    assert isinstance(card, CardRow)
    assert card.code == "AAAA-1111"
    assert card.pin == "99"


@pytest.mark.parametrize("written", ["AAAA\u22121111", "AAAA\u20131111", "AAAA\uff0d1111",
                                     "AAAA_1111", "AAAA.1111", "AAAA\u00a01111", "\uff21AAA 1111",
                                     "aaaa1111"])  # fmt: skip
def test_one_code_however_it_is_written_is_compared_as_one(written: str) -> None:
    assert comparable(written) == comparable("AAAA-1111")


def test_a_code_is_stored_as_it_can_be_typed() -> None:
    [card] = lines(HEADER + GOOD.replace("AAAA-1111", "\uff21BC\u2212D\u00a0E"))
    assert isinstance(card, CardRow)
    assert card.code == "ABC-D E"


@pytest.mark.parametrize("character", ["\ufffd", "\ue000", "\u0378", "\u0345", "\u0335"])
def test_a_code_with_a_character_that_nobody_can_type_is_refused(character: str) -> None:
    assert "nobody can type" in reason(GOOD.replace("AAAA-1111", f"AAAA-{character}1111"))


def test_a_line_separator_is_a_blank() -> None:
    [card] = lines(HEADER + GOOD.replace("AAAA-1111", "AAAA\u2028\u20291111\u2028"))
    assert isinstance(card, CardRow)
    assert card.code == "AAAA  1111"


DAMAGED = ["6.01E+15", '"9,98877E+14"', "1e+20", '"=""00123456"""', "'00123456", "\u201900123456",
           "#N/A", "#REF!", "#VALUE!", "#####", "NULL", "n/a", "NaN", "TRUE", "12-Mar", "Mar-12",
           "3. Mai 2026", "12-mrt-26", "2026-03-12", "2026-03-12 00:00:00", "3/12/2026",
           "12.03.2026", "123456.0", '"1,234,567"', "\u0410BCD-1234", "6.01E15", "6.01e15",
           "-6.01E+15", "+6.01E+15", "Err:502", "Sept. 2026", "4 décembre", "2026/03/12",
           "2026.3.12",
           "12:30", "12:30:00", "(null)", "<NULL>", r"\N", "inf", "WAHR", "Faux",
           "****-****-1234", "\u2022\u2022\u2022\u2022 1234"]  # fmt: skip


@pytest.mark.parametrize("code", DAMAGED)
def test_what_a_spreadsheet_left_of_a_code_is_refused_and_not_shown(code: str) -> None:
    why = reason(GOOD.replace("AAAA-1111", code))
    assert why.startswith("the code ")
    assert code.strip('"') not in why


@pytest.mark.parametrize("pin", ["1.2E+5", "#N/A", "NULL", "'0042"])
def test_so_is_what_is_left_of_a_pin(pin: str) -> None:
    assert reason(GOOD.replace(",99,", f",{pin},")).startswith("the pin ")


@pytest.mark.parametrize("code", ["12E5", "6E15A", "DEC-2026-XYZ9", "MARCH-7Q", "0012-03-45",
                                  "1234", "2026-13-45", "A=B", "X#1", "NULLA1", "INFINITY7",
                                  "1234567890123450000", "MARVEL-2024", "JANE-1234", "12E-3456",
                                  "OCTOPUS 2024", "12/03-7", "12:30-AB", "A*B*C",
                                  "\u0391\u0392\u0393-\u0394\u0395"])  # fmt: skip
def test_codes_that_only_resemble_such_are_taken(code: str) -> None:
    [card] = lines(HEADER + GOOD.replace("AAAA-1111", code))
    assert isinstance(card, CardRow)
    assert card.code == code


@given(st.text(alphabet="ABab019 -\t", min_size=1))
def test_codes_that_differ_in_case_blanks_and_dashes_are_one(code: str) -> None:
    assert comparable(code) == comparable(f" {code.upper()} ")
    assert comparable("-".join(code)) == comparable(code)
