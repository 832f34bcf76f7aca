"""Install a lock file a few packages at a time and say which: pip alone, quiet, says nothing for a
minute and a half, and loud it says too much. Run by make with the environment's own Python."""

import subprocess
import sys
import tempfile
from pathlib import Path

AT_ONCE = 8
"""Packages of one step; each step starts pip anew, which takes about a second."""


def blocks_of(lock: str) -> list[str]:
    """Each requirement with its hashes."""
    blocks: list[str] = []
    for line in lock.splitlines(keepends=True):
        if line.startswith((" ", "\t")):
            blocks[-1] += line
        elif line.strip() and not line.startswith("#"):
            blocks.append(line)
    return blocks


def install(blocks: list[str]) -> None:
    """The lock names every dependency, so pip need not look for any."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(blocks)
        file.flush()
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(  # noqa: S603  # pip, of this environment
            [*pip, "--no-deps", "--require-hashes", "-r", file.name], check=True
        )


def main(path: str) -> None:
    blocks = blocks_of(Path(path).read_text("utf-8"))
    for first in range(0, len(blocks), AT_ONCE):
        step = blocks[first : first + AT_ONCE]
        names = " ".join(block.partition("==")[0] for block in step)
        sys.stdout.write(f"  {first + 1}-{first + len(step)} of {len(blocks)}: {names}\n")
        sys.stdout.flush()
        install(step)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
