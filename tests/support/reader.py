"""Somebody who reads the guides and types what they show: a shell in which `payviox`, `curl` and
all else are what they are on a reader's machine, with placeholders filled in."""

import contextlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from payviox import ids
from payviox.db.embedded import binaries
from support import warm
from support.businesses import TestBusiness
from support.documents import Block
from support.live import PAYVIOX
from support.machine import stretch

SHIM = """#!/bin/sh
call=$(mktemp -d "$READER/call.XXXXXX")
env -0 > "$call/environment"
printf '%s\\0' "$PWD" "$@" > "$call/line"
mkfifo "$call/ended"
echo "$call" > "$READER/calls"
read -r status < "$call/ended"
cat "$call/stdout"
cat "$call/stderr" >&2
exit "$status"
"""


@dataclass
class Reader:
    """One shell for one block. `replace` turns what a reader replaces into what this one has: each
    pattern into a value, or into the next of several, one an occurrence."""

    business: TestBusiness
    url: str
    folder: Path
    environment: dict[str, str]
    given: str = ""
    """What is typed, or piped, into each `payviox` that reads."""
    replace: dict[str, str | list[str]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return ids.show(ids.BUSINESS, self.business.business_id)

    def text(self, block: Block, left_out: Iterable[str] = ()) -> str:
        """The block as this reader types it."""
        lines = [
            line
            for line in block.text.splitlines()
            if not any(line.startswith(start) for start in left_out)
        ]
        text = "\n".join(lines)
        known: dict[str, str | list[str]] = {
            r"biz_…|\bBUSINESS\b|\bID\b": self.id,
            r"sk_(test_)?…": self.business.secret_key,
            r"http://127\.0\.0\.1:8000|https://pay(outs)?\.example\.com": self.url,
        }
        for pattern, value in (self.replace | known).items():
            text = _fill(text, pattern, [value] if isinstance(value, str) else value)
        return text

    def type(self, text: str) -> str:
        """What a shell prints that runs this and stops at the first command that fails. Skips where
        curl is missing."""
        if "curl " in text and shutil.which("curl") is None:
            pytest.skip("curl is missing")
        self.folder.mkdir(exist_ok=True)
        (self.folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
        with _payviox(self.folder, self.given):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=self.folder,
                env={
                    **self.environment,
                    "PAYVIOX_URL": self.url,
                    "PAYVIOX_KEY": self.business.secret_key,
                    "PATH": f"{self.folder}:{binaries._in_wheel()}:{os.environ['PATH']}",
                    "CURL_HOME": str(self.folder),
                    "READER": str(self.folder),
                    "COLUMNS": "200",
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=stretch(60),
                check=False,
            )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout


def _fill(text: str, pattern: str, values: list[str]) -> str:
    """Each occurrence with the next of these; the last is for all that follow."""
    left = list(values)
    return re.sub(pattern, lambda _: left.pop(0) if len(left) > 1 else left[0], text)


@contextlib.contextmanager
def _payviox(folder: Path, given: str) -> Iterator[None]:
    """The command `payviox` in this folder: run where nothing needs importing, by a thread here."""
    (folder / "payviox").write_text(SHIM)
    (folder / "payviox").chmod(0o755)
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    os.mkfifo(calls)
    with os.fdopen(os.open(calls, os.O_RDWR)) as asked:  # a writer, too: it never ends by itself

        def answer() -> None:
            while call := asked.readline().strip():
                _run(Path(call), given)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            with calls.open("w") as end:
                end.write("\n")
            thread.join()


def _run(call: Path, given: str) -> None:
    folder, *arguments = (call / "line").read_text().rstrip("\0").split("\0")
    lines = (call / "environment").read_text().split("\0")
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    try:
        ended = warm.run(
            [PAYVIOX, *arguments],
            given=given,
            environment=environment,
            folder=Path(folder),
            timeout=stretch(40),
        )
        status, out, err = ended.returncode, ended.stdout, ended.stderr
    except subprocess.TimeoutExpired:
        status, out, err = 124, "", f"{arguments} did not end\n"
    (call / "stdout").write_text(out)
    (call / "stderr").write_text(err)
    (call / "ended").write_text(f"{status}\n")
