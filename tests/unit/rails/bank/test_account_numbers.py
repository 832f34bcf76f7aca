"""Which IBANs and routing numbers can be paid, and what of them everybody may see."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.bank import iban, routing_number

GOOD = [
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "GB29NWBK60161331926819",
    "ES9121000418450200051332",
    "NL91ABNA0417164300",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "CH9300762011623852957",
    "IT60X0542811101000000123456",
]
"""Examples of the IBAN registry."""


@pytest.mark.parametrize("number", GOOD)
def test_ibans_of_the_registry_are_good_as_people_type_them(number: str) -> None:
    typed = " ".join(number[at : at + 4] for at in range(0, len(number), 4)).lower()
    assert iban.normalized(typed) == number
    assert iban.problem(number) is None
    assert iban.country(number) == number[:2]


@pytest.mark.parametrize("number", GOOD)
def test_an_iban_with_one_other_digit_or_letter_is_refused(number: str) -> None:
    """MOD 97-10 finds each; of a digit that became a letter it may not."""
    for at, character in enumerate(number):
        alike = string.digits if character.isdigit() else string.ascii_uppercase
        for other in alike:
            changed = number[:at] + other + number[at + 1 :]
            assert (iban.problem(changed) is None) == (changed == number), changed


@given(st.sampled_from(GOOD), st.data())
def test_an_iban_of_another_length_is_refused(number: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(number) - 1))
    assert iban.problem(number[:at] + number[at + 1 :]) is not None
    assert iban.problem(number[:at] + data.draw(st.sampled_from("0A")) + number[at:]) is not None


@given(st.text(max_size=40))
def test_any_text_is_refused_with_words(text: str) -> None:
    problem = iban.problem(iban.normalized(text))
    assert problem is not None
    assert problem.split()[0] in {"must", "is", "has"}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("US64SVBKUS6S3300958879", "SEPA does not reach (US)"),
        ("XK051212012345678906", "SEPA does not reach (XK)"),
        ("DE89370400440532013001", "checksum"),
        ("BE41539007547035", "check digit in BE"),
    ],
)
def test_the_refusal_says_what_is_wrong(number: str, words: str) -> None:
    assert words in str(iban.problem(number))


def test_what_leaves_the_eea_needs_the_payers_address() -> None:
    assert iban.needs_payer_address("CH9300762011623852957")
    assert iban.needs_payer_address("GB29NWBK60161331926819")
    assert not iban.needs_payer_address("NO9386011117947")


def test_a_masked_number_shows_four_characters_of_its_ends() -> None:
    assert iban.masked("DE89370400440532013000") == "DE89 •••• 3000"
    assert routing_number.masked("123456789") == "•••• 6789"


ROUTING = ["021000021", "121000248", "011401533", "091000019", "322271627", "061000104"]


@pytest.mark.parametrize("number", ROUTING)
def test_routing_numbers_of_banks_are_good(number: str) -> None:
    assert routing_number.problem(routing_number.normalized(f" {number[:4]}-{number[4:]}")) is None


@given(st.sampled_from(ROUTING), st.integers(0, 8), st.integers(0, 9))
def test_a_routing_number_with_one_other_digit_is_refused(number: str, at: int, digit: int) -> None:
    changed = number[:at] + str(digit) + number[at + 1 :]
    assert (routing_number.problem(changed) is None) == (changed == number)


@pytest.mark.parametrize(
    "number", ["", "02100002", "0210000210", "02100002x", "٠٢١٠٠٠٠٢١", "000000000", "999999992"]
)
def test_what_is_no_routing_number_is_refused(number: str) -> None:
    assert routing_number.problem(number) is not None


@pytest.mark.parametrize(
    ("typed", "number"), [("12345 6789", "123456789"), ("ab-1234", "AB-1234"), ("0001", "0001")]
)
def test_account_numbers_are_taken_as_people_type_them(typed: str, number: str) -> None:
    assert routing_number.normalized_account(typed) == number
    assert routing_number.account_problem(number) is None


@pytest.mark.parametrize(
    "number", ["", "123", "1" * 18, "0000", "00-00", "ABCD", "12/34", "\uff11\uff12\uff13\uff14"]
)
def test_what_an_ach_file_cannot_hold_is_no_account_number(number: str) -> None:
    assert routing_number.account_problem(number) is not None
