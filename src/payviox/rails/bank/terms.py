"""What a business has said of its own account at a bank: who pays, by which schemes, how files get
to the bank and when, and what counts as success. Read from the rail account's settings; pure."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Any

import msgspec

from payviox.rails.bank import iban, payers, routing_number
from payviox.rails.bank.model import Address, Payer, Scheme
from payviox.rails.bank.settings import (
    NEVER,
    SCHEMES,
    SETTINGS,
    RateSource,
    Release,
    Success,
)
from payviox.rails.bank.writing import Format

MOST_TIMES = 12

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
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
    are. `rate_source` says what a euro is worth, of which payees get `spread_bp` basis points less.
    `check_float`: a file comes to no more than the last statement left. `account_numbers` name
    the account in statements."""

    schemes: tuple[Scheme, ...]
    payers: dict[Scheme, Payer]
    formats: dict[Scheme, Format]
    success: Success
    release: Release
    cut_at: tuple[time, ...]
    cut_off: time
    check_float: bool
    rate_source: RateSource
    spread_bp: int
    account_numbers: frozenset[str]
    sftp: Sftp | None = None


def problems(settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with these settings, by name; nothing where files can be made by them."""
    found = _Problems(settings)
    schemes = _names(found.text("schemes"))
    if not schemes or not set(schemes) <= set(SCHEMES):
        found.refuse("schemes", "must be sepa, ach or both, separated by a comma")
    for scheme in SCHEMES:
        if scheme in schemes:
            for name, wrong in payers.problems(_payer(scheme, settings)).items():
                found.refuse("city" if name == "address" else name, wrong)
    for name, setting in SETTINGS.items():
        if setting.choices and not setting.several and found.text(name) not in setting.choices:
            found.refuse(name, f"must be one of: {', '.join(setting.choices)}")
    times = [] if found.text("cut_at") == NEVER else _names(found.text("cut_at"))
    if len(times) > MOST_TIMES or not all(_TIME.fullmatch(each) for each in times):
        found.refuse("cut_at", f"must be up to {MOST_TIMES} times such as 09:30, 15:00; or {NEVER}")
    if not _TIME.fullmatch(found.text("cut_off")):
        found.refuse("cut_off", "must be a time such as 15:00")
    if found.text("release") == "sftp":
        _check_sftp(found)
    return found.said


class _Problems:
    """Settings as they are looked at, and what was found."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.said: dict[str, list[str]] = {}

    def text(self, name: str) -> str:
        return _text(self._settings, name)

    def refuse(self, name: str, why: str) -> None:
        self.said.setdefault(name, [f"{name} {why}."])


def _check_sftp(found: _Problems) -> None:
    if not _HOST.fullmatch(found.text("sftp_host")):
        found.refuse("sftp_host", "must be the host's name or address")
    port = found.text("sftp_port")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535:
        found.refuse("sftp_port", "must be a number from 1 to 65535")
    if not found.text("sftp_user"):
        found.refuse("sftp_user", "is needed")
    if len(found.text("sftp_host_key").split()) < 2:
        found.refuse("sftp_host_key", "must be the server's public key: ssh-ed25519 AAAA…")


def read(settings: Mapping[str, Any]) -> Terms:
    """The terms of settings that have no problems."""

    def text(name: str) -> str:
        return _text(settings, name)

    schemes = tuple(each for each in SCHEMES if each in _names(text("schemes")))
    sepa_format: Any = text("sepa_format")
    formats: dict[Scheme, Format] = {"sepa": sepa_format, "ach": "nacha"}
    success: Any = text("success")
    release: Any = text("release")
    rate_source: Any = text("rate_source")
    times = text("cut_at")
    return Terms(
        schemes=schemes,
        payers={scheme: _payer(scheme, settings) for scheme in schemes},
        formats={scheme: formats[scheme] for scheme in schemes},
        success=success,
        release=release,
        cut_at=() if times == NEVER else tuple(sorted(map(time.fromisoformat, _names(times)))),
        cut_off=time.fromisoformat(text("cut_off")),
        check_float=text("check_float") == "yes",
        rate_source=rate_source,
        spread_bp=int(settings.get("spread_bp") or 0),
        account_numbers=frozenset(
            iban.normalized(text(name)) for name in ("iban", "account_number") if text(name)
        ),
        sftp=_sftp(settings) if release == "sftp" else None,
    )


def _payer(scheme: Scheme, settings: Mapping[str, Any]) -> Payer:
    def text(name: str) -> str:
        return _text(settings, name)

    if scheme == "ach":
        return Payer(
            scheme=scheme,
            name=text("name"),
            company_id=text("company_id"),
            originating_dfi=routing_number.normalized(text("originating_dfi")),
            bank_name=text("bank_name") or None,
            entry_description=text("entry_description"),
        )
    address = None
    if text("city") or text("country"):
        address = Address(
            city=text("city"),
            country=text("country").upper(),
            street=text("street") or None,
            postal_code=text("postal_code") or None,
        )
    return Payer(
        scheme=scheme,
        name=text("name"),
        iban=iban.normalized(text("iban")),
        bic=text("bic") or None,
        address=address,
    )


def _sftp(settings: Mapping[str, Any]) -> Sftp:
    return Sftp(
        host=_text(settings, "sftp_host").strip("[]"),
        port=int(_text(settings, "sftp_port")),
        user=_text(settings, "sftp_user"),
        host_key=_text(settings, "sftp_host_key"),
        folder=_text(settings, "sftp_folder"),
        reports=_text(settings, "sftp_reports") or None,
    )


def _text(settings: Mapping[str, Any], name: str) -> str:
    return str(settings.get(name) or SETTINGS[name].default)


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
