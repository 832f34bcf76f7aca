"""docs/security.md names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py)(?:::(test_[a-z0-9_]+))?`", TEXT)))


def test_the_page_names_many_tests() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_the_page_names_is_there(path: str, name: str) -> None:
    text = (ROOT / "tests" / path).read_text("utf-8")
    assert not name or re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE)


def test_every_line_of_a_table_names_a_test() -> None:
    rows = [
        line for line in TEXT.splitlines() if line.startswith("| ") and "what is tried" not in line
    ]
    assert [row for row in rows if ".py" not in row] == []
