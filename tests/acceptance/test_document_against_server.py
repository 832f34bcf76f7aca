"""Requests made from the OpenAPI document against a real server: no fault of ours, no answer that
the document does not describe, nothing accepted that it forbids."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from conftest import MakeBusiness
from support.databases import Urls
from support.live import LiveServer

pytestmark = pytest.mark.anyio

SETTINGS = """
[checks]
positive_data_acceptance.enabled = false  # a rule may refuse what the document allows
ignored_auth.enabled = false              # test_access.py tries many more

[[operations]]
include-name = "POST /payout/batch"       # answers each bad item on its own, within a 200
checks.negative_data_rejection.enabled = false
"""


@pytest.mark.timeout(300)
async def test_the_server_answers_as_the_document_says(
    make_business: MakeBusiness,
    make_live_server: Callable[..., LiveServer],
    urls: Urls,
    tmp_path: Path,
) -> None:
    with urls.as_admin() as connection:  # /health/ready asks for a worker
        connection.execute("INSERT INTO procrastinate_workers VALUES (DEFAULT, now() + '1 hour')")
    server = make_live_server()
    business = await make_business(funds=10_000_000)
    payout_hash = (await business.create("ada@example.com", 1_000_000)).json()["hash"]
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)

    found = await anyio.run_process(
        [
            Path(sys.executable).with_name("schemathesis"),
            "--config-file=schemathesis.toml",
            "run",
            f"{server.url}/openapi.json",
            f"--header=Authorization: Bearer {business.secret_key}",
            f"--header=X-Payout-Hash: {payout_hash}",
            "--phases=examples,coverage,fuzzing",
            "--max-examples=10",
            "--no-color",
        ],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "100"},
        check=False,
    )

    assert found.returncode == 0, found.stdout.decode()[-8_000:]
