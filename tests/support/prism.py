"""A mock server that was made from PayPal's published document: a second opinion of a request."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulators.contract import SPECS
from support import node_tools
from support.live import free_port
from support.machine import stretch
from support.polling import until

DOCUMENT = SPECS / "payments_payouts_batch_v1.json"
REFUSALS = (400, 401, 422)
"""How the mock answers what breaks the document."""


@dataclass(frozen=True)
class Prism:
    """A running mock server."""

    url: str

    def status(self, request: dict[str, Any]) -> int:
        """How it answers a recorded request: 404 where it is not of this document."""
        headers = {
            name: value
            for name, value in request["headers"].items()
            if name in ("authorization", "content-type")
        }
        if "authorization" in headers:  # the simulator keeps no token, the mock looks for any
            headers["authorization"] = headers["authorization"].split(" ")[0] + " token"
        query = f"?{request['query']}" if request["query"] else ""
        answer = httpx.request(
            request["method"],
            f"{self.url}{request['path']}{query}",
            headers=headers,
            content=request["body"].encode() or None,
            timeout=stretch(30),
            verify=False,  # no TLS: starts quicker
        )
        return answer.status_code


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    """The mock server of the test process; tests are skipped where it or the document is missing.
    Import it where it is needed."""
    if not DOCUMENT.is_file():
        pytest.skip(f"needs PayPal's published document at {DOCUMENT}")
    program = node_tools.require("prism")
    url = f"http://127.0.0.1:{(port := free_port())}"
    log = Path(tmp_path_factory.mktemp("prism")) / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "mock", "--host", "127.0.0.1", "--port", str(port), str(DOCUMENT)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:

        def listens() -> bool:
            assert process.poll() is None, f"it ended: {log.read_text()}"
            return b"is listening" in log.read_bytes()

        until(listens, 60)
        yield Prism(url)
    finally:
        process.kill()
        process.wait()
