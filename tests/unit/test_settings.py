"""What the environment and the kept key file say, and what is refused."""

import os
from pathlib import Path

import pytest

from payviox import settings
from payviox.errors import SettingsError
from payviox.keyring import flaw


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without other settings, in a working folder of its own."""
    for name in [name for name in os.environ if name.startswith("PAYVIOX_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYVIOX_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def keep(home: Path, text: str, mode: int = 0o600) -> Path:
    home.mkdir()
    path = home / "secret_key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_secret_key_is_made_once_and_kept_for_its_owner_alone(home: Path) -> None:
    made = settings.load().secret_key
    assert settings.load().secret_key == made
    assert len(made) >= settings.SHORTEST_KEY
    assert (home / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "\n", "short", "x" * 31])
def test_a_kept_key_that_is_empty_or_short_is_refused_and_left_as_it_is(
    home: Path, text: str
) -> None:
    path = keep(home, text)
    with pytest.raises(SettingsError, match=f"{path} is empty or cut off"):
        settings.load()
    assert path.read_text() == text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o622])
def test_a_kept_key_that_others_may_open_is_refused_with_the_command_that_mends_it(
    home: Path, mode: int
) -> None:
    path = keep(home, "k" * 48, mode)
    with pytest.raises(SettingsError, match=f"chmod 600 {path}") as refused:
        settings.load()
    assert "k" * 8 not in str(refused.value)
    path.chmod(0o600)
    assert settings.load().secret_key == "k" * 48


def test_a_short_key_of_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYVIOX_SECRET_KEY", "x" * 31)
    with pytest.raises(SettingsError, match="too short") as refused:
        settings.load()
    assert "x" * 31 not in str(refused.value)


def test_a_dollar_sign_in_the_env_file_is_a_dollar_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "value")
    key = "p$$w${NAME}ord$NAME-" * 3
    (tmp_path / ".env").write_text(f"PAYVIOX_SECRET_KEY={key}\n")
    assert settings.load().secret_key == key


def test_previous_keys_are_separated_by_commas_or_an_array_of_them_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAYVIOX_PREVIOUS_SECRET_KEYS", " one , two,")
    assert settings.load().previous_secret_keys == ("one", "two")
    monkeypatch.setenv("PAYVIOX_PREVIOUS_SECRET_KEYS", r'["a,b", " ends in a line end\n"]')
    assert settings.load().previous_secret_keys == ("a,b", " ends in a line end\n")
    for wrong in ("[", '["a", 1]', '[{"a": 1}]'):
        monkeypatch.setenv("PAYVIOX_PREVIOUS_SECRET_KEYS", wrong)
        with pytest.raises(SettingsError, match="no JSON array"):
            settings.load()


@pytest.mark.parametrize("name", ["home", "home/secret_key"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_made_is_not_trusted(home: Path, name: str) -> None:
    keep(home, "k" * 48)
    os.chown(home.parent / name, 12_345, 12_345)
    with pytest.raises(SettingsError, match="belongs to user id 12345"):
        settings.load()


@pytest.mark.parametrize(
    "key",
    ["k" * 40 + ",x", "k" * 40 + "\n", " " + "k" * 40, "[" + "k" * 40, "k\u00a0k" * 20],
)
def test_a_key_that_would_not_be_the_same_everywhere_is_found(key: str) -> None:
    assert flaw(key) is not None
    assert flaw("a passphrase may have blanks within") is None
    assert flaw("Zq7-pW2_9Lm4.Rt8+Yv3/Bn6=Kd1") is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PAYVIOX_HOM", "PAYVIOX_HOME"),
        ("PAYVIOX_HOMES", "PAYVIOX_HOME"),
        ("PAYVIOX_DATABSE_URL", "PAYVIOX_DATABASE_URL"),
        ("PAYVIOX_DATABAES_URL", "PAYVIOX_DATABASE_URL"),
        ("PAYVIOX_PREVIOUS_SECRET_KEY", "PAYVIOX_PREVIOUS_SECRET_KEYS"),
        ("PAYVIOX_SECRETKEY", "PAYVIOX_SECRET_KEY"),
    ],
)
def test_a_mistyped_name_is_refused_with_the_one_that_is_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "x" * 40)
    for read in (settings.load, settings.embedded_home):
        with pytest.raises(SettingsError, match=rf"^{name} is no setting of Payviox. Is {meant} "):
            read()


def test_names_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PAYVIOX_WEBHOOK_TOKEN",
        "PAYVIOX_TEST_DATABASE_URL",
        "PAYVIOX_KEY",
        "XAYVIOX_HOME",
    ):
        monkeypatch.setenv(name, "anything")
    settings.load()


@pytest.mark.parametrize("name", ["PAYVIOX_DATABASE_URL", "PAYVIOX_MIGRATION_URL"])
@pytest.mark.parametrize("url", ["mysql://me:secret@db/x", "db.example.com", "https://db/x", "://"])
def test_what_names_no_postgresql_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    monkeypatch.setenv("PAYVIOX_SECRET_KEY", "x" * 40)
    with pytest.raises(SettingsError, match=f"^{name} names no PostgreSQL") as refused:
        settings.load()
    assert "secret@" not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://me@db/x", "postgres://db/x", "host=db dbname=x"])
def test_every_way_to_name_a_postgresql_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PAYVIOX_DATABASE_URL", url)
    monkeypatch.setenv("PAYVIOX_SECRET_KEY", "x" * 40)
    assert settings.load().database_url == url


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().trusted_proxies == ()
    monkeypatch.setenv("PAYVIOX_TRUSTED_PROXIES", " 10.0.0.7, 192.168.0.0/16,,2001:db8::/48")
    networks = [str(network) for network in settings.load().trusted_proxies]
    assert networks == ["10.0.0.7/32", "192.168.0.0/16", "2001:db8::/48"]
    for wrong in ("proxy.example.com", "10.0.0.1/8", "10.0.0", "*"):
        monkeypatch.setenv("PAYVIOX_TRUSTED_PROXIES", wrong)
        with pytest.raises(SettingsError, match="separated by commas"):
            settings.load()


def test_a_collector_is_named_by_our_setting_or_by_opentelemetrys_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.load().otlp_endpoint is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    assert settings.load().otlp_endpoint == "http://collector:4318"
    monkeypatch.setenv("PAYVIOX_OTLP_ENDPOINT", "https://me:secret@collector.example.com/otlp")
    loaded = settings.load()
    assert loaded.otlp_endpoint == "https://me:secret@collector.example.com/otlp"
    assert "secret@" not in repr(loaded)


@pytest.mark.parametrize("name", ["PAYVIOX_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
@pytest.mark.parametrize(
    "value", ["collector:4317", "grpc://secret@collector", "http://", "http://["]
)
def test_what_is_no_address_of_a_collector_is_refused_and_not_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as refused:
        settings.load()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml",
        "https://rates.example.com/eur?key=secret",
        "http://127.0.0.1:8123/eur",
    ],
)
def test_rates_are_fetched_by_https_or_from_this_machine(
    home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PAYVIOX_RATES_URL", url)
    assert settings.load().rates_url == url


@pytest.mark.parametrize(
    "url", ["http://rates.example.com/secret", "rates.example.com", "ftp://127.0.0.1/secret"]
)
def test_rates_are_not_fetched_in_the_clear(
    home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PAYVIOX_RATES_URL", url)
    with pytest.raises(SettingsError, match="PAYVIOX_RATES_URL") as refused:
        settings.load()
    assert "secret" not in str(refused.value)


OIDC = {
    "PAYVIOX_OIDC_ISSUER": "https://accounts.example.com",
    "PAYVIOX_OIDC_CLIENT_ID": "payviox",
    "PAYVIOX_OIDC_CLIENT_SECRET": "a secret of the provider",
}


def test_a_provider_is_taken_as_it_calls_itself_and_its_secret_is_in_no_log(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.load().oidc_issuer is None
    for name, value in OIDC.items():
        monkeypatch.setenv(name, value)
    loaded = settings.load()
    assert (loaded.oidc_issuer, loaded.oidc_name) == ("https://accounts.example.com", "OpenID")
    assert OIDC["PAYVIOX_OIDC_CLIENT_SECRET"] not in repr(loaded)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYVIOX_OIDC_ISSUER", "http://accounts.example.com"),
        ("PAYVIOX_OIDC_ISSUER", "accounts.example.com"),
        ("PAYVIOX_OIDC_ISSUER", "https://somebody:secret@accounts.example.com"),
        ("PAYVIOX_OIDC_ISSUER", "https://accounts.example.com?x=y"),
        ("PAYVIOX_OIDC_ISSUER", "https://["),
        ("PAYVIOX_OIDC_CLIENT_ID", ""),
        ("PAYVIOX_OIDC_CLIENT_SECRET", ""),
    ],
)
def test_a_provider_that_is_half_set_up_or_reached_in_the_clear_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for each, text in (OIDC | {name: value}).items():
        monkeypatch.setenv(each, text)
    with pytest.raises(SettingsError, match=name):
        settings.load()


def test_a_line_end_is_no_part_of_a_token_or_a_providers_secret(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in OIDC.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAYVIOX_METRICS_TOKEN", "a token\n")
    monkeypatch.setenv("PAYVIOX_OIDC_CLIENT_SECRET", "a secret\r\n")
    loaded = settings.load()
    assert (loaded.metrics_token, loaded.oidc_client_secret) == ("a token", "a secret")
    monkeypatch.setenv("PAYVIOX_METRICS_TOKEN", "\n")
    assert settings.load().metrics_token is None
    monkeypatch.setenv("PAYVIOX_OIDC_CLIENT_SECRET", "\n")
    with pytest.raises(SettingsError, match="PAYVIOX_OIDC_CLIENT_SECRET is needed"):
        settings.load()
