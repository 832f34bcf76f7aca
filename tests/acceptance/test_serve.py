"""`payviox serve` as a whole: started, stopped, killed in every part, never two on one folder."""

import concurrent.futures
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from payviox.db.embedded import embedded, processes
from payviox.db.embedded.layout import Layout
from payviox.web.processes import WebProcess
from support.installation import COMMAND_EVERY_S, Installation, Serving, until
from support.machine import stretch

SHARED = pytest.mark.xdist_group("one serve")
"""Tests of the one `serve` run where it runs."""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Nothing of it may be left after a test, however its `serve` ended."""
    made = Installation(tmp_path / "home")
    yield made
    assert until(lambda: not made.left(), within_s=15)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, made_home: Path) -> Iterator[Serving]:
    """One `serve` that survives what these tests do to it."""
    made = Installation.copied(made_home, tmp_path_factory.mktemp("serve") / "home")
    started = made.start()
    yield started
    assert started.stop(signal.SIGINT) < 10
    assert started.process.returncode == 0
    assert until(lambda: not made.left())


def funded(installation: Installation) -> Any:
    """A test business that can pay out 100,000 cents."""
    made = installation.told("business", "create", "Acme")["test"]
    installation.done("business", "deposit", made["business_id"], "100000", "-r", "first")
    installation.done("business", "fund", made["business_id"], "100000")
    installation.done("business", "enable-payouts", made["business_id"])
    return made


def pay(installation: Installation, business: Any, amount: int) -> httpx.Response | None:
    """The answer, or None where nobody was there to give one."""
    try:
        return httpx.post(
            f"{installation.url}/payout/create",
            headers={"Authorization": f"Bearer {business['secret_key']}"},
            json={"email": "ada@example.com", "amount": amount},
            timeout=stretch(30),
        )
    except httpx.TransportError:
        return None


def test_serve_stops_in_order_starts_again_as_it_was_leaves_nothing_and_notices_a_lost_secret_key(
    installation: Installation,
) -> None:
    serving = installation.start()
    business = funded(installation)
    assert serving.healthy()
    first = pay(installation, business, 2_500)
    assert first is not None
    assert first.status_code == 201
    with socket.create_connection(("127.0.0.1", installation.port)) as slow:
        slow.sendall(b"POST /payout/create HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        assert serving.stop() < 10
    assert serving.process.returncode == 0
    again = installation.start()
    second = pay(installation, business, 2_500)
    assert second is not None
    assert second.json() == first.json()
    *_, place = psutil.Process(again.child("web")).cmdline()
    counts = WebProcess.read(place).metrics
    assert counts is not None
    assert Path(counts).is_dir()
    again.kill()
    assert until(lambda: not installation.left(), within_s=12)
    assert not Path(counts).exists()
    (installation.home / "secret_key").unlink()
    said = installation.refused("serve", status=2)
    assert "was written with the secret key" in said
    assert "PAYVIOX_SECRET_KEY" in said


@SHARED
def test_web_and_worker_run_in_serves_own_process_group(serving: Serving) -> None:
    group = os.getpgid(serving.process.pid)
    assert os.getpgid(serving.child("web")) == group
    assert os.getpgid(serving.child("worker")) == group


@SHARED
def test_a_killed_web_process_is_started_again(serving: Serving) -> None:
    installation = serving.installation
    business = funded(installation)
    victim = serving.child("web")
    os.kill(victim, signal.SIGKILL)
    answer = until(lambda: pay(installation, business, 100))
    assert answer.status_code == 201
    assert serving.child("web") != victim


@SHARED
def test_a_killed_worker_is_started_again_and_sends_what_was_left(serving: Serving) -> None:
    installation = serving.installation
    business = funded(installation)
    paid = pay(installation, business, 5_000)
    assert paid is not None
    victim = serving.child("worker")
    os.kill(victim, signal.SIGSTOP)
    order = httpx.post(
        f"{installation.url}/payout/withdraw",
        headers={"X-Payout-Hash": paid.json()["hash"]},
        json={"provider": "paypal", "amount": 5_000, "paypal": {"email": "ada@example.com"}},
    )
    assert order.status_code == 201
    os.kill(victim, signal.SIGKILL)
    until(lambda: serving.child("worker") != victim)

    def status() -> str:
        return str(installation.told("order", "show", order.json()["id"])["status"])

    assert until(lambda: status() == "succeeded", within_s=60, every_s=COMMAND_EVERY_S)


@SHARED
def test_a_killed_database_comes_back_and_no_acknowledged_payment_is_lost(serving: Serving) -> None:
    installation = serving.installation
    business = funded(installation)
    layout = Layout(installation.home)
    secrets = layout.read_secrets()
    assert secrets is not None
    name = layout.cluster_name(secrets.name)
    with concurrent.futures.ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(pay, installation, business, 7) for _ in range(200)]
        until(lambda: sum(call.done() for call in calls) > 20)
        for pid, is_postmaster in processes.server_processes(name).items():
            if is_postmaster:
                os.kill(pid, signal.SIGKILL)
        answers = [call.result() for call in calls]
    acknowledged = sum(a is not None and a.status_code == 201 for a in answers)
    unknown = sum(a is None or a.status_code >= 500 for a in answers)
    assert acknowledged + unknown == len(answers)
    until(serving.healthy, within_s=30)
    balance = installation.told("business", "show", business["business_id"])["payout_balance"]
    paid = (100_000 - balance) // 7
    assert acknowledged <= paid <= acknowledged + unknown
    assert installation.told("ledger", "verify")["ok"] is True


@SHARED
def test_a_killed_keeper_is_replaced(serving: Serving) -> None:
    installation = serving.installation
    keeper = next(line for line in installation.left() if "embedded.keeper" in line)
    os.kill(int(keeper.split()[0]), signal.SIGKILL)
    until(
        lambda: any(
            "embedded.keeper" in line and line.split()[0] != keeper.split()[0]
            for line in installation.left()
        )
    )
    until(serving.healthy)


@SHARED
def test_a_second_serve_on_the_same_folder_is_refused(serving: Serving) -> None:
    installation = serving.installation
    other = Installation(installation.home)
    said = other.refused("serve")
    assert f"by process {serving.process.pid}" in said
    assert serving.healthy()


def test_a_port_in_use_is_said_before_anything_starts(installation: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        for command in ("serve", "web"):
            said = installation.refused(command, status=2)
            assert f"port {installation.port}" in said
            assert "PAYVIOX_PORT" in said


def test_web_and_worker_run_apart(installation: Installation) -> None:
    web = Serving(installation, ("web",))
    worker = Serving(installation, ("worker",))
    try:
        until(web.healthy, within_s=60)
        assert web.stop() < 10
        assert worker.stop() < 10
        assert (web.process.returncode, worker.process.returncode) == (0, 0)
    finally:
        for process in (web, worker):
            process.kill()


def test_the_demo_on_a_port_that_is_taken_says_so_and_starts_nothing(
    installation: Installation,
) -> None:
    with socket.create_server(("127.0.0.1", installation.port)):
        said = installation.refused("demo", status=2)
    assert f"Cannot listen on 127.0.0.1 port {installation.port}" in said
    assert not installation.left()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_the_demos_calls_and_commands_work_pasted_and_it_renews_what_was_changed_and_says_so(
    installation: Installation,
) -> None:
    demo = installation.start("demo")
    assert paste(first_curl(demo)) == "201"
    until(lambda: "webhook verified: payout.succeeded" in demo.output)
    until(lambda: "payout.returned" in demo.output)
    assert until(lambda: redemption_link_mailed_by(demo) in demo.output)
    business_id = installation.told("business", "list")[1]["business_id"]
    until(lambda: states(installation, business_id) == LASTING, every_s=COMMAND_EVERY_S)
    paste_commands(demo)
    assert demo.stop() < 10
    assert "REFUSED" not in demo.output
    assert "for the demo" not in demo.output
    kept = installation.home / "demo.json"
    assert kept.stat().st_mode & 0o777 == 0o600

    with embedded(installation.home):  # each command would start it anew
        change_everything(installation, business_id)
    again = installation.start("demo")
    for note in (
        "The webhook token was changed; a new one was made for the demo.",
        "Set back for the demo: its webhook's url, enabled.",
        "The hash of ada@example.com was changed; the present one is printed.",
        "The secret key was changed; a new one was made for the demo.",
        "The public key was changed; a new one was made for the demo.",
        "The payout balance was low: $100,000.00 of test money were deposited",
    ):
        assert again.output.count(note) == 1, note
    create, operations, withdraw, *_ = (
        line for line in again.output.splitlines() if line.startswith("curl")
    )
    assert paste(create) == "201"
    assert "ada@example.com" in shell(operations)
    assert '"status":"queued"' in shell(withdraw)
    until(lambda: "webhook verified: payout.succeeded $10.00" in again.output)
    until(lambda: states(installation, business_id) == LASTING, every_s=COMMAND_EVERY_S)
    assert "REFUSED" not in again.output.split("is ready at")[1]
    assert again.stop() < 10

    third = installation.start("demo")
    assert paste(first_curl(third)) == "201"
    assert states(installation, business_id) == LASTING
    assert len(installation.told("business", "list")) == 2
    assert third.stop() < 10
    for word in ("for the demo", "present one", "was low"):
        assert word not in third.output


def paste_commands(demo: Serving) -> None:
    """What the demo prints to be run in another terminal."""
    lines = demo.output.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("export "))
    assert "PAYVIOX_ALLOW_PRIVATE_WEBHOOKS=1" in lines[begin]
    url = demo.installation.url
    assert f"PAYVIOX_PUBLIC_URL={url} " in lines[begin], "callbacks come to its port"
    assert f"PAYVIOX_URL={url} " in lines[begin], "the guides' examples find it"
    pasted = "\n".join(["set -e", *lines[begin : lines.index("", begin)]])
    said = shell(pasted, {"PATH": "/usr/bin:/bin"})
    assert "order_id\tstatus" in said
    assert "event_id\ttype" in said
    assert "all is well" in said


def change_everything(installation: Installation, business_id: str) -> None:
    """All that the demo prints or needs is another by now."""
    ada = installation.told("users", "list", business_id, "--email", "ada@example.com")[0]
    installation.done("webhook", "rotate-token", business_id)
    installation.done("webhook", "rotate-token", business_id, "--confirm", "--yes")
    installation.done("webhook", "set", business_id, "--url", "https://example.com", "--disable")
    installation.done("users", "rotate-hash", ada["payout_user_id"], "--yes")
    for kind in ("secret", "public"):
        installation.done("keys", "regenerate", business_id, kind, "--yes")
    installation.done("business", "defund", business_id, "4000000")
    installation.done("business", "disable-payouts", business_id)


LASTING = {"review", "queued", "succeeded", "failed", "rejected", "canceled", "returned"}
"""The states in which an order may stay."""


def states(installation: Installation, business_id: str) -> set[str]:
    return {row["status"] for row in installation.told("order", "list", business_id)}


def paste(command: str) -> str:
    """The status that the command's call is answered with."""
    ended = subprocess.run(
        ["bash", "-c", f"{command} -s -w ' %{{http_code}}'"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"hash"' in ended.stdout
    return ended.stdout.split()[-1]


def shell(command: str, environment: dict[str, str] | None = None) -> str:
    """What a pasted command prints."""
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=True, env=environment
    )
    return ended.stdout


def redemption_link_mailed_by(demo: Serving) -> str:
    """The link in the mail that told Ada of her first money; where there is none yet, one that is
    nowhere."""
    [mails] = re.findall(r"^  Mails +(\S+)$", demo.output, re.MULTILINE)
    listed = httpx.get(mails).text
    found = re.search(r'href="/([0-9a-f-]+)">\[Test\] Acme sent you \$25\.00<', listed)
    if found is None:
        return "no mail yet"
    [link, *_] = re.findall(r"http\S+/redeem#[0-9a-f]+", httpx.get(mails + found[1]).text)
    return str(link)


def first_curl(demo: Serving) -> str:
    return next(line for line in demo.output.splitlines() if line.startswith("curl"))
