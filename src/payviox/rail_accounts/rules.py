"""What an operator may set of a rail account: names, meaning and bounds, and which settings and
credentials each rail needs. Amounts are US cents."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from payviox.errors import FieldErrors
from payviox.money import MAX_ALLOCATION
from payviox.rail_accounts.model import Changes, RailAccount, RailName
from payviox.rail_accounts.urls import check_url, is_this_machine
from payviox.rails.bank import settings as bank_settings
from payviox.rails.bank import terms
from payviox.rails.evm import addresses
from payviox.rails.evm.chain_settings import RPC_CREDENTIAL, build
from payviox.rails.evm.chains import BUILT_IN, ChainError, check_environment
from payviox.rails.protocol import Environment

NONE = "none"
"""Clears a value."""

MAX_TEXT = 1_000


class Rule(msgspec.Struct, frozen=True):
    """One thing that may be set. `optional` ones may be cleared; those that are nothing without
    their credentials are set by connecting alone. Percentages are kept in basis points, under their
    name with `_bp`."""

    meaning: str
    kind: Literal["cents", "percentage", "payer", "text", "url"]
    optional: bool = True
    by_connecting: bool = False


COLUMNS = {
    "min_amount": Rule("least cents of one withdrawal there", "cents"),
    "max_amount": Rule("most cents of one withdrawal there", "cents"),
    "low_float": Rule("warn when the account holds fewer cents", "cents"),
    "fee_payer": Rule("who bears the fee: sender or recipient", "payer", optional=False),
    "fee_percentage": Rule("percent of the amount, such as 2.5", "percentage", optional=False),
    "fee_fixed": Rule("cents added to the percentage", "cents", optional=False),
    "fee_cap": Rule("most cents of one fee", "cents"),
}

_BASE_URL = Rule("where the API is; none for the vendor's own", "url")
SETTINGS: dict[RailName, dict[str, Rule]] = {
    "paypal": {
        "client_id": Rule("the REST app's client id", "text", optional=False, by_connecting=True),
        "webhook_id": Rule("the webhook's id, to verify callbacks", "text"),
        "base_url": _BASE_URL,
    },
    "tremendous": {
        "funding_source_id": Rule("what orders are paid from", "text", optional=False),
        "campaign_id": Rule("the campaign that dresses the rewards", "text"),
        "base_url": _BASE_URL,
    },
    "evm": {
        "address": Rule("the wallet's address", "text", optional=False, by_connecting=True),
        "keystore": Rule("path of the wallet's keystore file", "text", by_connecting=True),
        "signer": Rule("URL of an external signer", "url", by_connecting=True),
        "spread": Rule("percent by which a coin is made dearer for its payee", "percentage"),
        "price_tolerance": Rule(
            "percent that a coin's price may move once its quote has expired", "percentage"
        ),
    },
    "bank": {
        name: Rule(setting.meaning, setting.kind, optional=setting.optional)
        for name, setting in bank_settings.SETTINGS.items()
    },
}

IDENTITY: dict[RailName, tuple[str, ...]] = {
    "paypal": ("client_id", "base_url"),
    "tremendous": ("base_url",),
    "evm": ("address",),
    "bank": ("iban", "company_id", "originating_dfi"),
}
"""The settings that make an account another one: it knows nothing of what the other was told."""

OWNER: dict[RailName, tuple[str, str]] = {"tremendous": ("organization_id", "api_key")}
"""Where a credential alone says whose account it is: the setting that keeps what the rail told of
it, and the credential."""

CREDENTIALS: dict[RailName, tuple[str, ...]] = {
    "paypal": ("client_secret",),
    "tremendous": ("api_key",),
    "evm": (),
    "bank": (),
}
"""Those without which nothing works."""

OPTIONAL_CREDENTIALS: dict[RailName, tuple[str, ...]] = {
    "tremendous": ("webhook_key",),
    "bank": ("sftp_key", "sftp_password"),
}
"""Those that are not needed to pay; one that is not given again stays as it is."""

VENDORS: dict[RailName, str] = {"paypal": "paypal.com", "tremendous": "tremendous.com"}
"""Whose the API is."""

RAILS: tuple[RailName, ...] = tuple(SETTINGS)

CALLS_BACK: tuple[RailName, ...] = ("paypal", "tremendous")
"""Those that tell us by HTTP what happened."""


def settable(rail: RailName) -> dict[str, Rule]:
    """What `payviox rail set` changes."""
    every = {**COLUMNS, **SETTINGS[rail]}
    return {name: rule for name, rule in every.items() if not rule.by_connecting}


def parse(rail: RailName, assignments: Iterable[str], *, connecting: bool = False) -> Changes:
    """`["max_amount=200000", "fee_percentage=2.5"]` → what to change.

    Raises FieldErrors, naming each assignment at fault.
    """
    known = {**COLUMNS, **SETTINGS[rail]} if connecting else settable(rail)
    columns: dict[str, object] = {}
    settings: dict[str, object] = {}
    problems: dict[str, list[str]] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        rule = known.get(name)
        if name in (*columns, *settings, *problems) or f"{name}_bp" in (*columns, *settings):
            problems[name] = [f"{name} is given twice."]
            continue
        if rule is None or not equals:
            write = f"NAME=VALUE, NAME one of {', '.join(known)}"
            problems[name] = [f"{name!r} sets nothing of {rail}. Write {write}."]
            continue
        try:
            value = _value(name, rule, text.strip())
        except ValueError as error:
            problems[name] = [str(error)]
            continue
        changed = settings if name in SETTINGS[rail] else columns
        changed[f"{name}_bp" if rule.kind == "percentage" else name] = value
    if problems:
        raise FieldErrors(problems)
    return Changes(columns, settings)


def check(
    rail: RailName,
    environment: Environment,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str] | None,
) -> None:
    """Whether an account with these settings can work, and is of this environment. `credentials`
    None: they are those that were checked before. Raises FieldErrors."""
    problems = {
        name: [f"The {rule.meaning} is required: {name}."]
        for name, rule in SETTINGS[rail].items()
        if not rule.optional and not settings.get(name)
    }
    for name in CREDENTIALS[rail]:
        if credentials is not None and not credentials.get(name):
            problems[name] = [f"The {name.replace('_', ' ')} is required."]
    for name, rule in SETTINGS[rail].items():
        if rule.kind == "url" and settings.get(name):
            try:
                check_url(name, settings[name])
            except ValueError as error:
                problems[name] = [str(error)]
    if not problems:
        problems = _CHECKS[rail](environment, settings, credentials)
    if problems:
        raise FieldErrors(problems)


def check_together(account: RailAccount, columns: Mapping[str, object]) -> None:
    """Raises FieldErrors where limits contradict one another after these changes."""
    least = columns.get("min_amount", account.min_amount)
    most = columns.get("max_amount", account.max_amount)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        message = f"min_amount ({least}) may not be greater than max_amount ({most})."
        raise FieldErrors({"min_amount": [message]})


def another(
    rail: RailName,
    before: tuple[Mapping[str, Any], Mapping[str, str]],
    after: tuple[Mapping[str, Any], Mapping[str, str]],
) -> list[str]:
    """What makes the account after a change another one than before; each is its settings and
    credentials."""
    changed = [name for name in IDENTITY[rail] if _plain(after[0], name) != _plain(before[0], name)]
    if rail not in OWNER:
        return changed
    owner, secret = OWNER[rail]
    was, now = before[0].get(owner), after[0].get(owner)
    same = was == now if was and now else after[1].get(secret) == before[1].get(secret)
    if not same:
        changed.append(f"{secret}, unless it is known to be the same organization's,")
    return changed


def _plain(settings: Mapping[str, Any], name: str) -> str:
    """A wallet's address is the same in any case."""
    text = str(settings.get(name) or "")
    return text.lower() if name == "address" else text


def chain_ids(settings: Mapping[str, Any]) -> frozenset[int]:
    """The chains that a wallet's settings name."""
    return frozenset(
        facts.get("chain_id") or BUILT_IN[name].chain_id
        for name, facts in (settings.get("chains") or {}).items()
        if "chain_id" in facts or name in BUILT_IN
    )


def _value(name: str, rule: Rule, text: str) -> object:
    if rule.optional and text.lower() == NONE:
        return None
    match rule.kind:
        case "cents":
            least = 0 if name in ("fee_fixed", "fee_cap") else 1
            return _cents(name, text, least, or_none=rule.optional)
        case "percentage":
            return basis_points(name, text)
        case "payer":
            if text not in ("sender", "recipient"):
                raise ValueError(f"{name} must be sender or recipient, not {text!r}.")
        case "url":
            check_url(name, text)
        case "text":
            if not text or len(text) > MAX_TEXT or not text.isprintable():
                raise ValueError(f"{name} must be printable text of 1 to {MAX_TEXT} characters.")
    return text


def _cents(name: str, text: str, least: int, *, or_none: bool) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= MAX_ALLOCATION:
        end = ", or none" if or_none else ""
        raise ValueError(
            f"{name} must be a whole number of cents from {least} to {MAX_ALLOCATION}{end},"
            f" not {text!r}."
        )
    return int(text)


def basis_points(name: str, text: str) -> int:
    """`2.5` percent → 250. Raises ValueError, with a sentence for people."""
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", text, re.ASCII):
        raise ValueError(f"{name} must be a percentage from 0 to 99.99, such as 2.5, not {text!r}.")
    return int(Decimal(text) * 100)


def percent(basis_points: int) -> str:
    """250 → `2.5`, as `basis_points` reads it."""
    return f"{basis_points // 100}.{basis_points % 100:02d}".rstrip("0").rstrip(".")


def is_vendors_own(rail: RailName, settings: Mapping[str, Any]) -> bool:
    """Whether the account's API is at the vendor's address, not at a proxy or a simulator."""
    host = _host(settings)
    vendor = VENDORS.get(rail)
    return not host or vendor is None or host == vendor or host.endswith(f".{vendor}")


def is_on_this_machine(settings: Mapping[str, Any]) -> bool:
    """Whether the account's API is a simulator on this machine."""
    return is_this_machine(_host(settings))


def _host(settings: Mapping[str, Any]) -> str:
    return (urlsplit(settings.get("base_url") or "").hostname or "").rstrip(".")


def _check_vendor(
    environment: Environment, settings: Mapping[str, Any], rail: RailName, sandbox: str
) -> dict[str, list[str]]:
    """The vendor's live API is for live businesses, its sandbox for test ones. What is neither may
    be either, such as a proxy; but on this machine are simulators, which real money never reaches.
    """
    host = _host(settings)
    if environment == "live" and is_this_machine(host):
        message = f"{host} is this machine, where no live account is; base_url=none: the vendor's."
        return {"base_url": [message]}
    if not host or not is_vendors_own(rail, settings):
        return {}
    is_sandbox = host == sandbox or host.endswith(f".{sandbox}")
    if is_sandbox == (environment == "sandbox"):
        return {}
    whose = "a test" if environment == "sandbox" else "a live"
    kind = "sandbox" if is_sandbox else "live API"
    return {"base_url": [f"{host} is the vendor's {kind}; this is {whose} business."]}


def _check_paypal(
    environment: Environment,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str] | None,  # noqa: ARG001  # as its siblings
) -> dict[str, list[str]]:
    return _check_vendor(environment, settings, "paypal", "sandbox.paypal.com")


def _check_tremendous(
    environment: Environment, settings: Mapping[str, Any], credentials: Mapping[str, str] | None
) -> dict[str, list[str]]:
    problems = _check_vendor(environment, settings, "tremendous", "testflight.tremendous.com")
    key = (credentials or {}).get("api_key", "")
    if environment == "sandbox" and key.startswith("PROD_"):
        problems["api_key"] = ["This API key is a live one (PROD_…); this is a test business."]
    if environment == "live" and key.startswith("TEST_"):
        problems["api_key"] = ["This API key is the sandbox's (TEST_…); this is a live business."]
    return problems


def _check_evm(
    environment: Environment, settings: Mapping[str, Any], credentials: Mapping[str, str] | None
) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    problem = addresses.problem(settings["address"])
    if problem is not None:
        problems["address"] = [f"The wallet's address {problem}."]
    if bool(settings.get("keystore")) == bool(settings.get("signer")):
        problems["keystore"] = ["Give either a keystore file or a signer."]
    elif credentials is not None and settings.get("keystore") and not credentials.get("passphrase"):
        problems["passphrase"] = ["The keystore's passphrase is required."]
    if credentials is not None:
        try:
            chains = {
                name: build(name, facts, credentials.get(RPC_CREDENTIAL + name, "").split())
                for name, facts in (settings.get("chains") or {}).items()
            }
            check_environment(chains, environment)
            if not chains:
                problems["chains"] = ["Name at least one chain."]
        except ChainError as error:
            problems["chains"] = [str(error)]
    return problems


def _check_bank(
    environment: Environment,  # noqa: ARG001  # as its siblings
    settings: Mapping[str, Any],
    credentials: Mapping[str, str] | None,
) -> dict[str, list[str]]:
    problems = terms.problems(settings)
    lacks_secret = credentials is not None and not any(credentials.values())
    if settings.get("release") == "sftp" and lacks_secret:
        problems["sftp_key"] = ["SFTP needs a private key or a password: sftp_key, sftp_password."]
    return problems


_CHECKS = {
    "paypal": _check_paypal,
    "tremendous": _check_tremendous,
    "evm": _check_evm,
    "bank": _check_bank,
}
