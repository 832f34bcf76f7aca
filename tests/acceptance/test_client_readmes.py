"""The five minutes of the clients' READMEs, run as they stand against a running server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.businesses import TestBusiness
from support.live import LiveServer
from support.machine import stretch

pytestmark = pytest.mark.anyio

CLIENTS = Path(__file__).parents[2] / "clients"


def blocks(readme: Path, language: str) -> str:
    """The README's code of one language, as the one program that it is."""
    text = readme.read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(found) >= 6
    return "\n".join(found)


def run(command: list[str | Path], business: TestBusiness, server: LiveServer, **more: str) -> str:
    done = subprocess.run(
        command,
        env={
            "PATH": os.environ["PATH"],
            "PAYVIOX_URL": server.url,
            "PAYVIOX_KEY": business.secret_key,
            "PAYVIOX_WEBHOOK_TOKEN": "whsec_" + "A" * 43 + "=",
            **more,
        },
        capture_output=True,
        text=True,
        timeout=stretch(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(output: str, last: str) -> None:
    """What a reader of either README sees."""
    assert re.search("Ada's hash: [0-9a-f]{64}\n", output)
    assert "Left to pay out: 997500\n" in output
    assert "Ada has 2500\n" in output
    assert re.search("ord_[0-9a-f-]+ queued\n", output)
    assert re.search(r"/redeem\S+ until 20", output)
    assert "grace@example.com 500\n" in output
    assert "The amount must be at least 1." in output
    assert output.endswith(last)


async def test_the_python_readme_does_what_it_says(
    business: TestBusiness, live_server: LiveServer
) -> None:
    program = blocks(CLIENTS / "python" / "README.md", "python") + 'print(receive(b"", {}))'

    output = run(
        [sys.executable, "-c", program],
        business,
        live_server,
        PYTHONPATH=str(CLIENTS / "python" / "src"),
    )

    check(output, "401\n")
    ledger = await business.ledger()
    assert (ledger["ada@example.com"], ledger["bob@example.com"]) == (4_000, 2_400)
