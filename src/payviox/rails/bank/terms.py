"""What a business has said of its own account at a bank: who pays, by which schemes, how files get
to the bank and when, and what counts as success. Read from the rail account's settings; pure."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Any, Literal, get_args

import msgspec

from payviox.rails.bank import characters, iban, routing_number
from payviox.rails.bank.model import Address, Payer, Scheme
from payviox.rails.bank.writing import FORMATS, Format

Success = Literal["booked", "not_returned"]
Release = Literal["download", "folder", "sftp"]

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
SUCCESSES: tuple[Success, ...] = get_args(Success)
RELEASES: tuple[Release, ...] = get_args(Release)
SWITCH = ("yes", "no")
NEVER = "never"
CUT_OFF = "15:00"
MOST_TIMES = 12

_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", re.ASCII)
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_COMPANY_ID = re.compile(r"[A-Z0-9 -]{10}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]+\]", re.ASCII)


class Sftp(msgspec.Struct, frozen=True, kw_only=True):
    """The bank's SFTP server. `host_key` is the one key that it may show, as `known_hosts` has it:
    type and base64."""

    host: str
    port: int
    user: str
    host_key: str
    folder: str
    reports: str | None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """`cut_at` are times of a banking day at which files are cut by themselves, none for by hand
    alone, `cut_off` is until when the bank takes files for the day; both where the scheme's banks
    are. `check_float`: a file comes to no more than the last statement left. `account_numbers` name
    the account in statements."""

    schemes: tuple[Scheme, ...]
    payers: dict[Scheme, Payer]
    formats: dict[Scheme, Format]
    success: Success
    release: Release
    cut_at: tuple[time, ...]
    cut_off: time
    check_float: bool
    account_numbers: frozenset[str]
    sftp: Sftp | None = None


def problems(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with these settings, by name; nothing where files can be made by them."""
    found: dict[str, list[str]] = {}

    def refuse(name: str, why: str) -> None:
        found.setdefault(name, []).append(f"{name} {why}.")

    def text(name: str) -> str:
        return str(settings.get(name) or "")

    schemes = _names(text("schemes"))
    if not schemes or not set(schemes) <= set(SCHEMES):
        refuse("schemes", "must be sepa, ach or both, separated by a comma")
        schemes = []
    for scheme in schemes:
        if wrong := characters.name_problem(text("name"), scheme):
            refuse("name", wrong)
            break
    if "sepa" in schemes:
        number = iban.normalized(text("iban"))
        if wrong := iban.problem(number) if number else "is needed to pay by SEPA":
            refuse("iban", wrong)
        if text("bic") and not _BIC.fullmatch(text("bic")):
            refuse("bic", "must be a BIC of 8 or 11 characters, such as COBADEFFXXX")
        if bool(text("city")) != bool(text("country")):
            refuse("city", "and country are given together")
    if "ach" in schemes:
        if not _COMPANY_ID.fullmatch(text("company_id")):
            refuse("company_id", "must be the 10 characters that the bank assigned, to pay by ACH")
        number = routing_number.normalized(text("originating_dfi"))
        if wrong := routing_number.problem(number) if number else "is needed to pay by ACH":
            refuse("originating_dfi", wrong)
    for name, choices in _CHOICES.items():
        if text(name) and text(name) not in choices:
            refuse(name, f"must be one of: {', '.join(choices)}")
    times = [] if text("cut_at") in ("", NEVER) else _names(text("cut_at"))
    if len(times) > MOST_TIMES or not all(_TIME.fullmatch(each) for each in times):
        refuse("cut_at", f"must be up to {MOST_TIMES} times such as 09:30, 15:00; or {NEVER}")
    if text("cut_off") and not _TIME.fullmatch(text("cut_off")):
        refuse("cut_off", "must be a time such as 15:00")
    if text("release") == "sftp":
        _check_sftp(text, refuse)
    return found


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sepa_format": FORMATS["sepa"],
    "success": SUCCESSES,
    "release": RELEASES,
    "check_float": SWITCH,
}


def read(settings: Mapping[str, Any]) -> Terms:
    """The terms of settings that have no problems."""

    def text(name: str, otherwise: str = "") -> str:
        return str(settings.get(name) or otherwise)

    schemes = tuple(each for each in SCHEMES if each in _names(text("schemes")))
    sepa_format: Any = text("sepa_format", FORMATS["sepa"][0])
    formats: dict[Scheme, Format] = {"sepa": sepa_format, "ach": "nacha"}
    success: Any = text("success", "booked")
    release: Any = text("release", "download")
    times = text("cut_at", NEVER)
    return Terms(
        schemes=schemes,
        payers={scheme: _payer(scheme, text) for scheme in schemes},
        formats={scheme: formats[scheme] for scheme in schemes},
        success=success,
        release=release,
        cut_at=() if times == NEVER else tuple(sorted(map(time.fromisoformat, _names(times)))),
        cut_off=time.fromisoformat(text("cut_off", CUT_OFF)),
        check_float=text("check_float", "yes") == "yes",
        account_numbers=frozenset(
            iban.normalized(text(name)) for name in ("iban", "account_number") if text(name)
        ),
        sftp=_sftp(text) if release == "sftp" else None,
    )


def _payer(scheme: Scheme, text: Any) -> Payer:
    address = None
    if text("city"):
        address = Address(
            city=text("city"),
            country=text("country").upper(),
            street=text("street") or None,
            postal_code=text("postal_code") or None,
        )
    if scheme == "sepa":
        return Payer(
            scheme=scheme,
            name=text("name"),
            iban=iban.normalized(text("iban")),
            bic=text("bic") or None,
            address=address,
        )
    return Payer(
        scheme=scheme,
        name=text("name"),
        company_id=text("company_id"),
        originating_dfi=routing_number.normalized(text("originating_dfi")),
        bank_name=text("bank_name") or None,
        entry_description=text("entry_description", "PAYOUT"),
    )


def _sftp(text: Any) -> Sftp:
    return Sftp(
        host=text("sftp_host").strip("[]"),
        port=int(text("sftp_port", "22")),
        user=text("sftp_user"),
        host_key=text("sftp_host_key"),
        folder=text("sftp_folder", "."),
        reports=text("sftp_reports") or None,
    )


def _check_sftp(text: Any, refuse: Any) -> None:
    if not _HOST.fullmatch(text("sftp_host")):
        refuse("sftp_host", "must be the host's name or address")
    port = text("sftp_port") or "22"
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535:
        refuse("sftp_port", "must be a number from 1 to 65535")
    if not text("sftp_user"):
        refuse("sftp_user", "is needed")
    if len(text("sftp_host_key").split()) < 2:
        refuse("sftp_host_key", "must be the server's public key, such as ssh-ed25519 AAAA…")


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
