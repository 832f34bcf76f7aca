"""Where rails send callbacks: an address that nobody outside can reach is said so."""

import pathlib
from datetime import UTC, datetime
from typing import Any

import pytest

from payviox import settings
from payviox.errors import SettingsError
from payviox.ids import new
from payviox.rail_accounts import callbacks
from payviox.rail_accounts.model import RailAccount, RailName


def _account(rail: RailName = "paypal", **more: Any) -> RailAccount:
    now = datetime.now(UTC)
    return RailAccount(
        new(),
        rail,
        "sandbox",
        True,
        None,
        None,
        None,
        "sender",
        0,
        0,
        None,
        more,
        b"",
        "k",
        now,
        now,
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8000",
        "https://127.9.9.9",
        "https://[::1]:8000",
        "https://localhost",
        "https://10.1.2.3",
        "https://192.168.0.7/payviox",
        "https://169.254.1.1",
        "https://payviox",
        "https://payviox.local",
        "http://payouts.example.com",
    ],
)
def test_an_address_that_no_vendor_can_call_is_a_warning(address: str) -> None:
    finding = callbacks.reachable(address, _account())
    assert finding is not None
    assert finding.harmless
    assert "PAYVIOX_PUBLIC_URL" in str(finding.problem)


def test_an_address_that_everybody_can_call_is_none() -> None:
    assert callbacks.reachable("https://payouts.example.com", _account()) is None
    assert callbacks.reachable("https://203.0.114.9:8443/payviox", _account()) is None


def test_a_simulator_on_this_machine_and_a_chain_call_whatever_this_machine_does() -> None:
    local = "http://127.0.0.1:8000"
    assert callbacks.reachable(local, _account(base_url="http://127.0.0.1:9088")) is None
    assert callbacks.reachable(local, _account("evm")) is None


@pytest.mark.parametrize(
    "text",
    [
        "foo",
        "payouts.example.com",
        "ftp://payouts.example.com",
        "https://",
        "https://user:pw@payouts.example.com",
        "https://payouts.example.com?x=1",
        "https://payouts.example.com#x",
        "https://payouts.example.com:0",
        "https://payouts.example.com:99999",
        "https://pay outs.example.com",
        "https://[::1",
    ],
)
def test_a_public_address_that_is_none_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYVIOX_HOME", str(tmp_path))
    monkeypatch.setenv("PAYVIOX_PUBLIC_URL", text)
    with pytest.raises(SettingsError, match="PAYVIOX_PUBLIC_URL") as raised:
        settings.load()
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize("text", ["https://payouts.example.com/", "http://[::1]:8000"])
def test_a_public_address_is_taken_without_its_last_slash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYVIOX_HOME", str(tmp_path))
    monkeypatch.setenv("PAYVIOX_PUBLIC_URL", text)
    assert settings.load().public_url == text.rstrip("/")
