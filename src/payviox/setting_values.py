"""What one setting may say: each reader takes it from the environment as settings.py has it, and
raises SettingsError, whose message says what to do."""

import ipaddress
import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from payviox import smtp_server
from payviox.errors import SettingsError

MOST_DAYS = 36_500
"""The longest that anything is kept which is not kept for good."""

PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,260}(/[A-Za-z0-9._~%/-]{0,240})?", re.ASCII)

HERE = ("localhost", "127.0.0.1", "::1")
"""Hosts that are reached without a network."""

LOG_LEVELS = ("debug", "info", "warning", "error")


def _web_address(text: str) -> SplitResult | None:
    """The parts of an http or https address without query or fragment; None where it is none."""
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    extra = bool(parts.query or parts.fragment)
    return parts if whole and not extra and parts.scheme in ("http", "https") else None


def public_url(text: str) -> str:
    """An address that vendors and people can open, without a slash at its end. Raises
    SettingsError; the text may hold a password and is not repeated."""
    parts = _web_address(text)
    if parts is None or "@" in parts.netloc or not PUBLIC_URL.fullmatch(text):
        raise SettingsError(
            "PAYVIOX_PUBLIC_URL must be the address by which this installation is reached from"
            " outside, such as https://payouts.example.com, without user, query or fragment."
        )
    return text.rstrip("/")


def oidc_issuer(env: Mapping[str, str]) -> str | None:
    """The issuer exactly as the provider calls itself. Raises SettingsError where it is no address,
    is reached without TLS over a network, or what belongs to it is missing."""
    issuer = env.get("PAYVIOX_OIDC_ISSUER") or None
    if issuer is None:
        return None
    parts = _web_address(issuer)
    here = parts is not None and parts.hostname in HERE
    if parts is None or "@" in parts.netloc or (parts.scheme != "https" and not here):
        raise SettingsError(
            "PAYVIOX_OIDC_ISSUER must be the provider's issuer, an https address such as"
            " https://accounts.example.com, exactly as its discovery document names it."
        )
    for name in ("PAYVIOX_OIDC_CLIENT_ID", "PAYVIOX_OIDC_CLIENT_SECRET"):
        if not (env.get(name) or "").strip():
            raise SettingsError(f"{name} is needed with PAYVIOX_OIDC_ISSUER.")
    return issuer


def otlp_endpoint(env: Mapping[str, str]) -> str | None:
    """Ours, or the name that OpenTelemetry gave it. It may hold a password and is not repeated."""
    for name in ("PAYVIOX_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        if not (text := env.get(name)):
            continue
        if _web_address(text) is None:
            raise SettingsError(
                f"{name} must be the address of a collector that takes OTLP over HTTP, such as"
                " http://127.0.0.1:4318."
            )
        return text
    return None


def previous_keys(text: str) -> tuple[str, ...]:
    """Keys separated by commas, blanks around them left out; or a JSON array of the keys as they
    are, for those that hold a comma, a blank or a line end."""
    if text.lstrip().startswith("["):
        try:
            keys = json.loads(text)
        except ValueError:
            keys = None
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise SettingsError(
                'PAYVIOX_PREVIOUS_SECRET_KEYS is no JSON array of keys, such as ["one", "two"].'
            )
        return tuple(key for key in keys if key)
    return tuple(key.strip() for key in text.split(",") if key.strip())


def shown(host: str) -> str:
    """The host of an address that this machine itself can open."""
    name = host.removeprefix("[").removesuffix("]")
    name = "127.0.0.1" if name in ("0.0.0.0", "::") else name  # noqa: S104  # compared, not bound
    return f"[{name}]" if ":" in name else name


def postgresql(env: Mapping[str, str], name: str) -> str | None:
    """A URL, or libpq's `host=… dbname=…`. What is refused is not shown: it may hold a password."""
    text = env.get(name) or None
    scheme, is_url, _ = (text or "").partition("://")
    if text and (scheme not in ("postgresql", "postgres") if is_url else "=" not in text):
        raise SettingsError(
            f"{name} names no PostgreSQL. Write it as postgresql://user:password@host/database."
        )
    return text


def integer(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit():
        raise SettingsError(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def days(env: Mapping[str, str], name: str, default: int) -> int:
    days = integer(env, name, default)
    if not 1 <= days <= MOST_DAYS:
        raise SettingsError(f"{name} must be between 1 and {MOST_DAYS} days, not {days}.")
    return days


def web_processes(env: Mapping[str, str]) -> int | None:
    name = "PAYVIOX_WEB_PROCESSES"
    if not env.get(name):
        return None
    number = integer(env, name, 1)
    if number < 1:
        raise SettingsError(f"{name} must be 1 or more, not {number}.")
    return number


def bank_folder(env: Mapping[str, str]) -> Path | None:
    text = env.get("PAYVIOX_BANK_FOLDER") or None
    if text is None:
        return None
    folder = Path(text).expanduser()
    if not folder.is_absolute():
        raise SettingsError(f"PAYVIOX_BANK_FOLDER must be a whole path, not {text!r}.")
    return folder


def switch(env: Mapping[str, str], name: str) -> bool:
    text = (env.get(name) or "0").lower()
    if text not in ("0", "1", "true", "false", "yes", "no"):
        raise SettingsError(f"{name} must be 1 or 0, not {text!r}.")
    return text in ("1", "true", "yes")


def rates_url(env: Mapping[str, str]) -> str | None:
    """Raises SettingsError also where it is reached without TLS over a network: whoever stands in
    between would say what people are paid. The text may hold a password and is not repeated."""
    url = env.get("PAYVIOX_RATES_URL") or None
    if url is None:
        return None
    parts = _web_address(url.partition("?")[0])
    if parts is None or (parts.scheme != "https" and parts.hostname not in HERE):
        raise SettingsError(
            "PAYVIOX_RATES_URL must be a whole https address: that of the European Central Bank's"
            " eurofxref-daily.xml, or of a service that answers as docs/rates.md says. On this"
            " machine http will do."
        )
    return url


def smtp_url(env: Mapping[str, str]) -> str | None:
    """The text may hold a password and is not repeated."""
    url = env.get("PAYVIOX_SMTP_URL") or None
    if url is None:
        return None
    try:
        smtp_server.parse(url)
    except ValueError as error:
        raise SettingsError(
            "PAYVIOX_SMTP_URL names no mail server. Write it as smtp://user:password@host:587"
            " (STARTTLS) or smtps://user:password@host:465; smtp://host:25?tls=no goes without."
        ) from error
    if not env.get("PAYVIOX_MAIL_FROM"):
        raise SettingsError("PAYVIOX_SMTP_URL needs PAYVIOX_MAIL_FROM, the sender of the mails.")
    return url


def mail_from(env: Mapping[str, str]) -> str | None:
    text = env.get("PAYVIOX_MAIL_FROM") or None
    try:
        if text is not None:
            smtp_server.parse_sender(text)
    except ValueError as error:
        raise SettingsError(
            "PAYVIOX_MAIL_FROM must be an address such as Acme Payouts <payouts@example.com>, not"
            f" {text!r}."
        ) from error
    return text


def mail_return_path(env: Mapping[str, str]) -> str | None:
    text = env.get("PAYVIOX_MAIL_RETURN_PATH") or None
    try:
        is_bare = text is None or smtp_server.parse_sender(text).addr_spec == text
    except ValueError:
        is_bare = False
    if not is_bare:
        raise SettingsError(
            "PAYVIOX_MAIL_RETURN_PATH must be the bare address of a mailbox to which mails return,"
            f" such as bounces@example.com, not {text!r}."
        )
    return text


def networks(env: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks, separated by commas."""
    networks = []
    for text in filter(None, map(str.strip, (env.get(name) or "").split(","))):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise SettingsError(
                f"{name} must be addresses and networks separated by commas, such as"
                f" 10.0.0.7,192.168.1.0/24,2001:db8::/48; {text!r} is none."
            ) from error
    return tuple(networks)


def log_level(env: Mapping[str, str]) -> str:
    level = (env.get("PAYVIOX_LOG_LEVEL") or "info").lower()
    if level not in LOG_LEVELS:
        raise SettingsError(
            f"PAYVIOX_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {level!r}."
        )
    return level
