"""docs/asvs.md has a line for each requirement, and names files and tests that are there."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "asvs.md").read_text("utf-8")

SECTIONS: Mapping[str, Iterable[int]] = {
    "1.1": range(1, 3),
    "1.2": range(1, 10),
    "1.3": range(1, 12),
    "1.4": range(1, 4),
    "1.5": range(1, 3),
    "2.1": range(1, 4),
    "2.2": range(1, 4),
    "2.3": range(1, 5),
    "2.4": range(1, 2),
    "3.2": range(1, 3),
    "3.3": range(1, 5),
    "3.4": range(1, 7),
    "3.5": range(1, 6),
    "3.7": range(1, 3),
    "4.1": range(1, 4),
    "4.2": range(1, 2),
    "4.3": range(1, 3),
    "4.4": range(1, 5),
    "5.1": range(1, 2),
    "5.2": range(1, 4),
    "5.3": range(1, 3),
    "5.4": range(1, 4),
    "6.1": range(1, 4),
    "6.2": range(1, 13),
    "6.3": range(1, 5),
    "6.4": range(1, 5),
    "6.5": range(1, 6),
    "6.6": range(1, 4),
    "6.8": range(1, 5),
    "7.1": range(1, 4),
    "7.2": range(1, 5),
    "7.3": range(1, 3),
    "7.4": range(1, 6),
    "7.5": range(1, 3),
    "7.6": range(1, 3),
    "8.1": range(1, 3),
    "8.2": range(1, 4),
    "8.3": range(1, 2),
    "8.4": range(1, 2),
    "9.1": range(1, 4),
    "9.2": range(1, 5),
    "10.1": range(1, 3),
    "10.2": range(1, 3),
    "10.3": range(1, 5),
    "10.4": range(1, 12),
    "10.5": range(1, 6),
    "10.6": range(1, 3),
    "10.7": range(1, 4),
    "11.1": range(1, 3),
    "11.2": range(1, 4),
    "11.3": range(1, 4),
    "11.4": range(1, 5),
    "11.5": range(1, 2),
    "11.6": range(1, 2),
    "12.1": range(1, 4),
    "12.2": range(1, 3),
    "12.3": range(1, 5),
    "13.1": range(1, 2),
    "13.2": range(1, 6),
    "13.3": range(1, 3),
    "13.4": range(1, 6),
    "14.1": range(1, 3),
    "14.2": range(1, 5),
    "14.3": range(1, 4),
    "15.1": range(1, 4),
    "15.2": range(1, 4),
    "15.3": range(1, 8),
    "16.1": range(1, 2),
    "16.2": range(1, 6),
    "16.3": range(1, 5),
    "16.4": range(1, 4),
    "16.5": range(1, 4),
    "17.1": range(1, 2),
    "17.2": range(1, 5),
    "17.3": range(1, 3),
}
"""The numbers of ASVS 5.0.0 that are of level 1 or 2, by their section."""

ROWS = re.findall(r"^\| ([\d.]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
VERDICTS = [verdict.strip("*") for _, _, verdict, _ in ROWS]
NAMED = sorted(set(re.findall(r"`([\w/.-]+\.(?:py|js|html))(?:::(test_[a-z0-9_]+))?`", TEXT)))
TESTS = ("acceptance/", "browser/", "integration/", "migration/", "unit/")


def test_every_requirement_has_one_line_in_its_place() -> None:
    wanted = [f"{section}.{number}" for section, each in SECTIONS.items() for number in each]
    assert len(wanted) == 253
    assert [number for number, *_ in ROWS] == wanted


def test_a_line_says_what_is_so_and_where_or_why() -> None:
    assert set(VERDICTS) <= {"met", "in part", "not met", "yours", "no"}
    for number, _, verdict, where in ROWS:
        assert verdict == "no" or len(where) > 3, number


def test_the_page_counts_its_lines() -> None:
    count = Counter(VERDICTS)
    assert (
        f"Of {len(ROWS)} requirements {count['met']} are met, {count['in part']} in part,"
        f" {count['not met']} are not met, {count['yours']} are yours, and {count['no']}"
    ) in TEXT


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_the_page_names_is_there(path: str, name: str) -> None:
    place = ROOT / "tests" if path.startswith(TESTS) else ROOT / "src" / "payviox"
    text = (place / path).read_text("utf-8")
    assert not name or re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE)
