"""A real OpenID provider, the certified `oidc-provider` of npm, and somebody who signs in there."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from support.live import free_port
from support.machine import stretch
from support.polling import until

NODE = Path(__file__).parents[1] / "node"
CLIENT_ID, CLIENT_SECRET = "payviox", "a secret of the tests"
STEPS = 12
"""More redirects and pages than signing in there takes."""


@dataclass(frozen=True)
class OpenIdProvider:
    """A running provider."""

    url: str

    def sign_in(self, address: str, name: str) -> str:
        """Sign in as this name where the address leads, and agree; answers where it leads back."""
        with httpx.Client(timeout=stretch(30)) as client:
            answer = client.get(address)
            for _ in range(STEPS):
                if answer.is_redirect:
                    address = urljoin(address, answer.headers["location"])
                    if not address.startswith(self.url):
                        return address
                    answer = client.get(address)
                    continue
                assert answer.status_code == 200, answer.text
                form = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
                assert form is not None, answer.text
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert prompt is not None, answer.text
                address = urljoin(address, form[1])
                fields = {"prompt": prompt[1], "login": name, "password": "any"}
                answer = client.post(address, data=fields)
        raise AssertionError("it leads nowhere")


def start(folder: Path, back: str) -> Iterator[OpenIdProvider]:
    """The provider that leads back to this address; tests are skipped where it is missing."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("needs oidc-provider: install npm and run `make test`")
    port, log = free_port(), folder / "openid-provider.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [node, str(NODE / "openid_provider.mjs"), str(port), back],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:

        def listens() -> bool:
            assert process.poll() is None, f"it ended: {log.read_text()}"
            return b"is listening" in log.read_bytes()

        until(listens, 60)
        yield OpenIdProvider(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()
