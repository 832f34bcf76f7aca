"""What a person at a terminal sees and is asked, and is told where something is missing."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.installation import PAYVIOX, Installation
from support.machine import stretch


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, made_home: Path
) -> Iterator[Installation]:
    """One that is served for the whole file."""
    made = Installation.copied(made_home, tmp_path_factory.mktemp("terminal") / "home")
    with made.served():
        yield made


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Any:
    """A test business that can pay out 10,000 cents."""
    made = installation.told("business", "create", "Acme")["test"]
    installation.done("business", "deposit", made["business_id"], "10000", "-r", "first")
    installation.done("business", "fund", made["business_id"], "10000")
    installation.done("business", "enable-payouts", made["business_id"])
    installation.done("webhook", "set", made["business_id"], "--url", "https://hooks.invalid/")
    return made


def pay(installation: Installation, acme: Any, email: str, amount: int) -> None:
    answer = httpx.post(
        f"{installation.url}/payout/create",
        headers={"Authorization": f"Bearer {acme['secret_key']}"},
        json={"email": email, "amount": amount},
    )
    assert answer.status_code == 201, answer.text


def on_a_terminal(installation: Installation, *arguments: str, given: str = "") -> str:
    """What a command prints on a terminal of 80 columns."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [PAYVIOX, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=installation.environment,
        cwd=installation.home.parent,
    )
    os.close(terminal)
    os.write(master, given.encode())
    said = b""
    with contextlib.suppress(OSError):  # Linux's answer once the command has closed its terminal
        while more := os.read(master, 2**16):
            said += more
    os.close(master)
    process.wait(stretch(30))
    return said.decode().replace("\r\n", "\n")


def test_ids_are_printed_whole_on_a_narrow_terminal(installation: Installation, acme: Any) -> None:
    installation.done("webhook", "test", acme["business_id"])
    events = installation.told("webhook", "log", acme["business_id"])
    pay(installation, acme, "narrow@example.com", 100)
    users = installation.told("users", "list", acme["business_id"])
    lines = on_a_terminal(installation, "business", "list").splitlines()
    assert acme["business_id"] in lines
    assert max(map(len, lines)) <= 80
    lines = on_a_terminal(installation, "users", "list", acme["business_id"]).splitlines()
    assert {row["payout_user_id"] for row in users} <= set(lines)
    lines = on_a_terminal(installation, "webhook", "log", acme["business_id"]).splitlines()
    assert {row["event_id"] for row in events} <= set(lines)


def test_money_is_taken_back_on_a_terminal_only_after_a_yes(
    installation: Installation, acme: Any
) -> None:
    pay(installation, acme, "asked@example.com", 900)
    find = ("users", "list", acme["business_id"], "--email", "asked@example.com")
    user_id = installation.told(*find)[0]["payout_user_id"]
    said = on_a_terminal(installation, "users", "revoke", user_id, "400", given="n\n")
    assert "$4.00 are taken from the payout user. Go on?" in said
    assert installation.told(*find)[0]["balance"] == 900
    on_a_terminal(installation, "users", "revoke", user_id, "400", given="y\n")
    assert installation.told(*find)[0]["balance"] == 500


def test_a_private_webhook_is_refused_with_the_switch_for_development_named(
    installation: Installation, acme: Any
) -> None:
    strict = Installation(installation.home)
    command = ("webhook", "set", acme["business_id"], "--url")
    said = strict.refused(*command, "http://127.0.0.1:9000/hook")
    assert "PAYVIOX_ALLOW_PRIVATE_WEBHOOKS=1" in said
    assert "development only" in said
    assert "PAYVIOX_ALLOW" not in strict.refused(*command, "gopher://127.0.0.1")


def test_a_command_on_a_folder_without_an_installation_says_so_and_makes_nothing(
    tmp_path: Path,
) -> None:
    nowhere = Installation(tmp_path / "none")
    for command in (
        ("business", "list"),
        ("ledger", "verify"),
        ("operator", "create", "--email", "a@example.com", "--password-stdin"),
        ("database", "dump", str(tmp_path / "dump")),
    ):
        said = nowhere.refused(*command, given="a long enough password\n", status=2)
        assert said == (
            f"Error: There is no installation in {nowhere.home}. Set PAYVIOX_HOME, or start one"
            " with `payviox serve`."
        )
    assert list(tmp_path.iterdir()) == []
