"""What the environment says: the only module that reads it, each value by setting_values.py. Every
setting is documented in docs/operating.md; nothing here opens a file but `.env` and the kept secret
key."""

import os
import secrets
import shlex
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network
from itertools import takewhile
from pathlib import Path

from dotenv import dotenv_values

from payviox import setting_values
from payviox.errors import SettingsError

HOW_TO_MAKE_A_KEY = (
    "Make one with:  python3 -c 'import secrets; print(secrets.token_urlsafe(48))'  "
    "and keep a copy away from the database: what is encrypted with it is lost without it."
)

SHORTEST_KEY = 32
"""Characters."""


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
    return setting_values.log_level(_environment())


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
    port = setting_values.integer(env, "PAYVIOX_PORT", 8000)
    if not 1 <= port <= 65_535:
        raise SettingsError(f"PAYVIOX_PORT must be between 1 and 65535, not {port}.")
    return Settings(
        home=home,
        database_url=database_url,
        migration_url=setting_values.postgresql(env, "PAYVIOX_MIGRATION_URL"),
        host=host,
        port=port,
        public_url=setting_values.public_url(
            env.get("PAYVIOX_PUBLIC_URL") or f"http://{setting_values.shown(host)}:{port}"
        ),
        secret_key=secret_key,
        previous_secret_keys=setting_values.previous_keys(
            env.get("PAYVIOX_PREVIOUS_SECRET_KEYS") or ""
        ),
        allow_private_webhooks=setting_values.switch(env, "PAYVIOX_ALLOW_PRIVATE_WEBHOOKS"),
        # Secrets from files often end in a line end, which no header can hold.
        metrics_token=(env.get("PAYVIOX_METRICS_TOKEN") or "").strip() or None,
        require_second_factor=setting_values.switch(env, "PAYVIOX_REQUIRE_SECOND_FACTOR"),
        oidc_issuer=setting_values.oidc_issuer(env),
        oidc_client_id=env.get("PAYVIOX_OIDC_CLIENT_ID") or "",
        oidc_client_secret=(env.get("PAYVIOX_OIDC_CLIENT_SECRET") or "").rstrip("\r\n"),
        oidc_name=env.get("PAYVIOX_OIDC_NAME") or "OpenID",
        log_level=setting_values.log_level(env),
        otlp_endpoint=setting_values.otlp_endpoint(env),
        allocation_queue=setting_values.integer(env, "PAYVIOX_ALLOCATION_QUEUE", 10_000),
        web_processes=setting_values.web_processes(env),
        trusted_proxies=setting_values.networks(env, "PAYVIOX_TRUSTED_PROXIES"),
        smtp_url=setting_values.smtp_url(env),
        mail_from=setting_values.mail_from(env),
        mail_return_path=setting_values.mail_return_path(env),
        rates_url=setting_values.rates_url(env),
        bank_folder=setting_values.bank_folder(env),
        sftp_networks=setting_values.networks(env, "PAYVIOX_SFTP_NETWORKS"),
        keep_requests_days=setting_values.days(env, "PAYVIOX_KEEP_REQUESTS_DAYS", 30),
        keep_delivery_attempts_days=setting_values.days(
            env, "PAYVIOX_KEEP_DELIVERY_ATTEMPTS_DAYS", 90
        ),
        keep_mails_days=setting_values.days(env, "PAYVIOX_KEEP_MAILS_DAYS", 90),
        keep_callbacks_days=setting_values.days(env, "PAYVIOX_KEEP_CALLBACKS_DAYS", 400),
        keep_reconciliations_days=setting_values.days(
            env, "PAYVIOX_KEEP_RECONCILIATIONS_DAYS", 400
        ),
    )


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
    return setting_values.postgresql(env, "PAYVIOX_DATABASE_URL") or setting_values.postgresql(
        env, "PAYVIOX_MIGRATION_URL"
    )


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
