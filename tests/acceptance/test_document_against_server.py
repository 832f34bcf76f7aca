"""Requests made from the OpenAPI document against a real server: no fault of ours, no answer that the
document does not describe, nothing accepted that it forbids."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MakeBusiness
from support.live import LiveServer

pytestmark = pytest.mark.anyio

# A batch answers each bad item on its own, within a 200; and no worker runs here.
SETTINGS = """
[[operations]]
include-name = "POST /payout/batch"
checks.negative_data_rejection.enabled = false

[[operations]]
include-name = "GET /health/ready"
checks.not_a_server_error.enabled = false
"""

# A body that the document allows may still be refused by a rule (a balance, an unknown id).
LEFT_OUT = "positive_data_acceptance,ignored_auth"


async def test_the_server_answers_as_the_document_says(
    make_business: MakeBusiness,
    make_live_server: Callable[..., LiveServer],
    tmp_path: Path,
) -> None:
    server = make_live_server()
    business = await make_business(funds=10_000_000)
    payout_hash = (await business.create("ada@example.com", 1_000_000)).json()["hash"]
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)

    found = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "--config-file=schemathesis.toml",
            "run",
            f"{server.url}/openapi.json",
            f"--header=Authorization: Bearer {business.secret_key}",
            f"--header=X-Payout-Hash: {payout_hash}",
            "--phases=examples,coverage,fuzzing",
            "--max-examples=10",
            "--checks=all",
            f"--exclude-checks={LEFT_OUT}",
            "--no-color",
        ],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert found.returncode == 0, found.stdout[-8_000:]
