"""IBANs: shape, length and check digits by country, and which countries the SEPA schemes reach.
A country's own check digits are looked at where the library knows them; whether the account exists
only its bank can say."""

from functools import lru_cache

# fmt: off
EEA = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
})
BEYOND_EEA = frozenset({
    "AD", "AL", "CH", "GB", "GI", "MC", "MD", "ME", "MK", "RS", "SM", "VA",
})
# fmt: on
"""The schemes reach them too (the EPC's list of SEPA countries, EPC409-09); what is paid there must
name the payer's address."""

SEPA_COUNTRIES = EEA | BEYOND_EEA


def normalized(text: str) -> str:
    """As a file has it: capitals, without the blanks and hyphens that people type."""
    return "".join(text.split()).replace("-", "").upper()


def problem(iban: str) -> str | None:
    """Why a normalized IBAN cannot be paid by SEPA, or None. Words to follow the field's name."""
    if not (4 < len(iban) <= 34 and iban.isascii() and iban.isalnum()):
        return "must be an IBAN such as DE89 3704 0044 0532 0130 00"
    if not (iban[:2].isalpha() and iban[2:4].isdigit()):
        return "must begin with two letters of a country and two digits"
    if iban[:2] not in SEPA_COUNTRIES:
        return f"is of a country that SEPA does not reach ({iban[:2]})"
    return _structure_problem(iban)


@lru_cache(maxsize=1_000)
def _structure_problem(iban: str) -> str | None:
    from stdnum import iban as ibans  # noqa: PLC0415  # reads its tables; few processes check one
    from stdnum.exceptions import (  # noqa: PLC0415
        InvalidChecksum,
        InvalidFormat,
        ValidationError,
    )

    try:
        ibans.validate(iban, check_country=False)
    except InvalidChecksum:
        return "has a wrong digit: its checksum does not match"
    except InvalidFormat:
        return f"has not the length or the shape of an IBAN of {iban[:2]}"
    except ValidationError:
        return f"is no IBAN of {iban[:2]}"
    try:
        ibans.validate(iban)
    except ValidationError:
        return f"has a wrong digit: its bank's own check digit in {iban[:2]} does not match"
    return None


def country(iban: str) -> str:
    """The country of the account: two letters."""
    return iban[:2]


def needs_payer_address(iban: str) -> bool:
    """Whether what is paid to this account must name the payer's address."""
    return iban[:2] not in EEA


def masked(iban: str) -> str:
    """As everybody may see it: `DE89 •••• 3000`."""
    return f"{iban[:4]} •••• {iban[-4:]}"
