"""Programs from npm that some tests run: tests/node has them after `make test`, or the PATH."""

import shutil
from pathlib import Path

import pytest

BIN = Path(__file__).parents[1] / "node" / "node_modules" / ".bin"


def require(name: str) -> Path:
    """Where the program is; the test is skipped where it is not."""
    found = shutil.which(name, path=str(BIN)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}: install npm and run `make test`, or put {name} on the PATH")
    return Path(found)
