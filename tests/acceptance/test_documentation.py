"""The examples of the documentation, run as they stand."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import readmes
from support.businesses import TestBusiness
from support.live import LiveServer
from support.machine import stretch

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


def fences(language: str, guide: str = "integrating") -> list[str]:
    """The code blocks of one language, in order, but the one that only sets the address."""
    text = (ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for block in blocks if not block.startswith("export ")]


def run(command: list[str], business: TestBusiness, server: LiveServer) -> str:
    done = subprocess.run(
        command,
        env={
            "PATH": "/usr/bin:/bin",
            "PAYVIOX_URL": server.url,
            "PAYVIOX_KEY": business.secret_key,
        },
        capture_output=True,
        text=True,
        timeout=stretch(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_every_curl_example_of_the_guide_succeeds(
    business: TestBusiness, live_server: LiveServer
) -> None:
    blocks = fences("sh")
    assert len(blocks) >= 4
    answers = [
        json.loads(line)
        for line in run(["bash", "-euc", "\necho\n".join(blocks)], business, live_server)
        .replace("}{", "}\n{")
        .splitlines()
        if line.strip()
    ]
    assert not [answer for answer in answers if "error" in answer]
    create, batch, balance, earlier, accounts, statement, *of_the_user = answers
    operations, quote, order, crypto, cards, card, transfer = of_the_user
    assert re.fullmatch("[0-9a-f]{64}", create["hash"])
    assert [len(result["hash"]) for result in batch["results"]] == [64, 64]
    assert balance["payout_balance"] > 0
    assert earlier == {"balance": 0, "payout_balance": 0}
    assert sum(each["balance"] for each in accounts["accounts"]) == 0
    assert statement["movements"] == 0
    assert operations["email"] == "ada@example.com"
    assert quote["net_amount"] == 1000
    assert order["amount"] == 1000
    assert (crypto["net_amount"], crypto["status"]) == (1000, "queued")
    assert "sandbox_card_5" in json.dumps(cards)
    assert card["gift_card"]["product"] == "sandbox_card_5"
    assert "•" in transfer["bank"]["masked"]


async def test_the_first_payment_of_the_start_page_may_be_repeated(
    business: TestBusiness, live_server: LiveServer
) -> None:
    call = next(block for block in fences("sh", "start") if block.startswith("curl"))
    answers = {run(["bash", "-euc", call], business, live_server) for _ in range(2)}
    assert len(answers) == 1
    users = (await business.client.get("/payout/users")).json()["data"]
    assert [(user["email"], user["balance"]) for user in users] == [("ada@example.com", 2_500)]


async def test_the_python_example_prints_the_status_and_the_hash(
    business: TestBusiness, live_server: LiveServer
) -> None:
    (example,) = fences("python")
    assert re.fullmatch(
        "201 [0-9a-f]{64}\n", run([sys.executable, "-c", example], business, live_server)
    )


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
async def test_the_javascript_example_prints_the_status_and_the_hash(
    business: TestBusiness, live_server: LiveServer
) -> None:
    (example,) = fences("js")
    assert re.fullmatch(
        "201 [0-9a-f]{64}\n",
        run(["node", "--input-type=module", "-e", example], business, live_server),
    )


async def test_the_python_clients_readme_does_what_it_says(
    business: TestBusiness, live_server: LiveServer
) -> None:
    text = (
        readmes.program(readmes.CLIENTS / "python" / "README.md", "python")
        + 'print(receive(b"", {}))'
    )

    output = readmes.run(
        [sys.executable, "-c", text],
        business,
        live_server,
        PYTHONPATH=str(readmes.CLIENTS / "python" / "src"),
    )

    readmes.check(output, "401\n")
    ledger = await business.ledger()
    assert (ledger["ada@example.com"], ledger["bob@example.com"]) == (4_000, 2_400)
