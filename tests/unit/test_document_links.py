"""Links and pictures of the documents lead to files and headings that are there, and pictures are
small."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "packaging").rglob("*.md"),
    *(ROOT / "clients").glob("*/README.md"),
]
PICTURES = [*(ROOT / "docs" / "pictures").iterdir()]
LARGEST = 60_000


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_links_to_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", document.read_text(encoding="utf-8"))
    missing = [
        link
        for link in links
        if not re.match(r"[a-z]+:", link) and not (document.parent / link).exists()
    ]
    assert missing == []


def anchors(document: Path) -> set[str]:
    """What a link may name after the `#`: each heading in small letters, with dashes for blanks."""
    text = re.sub(
        r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_heading_that_a_link_names_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s#:]*)#([^)\s]+)\)", document.read_text(encoding="utf-8"))
    missing = [
        f"{path}#{anchor}"
        for path, anchor in links
        if not path or path.endswith(".md")
        if anchor not in anchors(document.parent / path if path else document)
    ]
    assert missing == []


def test_pictures_are_small_and_each_is_shown_somewhere() -> None:
    texts = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert PICTURES
    assert [path.name for path in PICTURES if path.stat().st_size > LARGEST] == []
    assert [path.name for path in PICTURES if f"pictures/{path.name}" not in texts] == []
