"""docs/architecture.md names files and rooms that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "payviox"
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`([a-z_0-9/]+\.(?:py|sql))`", TEXT)))
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))


def test_the_list_of_what_is_where_names_many_files() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_the_document_names_is_there(name: str) -> None:
    assert (SOURCE / name).is_file() or (ROOT / name).is_file()


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_in_the_document(room: str) -> None:
    assert re.search(rf"^  {room}/ ", TEXT, re.MULTILINE)


ROLES = re.findall(
    r"^\| `([a-z]+)` \| .+ \| (.+) \|$",
    TEXT.partition("### A rail's folder")[2].partition("A write takes")[0],
    re.MULTILINE,
)
VENDORS = sorted(path.parent.name for path in SOURCE.glob("rails/*/rail.py"))


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_rails_folder_has_exactly_the_roles_that_the_document_gives_it(vendor: str) -> None:
    named = {role for role, who in ROLES if who == "all" or re.search(rf"\b{vendor}\b", who)}
    here = {role for role, _ in ROLES if (SOURCE / "rails" / vendor / f"{role}.py").is_file()}
    assert named == here
