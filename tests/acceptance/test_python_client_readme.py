"""The five minutes of the Python client's README, run as they stand against a running server."""

import sys

import pytest

from support.businesses import TestBusiness
from support.live import LiveServer
from support.readmes import CLIENTS, check, program, run

pytestmark = pytest.mark.anyio


async def test_the_readme_does_what_it_says(
    business: TestBusiness, live_server: LiveServer
) -> None:
    text = program(CLIENTS / "python" / "README.md", "python") + 'print(receive(b"", {}))'

    output = run(
        [sys.executable, "-c", text],
        business,
        live_server,
        PYTHONPATH=str(CLIENTS / "python" / "src"),
    )

    check(output, "401\n")
    ledger = await business.ledger()
    assert (ledger["ada@example.com"], ledger["bob@example.com"]) == (4_000, 2_400)
