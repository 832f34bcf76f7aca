"""Every command in a process of its own, beside a running `serve` on an embedded database."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from payviox import __version__, actors
from payviox.db.embedded import embedded
from support.installation import COMMAND_EVERY_S, PAYVIOX, Installation, until


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, made_home: Path
) -> Iterator[Installation]:
    """One `serve` for the whole file; afterwards nothing of it is left."""
    home = tmp_path_factory.mktemp("cli") / "home"
    made = Installation.copied(made_home, home, PAYVIOX_ALLOW_PRIVATE_WEBHOOKS="1")
    serving = made.start()
    try:
        yield made
    finally:
        took_s = serving.stop()
    assert took_s < 10
    assert serving.process.returncode == 0
    assert until(lambda: not made.left())


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Any:
    """A business with 500,000 cents to pay out, in test mode."""
    made = installation.told("business", "create", "Acme")
    business_id = made["test"]["business_id"]
    installation.done("business", "deposit", business_id, "1000000", "--reference", "first")
    installation.done("business", "fund", business_id, "500000")
    installation.done("business", "enable-payouts", business_id)
    return made["test"]


def call(installation: Installation, acme: Any, method: str, path: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {acme['secret_key']}"}
    return httpx.request(method, installation.url + path, headers=headers, **options)


def pay(installation: Installation, acme: Any, email: str, amount: int) -> str:
    answer = call(
        installation, acme, "POST", "/payout/create", json={"email": email, "amount": amount}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["hash"])


def withdraw(installation: Installation, payout_hash: str, amount: int, to: str) -> str:
    answer = httpx.post(
        f"{installation.url}/payout/withdraw",
        headers={"X-Payout-Hash": payout_hash},
        json={"provider": "paypal", "amount": amount, "paypal": {"email": to}},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_help_and_version_need_no_database(tmp_path: Path) -> None:
    nowhere = Installation(tmp_path / "none", {"PAYVIOX_DATABASE_URL": "postgresql://nowhere"})
    assert nowhere.done("--version") == f"payviox {__version__}"
    page = nowhere.done("--help")
    for command in ("serve", "demo", "migrate", "business", "keys", "operator", "order", "ledger"):
        assert re.search(rf"^  {command}\s+\w", page, re.MULTILINE), command
    assert "review_amount" in nowhere.done("business", "set", "--help")
    assert not (tmp_path / "none").exists()


def test_business_create_prints_exactly_the_contracts_json(installation: Installation) -> None:
    made = installation.told("business", "create", "Zoë & Söhne")
    assert list(made) == ["name", "live", "test"]
    assert made["name"] == "Zoë & Söhne"
    for mode in ("live", "test"):
        assert list(made[mode]) == ["business_id", "secret_key", "public_key"]
        assert made[mode]["business_id"].startswith("biz_")
        assert made[mode]["secret_key"].startswith(f"sk_{mode}_")
        assert made[mode]["public_key"].startswith(f"pk_{mode}_")
    listed = {row["business_id"]: row for row in installation.told("business", "list")}
    assert listed[made["live"]["business_id"]]["payouts_enabled"] is False
    assert listed[made["test"]["business_id"]]["mode"] == "test"


def test_a_deposit_is_credited_once_for_each_reference(
    installation: Installation, acme: Any
) -> None:
    business_id = acme["business_id"]
    before = call(installation, acme, "GET", "/balance").json()
    after = installation.told("business", "deposit", business_id, "700", "--reference", "r-1")
    again = installation.told("business", "deposit", business_id, "700", "--reference", "r-1")
    assert after["balance"] == before["balance"] + 700
    assert (after["already_booked"], again["already_booked"]) == (False, True)
    assert again == after | {"already_booked": True}
    told = installation.done("business", "deposit", business_id, "700", "--reference", "r-1")
    assert re.match(r"r-1 was booked already, at 2\S+Z\. Nothing was changed\.\n", told)
    said = installation.refused("business", "deposit", business_id, "701", "--reference", "r-1")
    assert said == "Error: The reference 'r-1' was used before for a deposit of 700 cents"
    del after["already_booked"]
    assert call(installation, acme, "GET", "/balance").json() == after


def test_a_mistyped_deposit_is_corrected_once_for_each_reference(
    installation: Installation,
) -> None:
    business_id = installation.told("business", "create", "Typo")["test"]["business_id"]
    installation.done("business", "deposit", business_id, "100000", "-r", "bank 7")
    command = ("business", "withdraw-funds", business_id)
    said = installation.refused(*command, "90000", "-r", "bank 7, wrong", status=2)
    assert "--reason" in said
    reasoned = (*command, "90000", "-r", "bank 7, wrong", "--reason", "one 0 too many")
    first, again = installation.told(*reasoned), installation.told(*reasoned)
    assert first == {"balance": 10_000, "payout_balance": 0, "already_booked": False}
    assert again == first | {"already_booked": True}
    other = (*command, "10001", "-r", "2", "--reason", "more than there is")
    assert "Insufficient balance" in installation.refused(*other)
    entry = installation.told("business", "audit", business_id)[0]
    assert entry["detail"] == {
        "amount": 90_000,
        "reference": "bank 7, wrong",
        "reason": "one 0 too many",
    }
    assert "well" in installation.done("ledger", "verify")


def test_a_business_shows_what_every_account_of_it_holds(installation: Installation) -> None:
    business = installation.told("business", "create", "Books")["test"]
    business_id = business["business_id"]
    installation.done("business", "deposit", business_id, "10000", "--reference", "first")
    installation.done("business", "fund", business_id, "9000")
    installation.done("business", "enable-payouts", business_id)
    installation.done("business", "set", business_id, "review_amount=1")
    pay(installation, business, "ada@example.com", 1_000)
    payout_hash = pay(installation, business, "grace@example.com", 2_000)
    withdraw(installation, payout_hash, 500, "grace@example.com")
    shown = installation.told("business", "show", business_id)
    assert (shown["balance"], shown["payout_balance"]) == (1_000, 6_000)
    assert shown["payout_users"] == 2
    assert shown["accounts"] == {
        "main": 1_000,
        "payout": 6_000,
        "users": 2_500,
        "in_transit": {"sandbox": 500},
        "settled": {},
        "rail_cost": {},
        "exchange": {},
        "suspense": {},
        "fee_income": 0,
        "world": -10_000,
    }
    lines = installation.done("business", "show", business_id).splitlines()
    assert {"in_transit:sandbox  $5.00", "suspense            $0.00"} <= set(lines)


def test_money_moves_between_the_main_and_the_payout_balance(
    installation: Installation, acme: Any
) -> None:
    business_id = acme["business_id"]
    before = installation.told("business", "show", business_id)
    funded = installation.told("business", "fund", business_id, "1000")
    assert funded["payout_balance"] == before["payout_balance"] + 1000
    back = installation.told("business", "defund", business_id, "1000")
    assert back["payout_balance"] == before["payout_balance"]
    said = installation.refused("business", "fund", business_id, "999999999")
    assert said.startswith("Error: Insufficient balance: $9,999,999.99 asked for, $")
    said = installation.refused("business", "fund", business_id, "12.50", status=2)
    assert "Amounts are in cents: 1250 for $12.50." in said
    for amount in ("0", "-5", "1.5", "1e3", "ten", "1000000000001"):
        installation.refused("business", "fund", business_id, "--", amount, status=2)
    assert installation.told("business", "show", business_id) == before


def test_switching_payouts_off_counts_at_once(installation: Installation, acme: Any) -> None:
    body = {"email": "switch@example.com", "amount": 1}
    installation.done("business", "disable-payouts", acme["business_id"])
    refused = call(installation, acme, "POST", "/payout/create", json=body)
    assert refused.status_code == 403
    installation.done("business", "enable-payouts", acme["business_id"])
    assert call(installation, acme, "POST", "/payout/create", json=body).status_code == 201


def test_switching_withdrawals_off_says_what_goes_on_and_is_shown(
    installation: Installation, acme: Any
) -> None:
    business_id = acme["business_id"]
    for command, word in (("disable-payouts", "disable-withdrawals"), ("enable-payouts", "")):
        ended = installation.run("business", command, business_id)
        assert (ended.returncode, word in ended.stderr) == (0, True)
    ended = installation.run("business", "disable-withdrawals", business_id)
    assert (ended.returncode, ended.stdout) == (
        0,
        "Withdrawals are disabled: no more orders are made.\n",
    )
    assert "Open orders go on" in ended.stderr
    assert installation.told("business", "show", business_id)["withdrawals_enabled"] is False
    installation.done("business", "enable-withdrawals", business_id)
    assert installation.told("business", "show", business_id)["withdrawals_enabled"] is True


def test_a_secret_that_could_not_be_printed_is_said_to_be_lost(
    installation: Installation, acme: Any
) -> None:
    made = installation.told("business", "create", "Unseen")["test"]
    pay(installation, acme, "unseen@example.com", 1)
    user_id = installation.told("users", "list", acme["business_id"])[0]["payout_user_id"]
    business_id = made["business_id"]
    url = ("--url", "https://example.com/hook")
    for command, again in (
        (("business", "create", "Unseen too"), "`payviox keys regenerate biz_"),
        (
            ("keys", "regenerate", business_id, "secret", "--yes"),
            f"`payviox keys regenerate {business_id} secret`",
        ),
        (("webhook", "set", business_id, *url), f"`payviox webhook rotate-token {business_id}"),
        (
            ("webhook", "rotate-token", business_id, "--json"),
            f"`payviox webhook rotate-token {business_id} --replace`",
        ),
        (("users", "rotate-hash", user_id, "--yes"), f"`payviox users rotate-hash {user_id}`"),
    ):
        for redirection in ("> /dev/full", ">&-") if command[0] == "keys" else ("> /dev/full",):
            ended = subprocess.run(
                ["/bin/sh", "-c", f'"$0" "$@" {redirection}', PAYVIOX, *command],
                capture_output=True,
                text=True,
                env=installation.environment,
                cwd=installation.home.parent,
                check=False,
            )
            assert ended.returncode == 1, ended.stderr
            assert ended.stderr.startswith("Error: It was done, but "), ended.stderr
            assert again in ended.stderr
            assert ended.stderr.count("\n") == 1
    stopped = call(installation, made, "GET", "/balance")
    assert stopped.status_code == 401, "it was done"


def test_a_regenerated_key_stops_the_old_one_at_once(installation: Installation) -> None:
    business = installation.told("business", "create", "Keys")["test"]
    old = dict(business)
    business["secret_key"] = installation.done(
        "keys", "regenerate", old["business_id"], "secret", "--yes"
    )
    assert business["secret_key"].startswith("sk_test_")
    assert call(installation, old, "GET", "/balance").status_code == 401
    assert call(installation, business, "GET", "/balance").status_code == 200
    shown = installation.told("keys", "regenerate", old["business_id"], "public", "--yes")
    assert list(shown) == ["public_key"]


def test_rules_are_set_cleared_and_validated(installation: Installation, acme: Any) -> None:
    business_id = acme["business_id"]
    installation.done(
        "business", "set", business_id, "review_velocity_orders=3", "review_rails=stock,sandbox"
    )
    shown = installation.told("business", "show", business_id)
    assert (shown["review_velocity_orders"], shown["review_rails"]) == (3, ["stock", "sandbox"])
    installation.done(
        "business", "set", business_id, "review_velocity_orders=none", "review_rails=none"
    )
    before = installation.told("business", "show", business_id)
    assert (before["review_velocity_orders"], before["review_rails"]) == (None, [])
    for wrong, word in (
        ("review_amount=0", "review_amount must be"),
        ("review_amount=ten", "review_amount must be"),
        ("review_first_use=perhaps", "yes or no"),
        ("min_withdrawal=none", "cannot be cleared"),
        ("max_withdrawal=100000001", "max_withdrawal must be"),
        ("payouts_enabled=true", "sets no rule"),
        ("nonsense", "sets no rule"),
    ):
        said = installation.refused("business", "set", business_id, "low_stock=9", wrong)
        assert word in said
    said = installation.refused(
        "business", "set", business_id, "min_withdrawal=500", "max_withdrawal=400"
    )
    assert "may not be greater than max_withdrawal" in said
    for rule in ("code_first=yes", "code_amount=5000", "code_new_device=yes"):
        said = installation.refused("business", "set", business_id, "low_stock=9", rule)
        assert "This needs a mail server, and the installation has none." in said
    assert installation.told("business", "show", business_id) == before


def test_unknown_ids_are_named_and_malformed_ones_are_usage_errors(
    installation: Installation,
) -> None:
    nobody = "0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70"
    for command in ("show", "enable-payouts"):
        said = installation.refused("business", command, f"biz_{nobody}")
        assert f"There is no business biz_{nobody}; `payviox business list`" in said
    assert "There is no order" in installation.refused("order", "show", f"ord_{nobody}")
    assert "There is no payout user" in installation.refused("users", "activate", f"usr_{nobody}")
    assert "no id like biz_" in installation.refused("business", "show", nobody, status=2)


def test_payout_users_are_switched_and_given_new_hashes(
    installation: Installation, acme: Any
) -> None:
    first = pay(installation, acme, "ada@example.com", 2_500)
    listed = installation.told("users", "list", acme["business_id"], "--email", "Ada@Example.com")
    assert [(row["email"], row["status"], row["balance"]) for row in listed] == [
        ("ada@example.com", "active", 2_500)
    ]
    user_id = listed[0]["payout_user_id"]

    def opens(payout_hash: str) -> bool:
        headers = {"X-Payout-Hash": payout_hash}
        answer = httpx.get(f"{installation.url}/payout/operations", headers=headers)
        return answer.status_code == 200

    assert opens(first)
    assert installation.done("users", "deactivate", user_id) == "ada@example.com is inactive."
    assert not opens(first)
    installation.done("users", "activate", user_id)
    assert opens(first)
    second = installation.done("users", "rotate-hash", user_id, "--yes")
    assert opens(second)
    assert not opens(first)
    assert installation.done("users", "revoke", user_id, "500", "--yes").startswith("$20.00")
    assert "Insufficient balance" in installation.refused(
        "users", "revoke", user_id, "9999", "--yes"
    )


def test_orders_are_decided_and_tell_their_whole_story(
    installation: Installation, acme: Any
) -> None:
    business_id = acme["business_id"]
    installation.done("business", "set", business_id, "review_amount=5000")
    payout_hash = pay(installation, acme, "grace@example.com", 30_000)
    orders = [withdraw(installation, payout_hash, 6_000, "grace@example.com") for _ in range(3)]
    waiting = installation.told("order", "list", business_id, "--status", "review")
    assert {row["order_id"] for row in waiting} == set(orders)
    approved, rejected, canceled = orders
    installation.done("order", "approve", approved)
    installation.done("order", "reject", rejected, "--note", "not this time")
    installation.done("order", "cancel", canceled)
    assert "cannot be rejected" in installation.refused("order", "reject", canceled)

    def story(order_id: str) -> Any:
        return installation.told("order", "show", order_id)

    told = until(lambda: (s := story(approved))["status"] == "succeeded" and s)
    assert [state["status"] for state in told["states"]][-3:] == ["queued", "sending", "succeeded"]
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["succeeded"]
    assert told["attempts"][0]["reference"] == f"{approved}.1"
    assert [move["kind"] for move in told["transfers"]] == ["reserve", "settle"]
    assert "payout.succeeded" in [event["type"] for event in told["events"]]
    logged = installation.told("webhook", "log", business_id, "--order", approved)
    assert logged
    assert {event["order_id"] for event in logged} == {approved}
    refused = story(rejected)
    assert (refused["status"], refused["note"]) == ("rejected", "not this time")
    assert [move["kind"] for move in refused["transfers"]] == ["reserve", "release"]
    assert actors.command() in {state["actor"] for state in refused["states"]}
    assert "not this time" in installation.done("order", "show", rejected)
    installation.done("business", "set", business_id, "review_amount=none")


def test_webhooks_are_set_tested_and_their_tokens_rotated_in_two_steps(
    installation: Installation,
) -> None:
    business_id = installation.told("business", "create", "Hooks")["test"]["business_id"]
    said = installation.refused("webhook", "test", business_id)
    assert "No webhook is set up yet" in said
    said = installation.refused("webhook", "set", business_id, "--url", "gopher://x")
    assert "The url is not accepted" in said
    url = f"{installation.url}/nowhere"
    first = installation.told("webhook", "set", business_id, "--url", url, "--enable")
    assert first["token"].startswith("whsec_")
    assert first["events"] == ["payout.succeeded"]
    both = "payout.created,payout.failed"
    second = installation.told("webhook", "set", business_id, "--events", both)
    assert second["events"] == both.split(",")
    assert "token" not in second
    event_id = installation.told("webhook", "test", business_id)["event_id"]
    entry = until(
        lambda: next(
            (e for e in installation.told("webhook", "log", business_id) if e["attempts"]), None
        ),
        every_s=COMMAND_EVERY_S,
    )
    assert (entry["event_id"], entry["answer"], entry["test"]) == (event_id, 404, True)
    shown = installation.told("webhook", "event", business_id, event_id)
    assert shown["body"]["test_mode"] is True
    assert json.loads(shown["raw_body"]) == shown["body"]
    told = installation.done("webhook", "event", business_id, event_id)
    assert told.splitlines()[-1] == shown["raw_body"], "byte for byte"
    assert (shown["attempts"][0]["number"], shown["attempts"][0]["status"]) == (1, 404)
    assert "Not found" in shown["attempts"][0]["answer"]
    assert url in installation.done("webhook", "event", business_id, event_id)
    installation.done("webhook", "redeliver", business_id, event_id)
    assert "no new token" in installation.refused(
        "webhook", "rotate-token", business_id, "--confirm", "--yes"
    )
    new = installation.done("webhook", "rotate-token", business_id)
    assert new.startswith("whsec_")
    shown = installation.told("webhook", "show", business_id)
    assert (shown["rotating"], shown["rotating_since"][:2]) == (True, "20")
    said = installation.refused("webhook", "rotate-token", business_id)
    assert said.startswith("Error: A new token already waits to be confirmed")
    assert installation.done("webhook", "rotate-token", business_id, "--replace") != new
    installation.done("webhook", "rotate-token", business_id, "--confirm", "--yes")
    assert installation.told("webhook", "show", business_id)["rotating"] is False


def test_operators_have_long_passwords_and_one_account_each(installation: Installation) -> None:
    command = ("operator", "create", "--email", "Root@Example.com", "--admin")
    said = installation.refused(*command, "--password-stdin", given="too short\n")
    assert said == "Error: The password must be at least 12 characters."
    password = "a long enough password"
    made = installation.told(*command, "--password-stdin", given=f"{password}\n")
    assert made == {"email": "root@example.com", "admin": True}
    said = installation.refused(*command, "--password-stdin", given=f"{password}\n")
    assert "already" in said
    assert "--password-stdin" in installation.refused(*command, status=2)
    again = ("operator", "set-password", "--email", "root@example.com", "--password-stdin")
    assert "at least 12" in installation.refused(*again, given="too short\n")
    assert installation.told(*again, given="another long password\n") == {
        "email": "root@example.com"
    }
    nobody = ("operator", "set-password", "--email", "nobody@example.com", "--password-stdin")
    assert "There is no operator" in installation.refused(*nobody, given=f"{password}\n")


def test_an_operator_joins_an_organization_and_gets_another_role(
    installation: Installation, acme: Any
) -> None:
    create = ("operator", "create", "--email", "grace@example.com", "--password-stdin")
    installation.done(*create, given="a long enough password\n")
    join = ("operator", "join", acme["business_id"], "--email", "grace@example.com", "--role")
    assert installation.told(*join, "viewer") == {"email": "grace@example.com", "role": "viewer"}
    assert "approve, reject and cancel orders" in installation.done(*join, "approver")
    assert "approver" in installation.refused(*join, "king", status=2)
    nowhere = f"biz_{acme['business_id'][4:-1]}{'0' if acme['business_id'][-1] != '0' else '1'}"
    refused = installation.refused("operator", "join", nowhere, *join[3:], "viewer")
    assert "There is no business" in refused


def test_what_commands_change_is_written_into_the_audit(
    installation: Installation, acme: Any
) -> None:
    business_id = acme["business_id"]
    installation.done("business", "set", business_id, "low_stock=7")
    installation.done("webhook", "set", business_id, "--url", "https://example.com/audited")
    with (
        embedded(installation.home) as cluster,
        psycopg.connect(cluster.application_url) as connection,
    ):
        rows = connection.execute(
            "SELECT actor, place, act, after FROM audit_entries WHERE business_id = %s"
            " ORDER BY id DESC LIMIT 2",
            [business_id.removeprefix("biz_")],
        ).fetchall()
    assert rows == [
        (actors.command(), actors.host(), "webhook.change", {"url": "https://example.com/audited"}),
        (actors.command(), actors.host(), "business.set", {"low_stock": 7}),
    ]


def test_a_command_without_a_terminal_prints_lines_for_scripts(
    installation: Installation, acme: Any
) -> None:
    lines = installation.done("business", "list").splitlines()
    assert lines[0].split("\t")[:3] == ["business_id", "name", "mode"]
    assert all(len(line.split("\t")) == 6 for line in lines)
    empty = installation.told("business", "create", "Empty")["live"]["business_id"]
    listed = installation.run("order", "list", empty)
    assert (listed.returncode, listed.stderr) == (0, "No orders.\n")
    assert listed.stdout.startswith("order_id\tstatus\t")
    assert acme["business_id"] in {line.split("\t")[0] for line in lines}


def test_upload_checks_a_file_confirms_it_as_shown_and_waits_until_it_is_paid(
    installation: Installation, acme: Any, tmp_path: Path
) -> None:
    business_id = acme["business_id"]
    file = tmp_path / "may.csv"
    file.write_text(
        "Wer;Betrag;Zeichen\nupl1@example.com;1,50;r1\nupl2@example.com;2;r2\nnobody;3;r3\n"
    )
    who = ("--operator", "root@example.com")
    columns = ("--email", "wer", "--amount", "Betrag", "--reference", "Zeichen")
    refused = installation.run("upload", "check", business_id, str(file))
    assert refused.returncode != 0
    assert "There are: Wer, Betrag, Zeichen." in refused.stderr
    checked = installation.told("upload", "check", business_id, str(file), *columns)
    assert (checked["status"], checked["payments"], checked["amount"]) == ("checked", 2, 350)
    assert [row["row"] for row in checked["problems"]] == [4]
    upload_id = checked["upload_id"]
    paid = installation.told("upload", "confirm", business_id, upload_id, "--yes", "--wait", *who)
    assert (paid["status"], paid["paid"], paid["paid_amount"]) == ("done", 2, 350)
    assert "2 payments" not in installation.done("upload", "show", business_id, upload_id)
    listed = installation.told("upload", "list", business_id)
    assert upload_id in [row["upload_id"] for row in listed]
    again = installation.told("upload", "check", business_id, str(file), *columns)
    assert (again["payments"], again["earlier"]) == (0, 2)
    nothing = installation.run("upload", "confirm", business_id, again["upload_id"], "--yes", *who)
    assert nothing.returncode != 0
    assert "There is nothing to pay in this upload" in nothing.stderr
    gone = installation.told("upload", "discard", business_id, again["upload_id"], *who)
    assert gone["upload_id"] == again["upload_id"]
    assert installation.run("upload", "show", business_id, again["upload_id"]).returncode != 0
    ended = installation.run("upload", "cancel", business_id, upload_id, *who)
    assert "This upload has ended" in ended.stderr


def test_what_comes_back_is_read_from_a_pipe_and_what_is_no_report_is_left_alone(
    installation: Installation,
) -> None:
    holiday = "From: ada@example.com\nSubject: On holiday\n\nBack on Monday.\n"
    ended = installation.run("mail", "bounce", given=holiday)
    assert (ended.returncode, "no report about a mail of ours" in ended.stdout) == (0, True)
    report = (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
        "Action: failed\nStatus: 5.1.1\n"
        "--b\nContent-Type: text/rfc822-headers\n\n"
        "Message-ID: <018f0000-0000-7000-8000-0000000000a1@example.com>\n--b--\n"
    )
    ended = installation.run("mail", "bounce", given=report)
    assert (ended.returncode, "is not known any more" in ended.stdout) == (0, True)
    refused = installation.run("mail", "check")
    assert refused.returncode != 0
    assert "PAYVIOX_SMTP_URL" in refused.stderr
