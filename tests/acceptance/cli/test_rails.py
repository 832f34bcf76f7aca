"""`payviox rail`, every command in a process of its own, beside a running `serve` and vendors that
answer."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.installation import Installation, until
from support.simulator import (
    PAYPAL_CLIENT,
    PAYPAL_SECRET,
    TREMENDOUS_FUNDING_SOURCE,
    TREMENDOUS_KEY,
    TREMENDOUS_WEBHOOK_KEY,
    Simulator,
)

PASSPHRASE = "a passphrase of some length"
CHAINS = """
[LOCAL]
chain_id = 31337
coin = "ETH"
confirmations = 2
block_s = 1
max_fee_gwei = 500
rpc_urls = ["http://127.0.0.1:1/the-node-key"]
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    started = Simulator()
    started.paypal_account(balance=500_000)
    started.tremendous_account(balance=500_000)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, made_home: Path
) -> Iterator[Installation]:
    """One that is served for the whole file; afterwards nothing of it is left."""
    home = tmp_path_factory.mktemp("rails") / "home"
    made = Installation.copied(made_home, home, PAYVIOX_PUBLIC_URL="https://pay.example.com")
    with made.served():
        yield made
    assert until(lambda: not made.left())


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Any:
    """A business whose test twin has 500,000 cents to pay out."""
    made = installation.told("business", "create", "Acme")
    business_id = made["test"]["business_id"]
    installation.done("business", "deposit", business_id, "500000", "--reference", "first")
    installation.done("business", "fund", business_id, "500000")
    installation.done("business", "enable-payouts", business_id)
    return made


def problems(installation: Installation, business_id: str, rail: str) -> list[str]:
    """What a check of the account finds wrong, of the things it looks at. What is harmless is told,
    and no failure."""
    ended = installation.run("rail", "check", business_id, rail, "--json")
    findings = json.loads(ended.stdout)
    assert findings
    found = [finding for finding in findings if not finding["ok"]]
    assert ended.returncode == (0 if all(finding["harmless"] for finding in found) else 1)
    return [finding["subject"] for finding in found]


def payout_user(installation: Installation, acme: Any, amount: int) -> dict[str, str]:
    """The headers by which a payout user calls who has this balance."""
    answer = httpx.post(
        f"{installation.url}/payout/create",
        headers={"Authorization": f"Bearer {acme['test']['secret_key']}"},
        json={"email": "ada@example.com", "amount": amount},
    )
    assert answer.status_code == 201, answer.text
    return {"X-Payout-Hash": answer.json()["hash"]}


def test_paypal_is_connected_checked_limited_and_disconnected(
    installation: Installation, acme: Any, simulator: Simulator
) -> None:
    business_id = acme["test"]["business_id"]
    command = ["rail", "connect", "paypal", business_id, "--client-id", PAYPAL_CLIENT]
    command += ["--base-url", simulator.paypal_url, "--secret-stdin"]
    said = installation.refused(*command, given="wrong\n")
    assert "Nothing was saved (--no-check saves it all the same). credentials: PayPal" in said
    assert installation.told("rail", "list", business_id) == []
    first = installation.told(*command, "--no-check", given="wrong\n")
    assert (first["new"], first["environment"], first["enabled"]) == (True, "sandbox", True)
    path = f"/rails/paypal/{business_id}/callback"
    assert first["callback_url"] == f"https://pay.example.com{path}"
    assert problems(installation, business_id, "paypal") == ["credentials"]
    ada = payout_user(installation, acme, 5_000)
    simulator.rules({"vendor": "paypal", "receiver": "*", "course": "pending"})
    order = httpx.post(
        f"{installation.url}/payout/withdraw",
        headers=ada,
        json={"provider": "paypal", "amount": 1_000, "paypal": {"email": "ada@example.com"}},
    ).json()
    place = f"{installation.url}/payout/withdrawals/{order['id']}"

    def status() -> str:
        found = httpx.get(place, headers=ada).json()
        return str(found.get("waiting", found["status"]))

    until(lambda: status() == "credentials_refused")

    options = ["--fee-payer", "recipient", "--fee-percentage", "2.5", "--fee-cap", "2000"]
    assert "connect again" in installation.refused(*command, given="wrong too\n")
    nowhere = [part.replace(simulator.paypal_url, "http://127.0.0.1:1") for part in command]
    said = installation.refused(*nowhere, given=f"{PAYPAL_SECRET}\n")
    assert "address: PayPal could not be asked: 127.0.0.1:1 refuses connections" in said
    printed = installation.done(*command, *options, given=f"{PAYPAL_SECRET}\n")
    assert PAYPAL_SECRET not in printed.replace("client_secret", "")
    assert "fee_percentage  2.5" in printed
    until(lambda: status() == "sent", within_s=10)
    assert problems(installation, business_id, "paypal") == ["webhook"], "there is none yet"
    held = installation.told("rail", "float", business_id)["holdings"]
    left = 500_000 - 1_000 - 20  # PayPal's own 2 %
    assert [(h["rail"], h["cents"], h["low"]) for h in held] == [("paypal", left, False)]

    said = installation.refused("rail", "set", business_id, "paypal", "min_amount=2", "color=red")
    assert "'color' sets nothing of paypal" in said
    now = installation.told("rail", "set", business_id, "paypal", "max_amount=3000", "fee_fixed=10")
    assert (now["max_amount"], now["min_amount"], now["fee_fixed"]) == (3_000, None, 10)
    url = f"{installation.url}/payout/quote"
    body = {"provider": "paypal", "net_amount": 2_000}
    quote = httpx.post(url, headers=ada, json=body).json()
    assert (quote["net_amount"], quote["fees"]) == (2_000, 62), "2.5 % of 20.62 and 10 cents"
    refused = httpx.post(url, headers=ada, json={"provider": "paypal", "amount": 3_001})
    assert refused.json() == {"amount": ["The amount may not be greater than 3000."]}

    said = installation.refused("rail", "disconnect", business_id, "paypal", status=2)
    assert "No terminal to ask on: use --yes." in said
    said = installation.refused("rail", "disconnect", business_id, "paypal", "--yes")
    assert "1 order is under way at paypal" in said
    installation.done("rail", "disable", business_id, "paypal")
    answer = httpx.get(f"{installation.url}/payout/operations", headers=ada).json()
    paypal = next(method for method in answer["methods"] if method["provider"] == "paypal")
    assert not paypal["enabled"], "the sandbox does not take its place"
    answer = httpx.post(url, headers=ada, json=body)
    assert answer.json() == {"provider": ["The provider paypal is not available."]}
    installation.done("rail", "enable", business_id, "paypal")
    assert installation.told("rail", "show", business_id, "paypal")["enabled"] is True

    [payment] = simulator.books().of(order["id"])
    simulator.set_status(payment.reference, "SUCCESS")
    installation.done("order", "look-up", order["id"])
    until(lambda: status() == "succeeded")
    installation.done("rail", "disconnect", business_id, "paypal", "--yes")
    assert installation.told("rail", "list", business_id) == []
    audit = installation.done("business", "audit", business_id, "--json")
    actions = [entry["act"] for entry in reversed(json.loads(audit))]
    assert [action for action in actions if action.startswith("rail.")] == [
        "rail.connect",
        "rail.connect",
        "rail.change",
        "rail.disable",
        "rail.enable",
        "rail.disconnect",
    ]
    assert PAYPAL_SECRET not in audit.replace("client_secret", "")


def test_tremendous_is_connected_with_its_catalogue_and_calls_back(
    installation: Installation, acme: Any, simulator: Simulator
) -> None:
    business_id = acme["test"]["business_id"]
    command = ["rail", "connect", "tremendous", business_id]
    command += ["--funding-source", TREMENDOUS_FUNDING_SOURCE, "--secret-stdin"]
    said = installation.refused(*command, given="PROD_a-live-key\n")
    assert "this is a test business" in said
    command += ["--base-url", simulator.tremendous_url]
    said = installation.refused(*command, given="TEST_wrong\n")
    assert said.endswith(
        "API key: Tremendous refuses the API key: make a new one and connect again."
    )
    first = installation.told(*command, given=f"{TREMENDOUS_KEY}\n")
    assert first["credentials"] == {"api_key": "set", "webhook_key": "not set"}
    installation.done(*command, given=f"{TREMENDOUS_KEY}\n{TREMENDOUS_WEBHOOK_KEY}\n")
    again = installation.told(*command, given=f"{TREMENDOUS_KEY}\n\n")
    assert again["credentials"] == {"api_key": "set", "webhook_key": "set"}
    assert problems(installation, business_id, "tremendous") == ["webhook"], "there is none yet"
    told = installation.done("rail", "check", business_id, "tremendous")
    assert "webhook\twarning\tNone at Tremendous calls" in told
    settings = installation.told("rail", "show", business_id, "tremendous")["settings"]
    assert settings["organization_id"]
    count = installation.told("rail", "products", "refresh", business_id, "tremendous")["products"]
    assert count > 0
    ada = payout_user(installation, acme, 5_000)
    cards = httpx.get(f"{installation.url}/payout/gift-cards", headers=ada).json()["data"]
    assert sum(card["id"].startswith("trm_") for card in cards) >= count
    said = installation.run("rail", "callbacks", business_id)
    assert "/rails/tremendous/" in said.stderr, "where to register is told while nothing came"

    body = json.dumps({"event": "ORDERS.CANCELED", "uuid": "event-1", "payload": {}}).encode()
    digest = hmac.new(TREMENDOUS_WEBHOOK_KEY.encode(), body, hashlib.sha256).hexdigest()
    for signature, status in ((digest, 200), ("0" * 64, 401)):
        answer = httpx.post(
            f"{installation.url}/rails/tremendous/{business_id}/callback",
            content=body,
            headers={
                "Content-Type": "application/json",
                "Tremendous-Webhook-Signature": f"sha256={signature}",
            },
        )
        assert answer.status_code == status, answer.text
    (came,) = installation.told("rail", "callbacks", business_id, "--rail", "tremendous")
    assert (came["rail"], came["event_id"], came["orders"]) == ("tremendous", "event-1", [])
    assert came["type"] == "ORDERS.CANCELED"


def test_a_wallet_is_made_and_connected_to_chains_of_its_environment(
    installation: Installation, acme: Any, tmp_path: Path
) -> None:
    keystore, chains = tmp_path / "wallet.json", tmp_path / "chains.toml"
    chains.write_text(CHAINS)
    create = ("rail", "keystore", "create", str(keystore), "--secret-stdin")
    address = installation.told(*create, given=f"{PASSPHRASE}\n")["address"]
    assert keystore.stat().st_mode & 0o077 == 0

    test, live = acme["test"]["business_id"], acme["live"]["business_id"]
    options = ("--keystore", str(keystore), "--chains", str(chains), "--secret-stdin")
    command = ("rail", "connect", "evm", test, *options)
    said = installation.refused(*command, given="another passphrase\n")
    assert "passphrase does not open" in said
    said = installation.refused("rail", "connect", "evm", live, *options, given=f"{PASSPHRASE}\n")
    assert "is a test chain" in said
    made = installation.told(*command, given=f"{PASSPHRASE}\n")
    assert made["settings"]["address"] == address
    assert "callback_url" not in made
    shown = installation.done("rail", "show", test, "evm")
    for secret in (PASSPHRASE, "the-node-key"):
        assert secret not in shown
        assert secret not in json.dumps(made)
    said = installation.run("rail", "check", test, "evm").stdout
    assert "LOCAL" in said
    assert "the-node-key" not in said
    ada = payout_user(installation, acme, 100)
    answer = httpx.get(f"{installation.url}/payout/operations", headers=ada).json()
    crypto = next(method for method in answer["methods"] if method["provider"] == "crypto")
    assert {"LOCAL", "ERC20"} <= crypto["chains"].keys(), "its own chain, and the sandbox's"


def test_secrets_are_no_arguments_and_are_asked_for_on_a_terminal_alone(
    installation: Installation, acme: Any
) -> None:
    page = installation.done("rail", "connect", "paypal", "--help")
    assert "--client-secret" not in page
    business_id = acme["test"]["business_id"]
    command = ("rail", "connect", "paypal", business_id, "--client-id", "x")
    assert "use --secret-stdin" in installation.refused(*command, status=2)
    said = installation.refused(*command, "--secret-stdin", given="\n")
    assert said == "Error: The client secret is required."


def test_what_is_not_connected_is_told_with_what_to_do(
    installation: Installation, acme: Any
) -> None:
    business_id = acme["live"]["business_id"]
    for verb in ("show", "disable", "check"):
        said = installation.refused("rail", verb, business_id, "evm")
        assert "`payviox rail connect evm` connects one" in said
    nobody = "biz_01a20000-0000-7000-8000-000000000000"
    assert "There is no business biz_01a20000" in installation.refused("rail", "list", nobody)
