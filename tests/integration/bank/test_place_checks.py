"""A check of an account says whether files could be handed over, at a real SFTP server."""

import socket
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from payviox.bank.releasing import check
from payviox.rails.bank.terms import Sftp
from support.banking import Banking
from support.businesses import TestBusiness
from support.sftp import HERE, secrets

pytestmark = pytest.mark.anyio

Keys = tuple[asyncssh.SSHKey, asyncssh.SSHKey]


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business, release="folder")


async def at_sftp(
    bank: Banking, sftp: Sftp, key: asyncssh.SSHKey, **other: object
) -> list[tuple[str, str]]:
    """What a check of an account at this server finds: subject and what is wrong, or is there."""
    settings = {"release": "sftp", "sftp_reports": "/in"}
    settings |= {f"sftp_{name}": str(getattr(sftp, name)) for name in ("host", "port", "user")}
    settings |= {"sftp_folder": sftp.folder, "sftp_host_key": sftp.host_key, **other}
    stored = await bank.account()
    account = replace(stored, settings={**stored.settings, **settings}, credentials=secrets(key))
    found = await check.check(account, None, HERE)
    return [(each.subject, str(each.problem or each.detail)) for each in found]


async def test_a_check_connects_and_lists_both_folders_and_leaves_nothing_there(
    bank: Banking, sftp: Sftp, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "in" / "report.xml").write_bytes(b"<x/>")
    place = f"acme@127.0.0.1:{sftp.port} /in"
    assert await at_sftp(bank, sftp, keys[1]) == [
        ("files", f"{place}: 1 file lies there"),
        ("reports", f"{place}: 1 file lies there"),
    ]
    assert [each.name for each in (tmp_path / "in").iterdir()] == ["report.xml"]


async def test_a_check_says_what_is_wrong_and_which_key_the_server_shows(
    bank: Banking, sftp: Sftp, keys: Keys
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    pinned = {"sftp_host_key": other.export_public_key().decode().strip()}
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    of_another_kind = {"sftp_host_key": rsa.export_public_key().decode().strip()}
    for changed in (pinned, of_another_kind):
        [(subject, said)] = await at_sftp(bank, sftp, keys[1], **changed)
        assert subject == "sftp"
        assert "another host key" in said
        assert f"ssh-ed25519 {keys[0].get_fingerprint()}" in said
    [(_, said)] = await at_sftp(bank, sftp, other)
    assert "refuses the user" in said
    [(_, said)] = await at_sftp(bank, sftp, keys[1], sftp_port="1")
    assert said.startswith("The SFTP server:")
    (_, said), (reports, _) = await at_sftp(bank, sftp, keys[1], sftp_folder="/nowhere")
    assert "/nowhere: The SFTP server: No such file" in said
    assert reports == "reports", "the other folder is looked at all the same"


async def test_a_server_that_says_nothing_ends_a_check_in_time(
    bank: Banking,
    sftp: Sftp,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "CHECK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        found = await at_sftp(bank, sftp, keys[1], sftp_port=port)
    assert found == [("sftp", "No answer within 0 seconds.")]


async def test_a_check_of_a_folder_says_that_the_installation_has_none(bank: Banking) -> None:
    [finding] = await check.check(await bank.account(), None, ())
    assert "PAYVIOX_BANK_FOLDER" in str(finding.problem)
