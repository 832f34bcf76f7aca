"""A local EVM chain: the program anvil in a process of its own, which ends with this one, however
this one ends."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

START_S = 15.0
STOP_S = 2.0

HOW_TO_GET = "`npm install --global @foundry-rs/anvil`, and start again."

# The pipe on its standard input closes when its only writer, our process, stops or dies.
WRAPPER = (
    'exec 3<&0; "$@" 3<&- & anvil=$!; (read -r _ <&3; kill "$anvil" 2>/dev/null) & wait "$anvil"'
)


class NoChain(Exception):
    """anvil did not start; the message says why."""


def find() -> Path | None:
    """The program, where one is on the PATH."""
    program = shutil.which("anvil")
    return None if program is None else Path(program)


class Anvil:
    """One chain, on a port of its own on this machine. Its 10 first accounts are funded."""

    def __init__(self, program: Path, chain_id: int, options: Sequence[str] = ()) -> None:
        self.chain_id = chain_id
        self.url = ""
        self._program = program
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises NoChain."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--silent"]
        chain = ["--chain-id", str(self.chain_id), *self._options]
        self._process = subprocess.Popen(  # noqa: S603  # what the operator installed
            ["/bin/sh", "-c", WRAPPER, "sh", str(self._program), *arguments, *chain],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None:
                raise NoChain(f"{self._program} ended with status {self._process.returncode}.")
            if time.monotonic() > until:
                self.stop()
                raise NoChain(f"{self._program} did not answer within {START_S:.0f} s.")
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def rpc(self, method: str, *parameters: Any) -> Any:
        """What the node answers to one call. Raises NoChain where that is an error."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        request = urllib.request.Request(  # noqa: S310  # our own URL
            self.url, json.dumps(call).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # as above
            answer = json.load(response)
        if "error" in answer:
            raise NoChain(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def _answers(self) -> bool:
        try:
            return int(self.rpc("eth_chainId"), 16) == self.chain_id
        except OSError:
            return False
