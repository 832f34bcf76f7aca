"""Whether a payer's account can be written into its scheme's files: the same checks when a business
connects its bank and when a file is written."""

import re

from payviox.rails.bank import iban, routing_number
from payviox.rails.bank.characters import NotWritable, written
from payviox.rails.bank.model import Address, Payer

BIC = re.compile(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?", re.ASCII)
COMPANY_ID = re.compile(r"[A-Z0-9]{10}", re.ASCII)
COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)

COMPANY_NAME, ENTRY_DESCRIPTION, BANK_NAME = 16, 10, 23
"""Characters that an ACH file has for them."""

STREET, POSTAL_CODE, CITY = 70, 16, 35
"""Characters that ISO 20022 has for the parts of an address."""


def problems(payer: Payer) -> dict[str, str]:
    """What is wrong, by the payer's field; empty where its files can be written. Words to follow
    the field's name."""
    found = _sepa(payer) if payer.scheme == "sepa" else _ach(payer)
    return {field: problem for field, problem in found.items() if problem is not None}


def address_problems(address: Address) -> dict[str, str]:
    """What is wrong with an address in a SEPA file, by its field."""
    found = {
        "street": _text(address.street, STREET, optional=True),
        "postal_code": _text(address.postal_code, POSTAL_CODE, optional=True),
        "city": _text(address.city, CITY),
        "country": None if COUNTRY.fullmatch(address.country) else "must be two letters",
    }
    return {field: problem for field, problem in found.items() if problem is not None}


def _sepa(payer: Payer) -> dict[str, str | None]:
    address = payer.address and address_problems(payer.address)
    return {
        "name": _text(payer.name, 70),
        "iban": iban.problem(payer.iban or ""),
        "bic": "must be a BIC such as COBADEFFXXX"
        if payer.bic is not None and not BIC.fullmatch(payer.bic)
        else None,
        "address": "; ".join(f"{field} {text}" for field, text in address.items())
        if address
        else None,
    }


def _ach(payer: Payer) -> dict[str, str | None]:
    return {
        "name": _text(payer.name, COMPANY_NAME, ach=True),
        "company_id": None
        if COMPANY_ID.fullmatch(payer.company_id or "")
        else "must be the 10 digits or letters that the bank assigned",
        "originating_dfi": routing_number.problem(payer.originating_dfi or ""),
        "bank_name": _text(payer.bank_name, BANK_NAME, optional=True, ach=True),
        "entry_description": _text(payer.entry_description, ENTRY_DESCRIPTION, ach=True),
    }


def _text(text: str | None, most: int, *, optional: bool = False, ach: bool = False) -> str | None:
    if text is None and optional:
        return None
    try:
        written(text or "", "ach" if ach else "sepa", most)
    except NotWritable as error:
        return str(error)
    return None
