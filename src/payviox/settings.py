"""What the environment says: the only module that reads it. Every setting is documented in
docs/operating.md; nothing here opens a file but `.env` and the kept secret key."""

import ipaddress
import json
import os
import re
import secrets
import shlex
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network
from itertools import takewhile
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from dotenv import dotenv_values

from payviox import smtp_server
from payviox.errors import SettingsError

HOW_TO_MAKE_A_KEY = (
    "Make one with:  python3 -c 'import secrets; print(secrets.token_urlsafe(48))'  "
    "and keep a copy away from the database: what is encrypted with it is lost without it."
)

SHORTEST_KEY = 32
"""Characters."""

MOST_DAYS = 36_500
"""The longest that anything is kept which is not kept for good."""

PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,260}(/[A-Za-z0-9._~%/-]{0,240})?", re.ASCII)

HERE = ("localhost", "127.0.0.1", "::1")
"""Hosts that are reached without a network."""

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation's settings.

    `database_url` None means the embedded PostgreSQL under `home`. `secret_key` and
    `previous_secret_keys` are hidden from the repr so that no log can show them.
    """

    home: Path
    database_url: str | None = field(default=None, repr=False)
    migration_url: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = "http://127.0.0.1:8000"
    secret_key: str = field(default="", repr=False)
    previous_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    allow_private_webhooks: bool = False
    metrics_token: str | None = field(default=None, repr=False)
    require_second_factor: bool = False
    """Whether operators without one are led to set one up before they see any business."""
    oidc_issuer: str | None = None
    """Where operators may sign in besides, by OpenID Connect; None offers nothing of the kind."""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_name: str = "OpenID"
    """What people call it: the button says *Sign in with …*."""
    log_level: str = "info"
    otlp_endpoint: str | None = field(default=None, repr=False)
    """The collector that traces are sent to; None where nothing is traced."""
    allocation_queue: int = 10_000
    """Allocations that may wait in one process before callers are told 429."""
    web_processes: int | None = None
    """Web processes that share the port; None where nobody says."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose word on where a request comes from is believed."""
    smtp_url: str | None = field(default=None, repr=False)
    """The mail server; None where the installation sends no mail."""
    mail_from: str | None = None
    mail_return_path: str | None = None
    """Where mails return that cannot be delivered; None where they return to their sender."""
    rates_url: str | None = None
    """Where exchange rates are fetched; None where nobody fetches any."""
    bank_folder: Path | None = None
    """Where files for banks are put, and reports are found; None where no business may use one."""
    sftp_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of this installation's own in which banks' SFTP servers may stand."""
    keep_requests_days: int = 30
    """How long what businesses asked of the API is kept. Of what each kind of row is, and what is
    kept for good, docs/operating.md has a table."""
    keep_delivery_attempts_days: int = 90
    keep_mails_days: int = 90
    keep_callbacks_days: int = 400
    keep_reconciliations_days: int = 400

    @property
    def embedded(self) -> bool:
        return self.database_url is None


def embedded_home() -> Path | None:
    """The folder of an embedded installation, whether it is there or not; None where an external
    database is set."""
    env = _environment()
    return None if _database_url(env) else _home(env)


def log_level() -> str:
    """What a command logs from. Raises SettingsError."""
    return _log_level(_environment())


def load() -> Settings:
    """Read the environment and `.env` (the environment wins).

    Raises SettingsError, whose message says what to do.
    """
    env = _environment()
    home = _home(env)
    database_url = _database_url(env)
    secret_key = env.get("PAYVIOX_SECRET_KEY") or ""
    if secret_key and len(secret_key) < SHORTEST_KEY:
        raise SettingsError(f"PAYVIOX_SECRET_KEY is too short to be safe. {HOW_TO_MAKE_A_KEY}")
    if not secret_key:
        if database_url is not None:
            raise SettingsError(
                "PAYVIOX_SECRET_KEY is required with an external database. " + HOW_TO_MAKE_A_KEY
            )
        secret_key = _kept_secret_key(home)
    host = env.get("PAYVIOX_HOST") or "127.0.0.1"
    port = _integer(env, "PAYVIOX_PORT", 8000)
    if not 1 <= port <= 65_535:
        raise SettingsError(f"PAYVIOX_PORT must be between 1 and 65535, not {port}.")
    return Settings(
        home=home,
        database_url=database_url,
        migration_url=_postgresql(env, "PAYVIOX_MIGRATION_URL"),
        host=host,
        port=port,
        public_url=_public_url(env.get("PAYVIOX_PUBLIC_URL") or f"http://{_shown(host)}:{port}"),
        secret_key=secret_key,
        previous_secret_keys=_previous_keys(env.get("PAYVIOX_PREVIOUS_SECRET_KEYS") or ""),
        allow_private_webhooks=_switch(env, "PAYVIOX_ALLOW_PRIVATE_WEBHOOKS"),
        metrics_token=env.get("PAYVIOX_METRICS_TOKEN") or None,
        require_second_factor=_switch(env, "PAYVIOX_REQUIRE_SECOND_FACTOR"),
        oidc_issuer=_oidc_issuer(env),
        oidc_client_id=env.get("PAYVIOX_OIDC_CLIENT_ID") or "",
        oidc_client_secret=env.get("PAYVIOX_OIDC_CLIENT_SECRET") or "",
        oidc_name=env.get("PAYVIOX_OIDC_NAME") or "OpenID",
        log_level=_log_level(env),
        otlp_endpoint=_otlp_endpoint(env),
        allocation_queue=_integer(env, "PAYVIOX_ALLOCATION_QUEUE", 10_000),
        web_processes=_web_processes(env),
        trusted_proxies=_networks(env, "PAYVIOX_TRUSTED_PROXIES"),
        smtp_url=_smtp_url(env),
        mail_from=_mail_from(env),
        mail_return_path=_mail_return_path(env),
        rates_url=_rates_url(env),
        bank_folder=_bank_folder(env),
        sftp_networks=_networks(env, "PAYVIOX_SFTP_NETWORKS"),
        keep_requests_days=_days(env, "PAYVIOX_KEEP_REQUESTS_DAYS", 30),
        keep_delivery_attempts_days=_days(env, "PAYVIOX_KEEP_DELIVERY_ATTEMPTS_DAYS", 90),
        keep_mails_days=_days(env, "PAYVIOX_KEEP_MAILS_DAYS", 90),
        keep_callbacks_days=_days(env, "PAYVIOX_KEEP_CALLBACKS_DAYS", 400),
        keep_reconciliations_days=_days(env, "PAYVIOX_KEEP_RECONCILIATIONS_DAYS", 400),
    )


def _web_address(text: str) -> SplitResult | None:
    """The parts of an http or https address without query or fragment; None where it is none."""
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    extra = bool(parts.query or parts.fragment)
    return parts if whole and not extra and parts.scheme in ("http", "https") else None


def _public_url(text: str) -> str:
    """An address that vendors and people can open, without a slash at its end. Raises
    SettingsError; the text may hold a password and is not repeated."""
    parts = _web_address(text)
    if parts is None or "@" in parts.netloc or not PUBLIC_URL.fullmatch(text):
        raise SettingsError(
            "PAYVIOX_PUBLIC_URL must be the address by which this installation is reached from"
            " outside, such as https://payouts.example.com, without user, query or fragment."
        )
    return text.rstrip("/")


def _oidc_issuer(env: dict[str, str]) -> str | None:
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
        if not env.get(name):
            raise SettingsError(f"{name} is needed with PAYVIOX_OIDC_ISSUER.")
    return issuer


def _otlp_endpoint(env: dict[str, str]) -> str | None:
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


def _previous_keys(text: str) -> tuple[str, ...]:
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


def _shown(host: str) -> str:
    """The host of an address that this machine itself can open."""
    name = host.removeprefix("[").removesuffix("]")
    name = "127.0.0.1" if name in ("0.0.0.0", "::") else name  # noqa: S104  # compared, not bound
    return f"[{name}]" if ":" in name else name


def _environment() -> dict[str, str]:
    """Raises SettingsError where a name is surely meant for another."""
    file = dotenv_values(".env", interpolate=False)
    env = {k: v for k, v in file.items() if v is not None} | dict(os.environ)
    known = {f"PAYVIOX_{each.name.upper()}" for each in fields(Settings)}
    for name in sorted(env.keys() - known):
        near = [other for other in sorted(known) if _is_near(name, other)]
        if name.startswith("PAYVIOX_") and near:
            raise SettingsError(f"{name} is no setting of Payviox. Is {near[0]} meant?")
    return env


def _is_near(name: str, other: str) -> bool:
    """Whether one letter too many, too few, wrong or in its neighbour's place tells them apart."""
    if abs(len(name) - len(other)) > 1:
        return False
    same = takewhile(lambda pair: pair[0] == pair[1], zip(name, other, strict=False))
    start = len(list(same))
    a, b = name[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[1::-1] + a[2:]) == b


def _home(env: dict[str, str]) -> Path:
    return Path(env.get("PAYVIOX_HOME") or "~/.payviox").expanduser().absolute()


def _database_url(env: dict[str, str]) -> str | None:
    return _postgresql(env, "PAYVIOX_DATABASE_URL") or _postgresql(env, "PAYVIOX_MIGRATION_URL")


def _postgresql(env: dict[str, str], name: str) -> str | None:
    """A URL, or libpq's `host=… dbname=…`. What is refused is not shown: it may hold a password."""
    text = env.get(name) or None
    scheme, is_url, _ = (text or "").partition("://")
    if text and (scheme not in ("postgresql", "postgres") if is_url else "=" not in text):
        raise SettingsError(
            f"{name} names no PostgreSQL. Write it as postgresql://user:password@host/database."
        )
    return text


def _integer(env: dict[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit():
        raise SettingsError(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def _days(env: dict[str, str], name: str, default: int) -> int:
    days = _integer(env, name, default)
    if not 1 <= days <= MOST_DAYS:
        raise SettingsError(f"{name} must be between 1 and {MOST_DAYS} days, not {days}.")
    return days


def _web_processes(env: dict[str, str]) -> int | None:
    name = "PAYVIOX_WEB_PROCESSES"
    if not env.get(name):
        return None
    number = _integer(env, name, 1)
    if number < 1:
        raise SettingsError(f"{name} must be 1 or more, not {number}.")
    return number


def _bank_folder(env: dict[str, str]) -> Path | None:
    text = env.get("PAYVIOX_BANK_FOLDER") or None
    if text is None:
        return None
    folder = Path(text).expanduser()
    if not folder.is_absolute():
        raise SettingsError(f"PAYVIOX_BANK_FOLDER must be a whole path, not {text!r}.")
    return folder


def _switch(env: dict[str, str], name: str) -> bool:
    text = (env.get(name) or "0").lower()
    if text not in ("0", "1", "true", "false", "yes", "no"):
        raise SettingsError(f"{name} must be 1 or 0, not {text!r}.")
    return text in ("1", "true", "yes")


def _rates_url(env: dict[str, str]) -> str | None:
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


def _smtp_url(env: dict[str, str]) -> str | None:
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


def _mail_from(env: dict[str, str]) -> str | None:
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


def _mail_return_path(env: dict[str, str]) -> str | None:
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


def _networks(env: dict[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
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


def _log_level(env: dict[str, str]) -> str:
    level = (env.get("PAYVIOX_LOG_LEVEL") or "info").lower()
    if level not in LOG_LEVELS:
        raise SettingsError(
            f"PAYVIOX_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {level!r}."
        )
    return level


def _kept_secret_key(home: Path) -> str:
    """The embedded installation's own key, made on first use, readable by its owner alone."""
    path = home / "secret_key"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_others(home)
        # Written whole under another name and linked: two commands starting at once keep one key.
        draft = home / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        if not path.exists():
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(48) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        _refuse_others(path)
        readable = path.stat().st_mode & 0o077
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The secret key under {home} cannot be kept: {error}.") from error
    if readable:
        raise SettingsError(
            f"The secret key in {path} is open to other users of this machine. Close it with:  "
            f"chmod 600 {shlex.quote(str(path))}"
        )
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"The secret key in {path} is empty or cut off. Put its copy back there; where nothing "
            "was ever kept under it, remove the file and a new one is made."
        )
    return key


def _refuse_others(path: Path) -> None:
    """Refuse what another user made, who could have put a key of theirs there. Raises
    SettingsError."""
    owner = path.stat().st_uid
    if owner not in (0, os.geteuid()):
        raise SettingsError(
            f"{path} belongs to user id {owner} and you are {os.geteuid()}: what another user made"
            " is not trusted. Run Payviox as that user, or choose another folder with PAYVIOX_HOME."
        )
