"""The documents as a site: every page is in it, every link leads somewhere, and nothing comes from
elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(https?:)?//|<link[^>]*href=\"?https?:"
)


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, built anew. Building is strict: a link or an anchor that leads nowhere fails."""
    done = subprocess.run(
        [sys.executable, "tools/site/build.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build/site"


def test_every_document_is_a_page_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for document in (ROOT / "docs").rglob("*.md"):
        page = site / document.relative_to(ROOT / "docs").with_suffix(".html")
        if page.name == "README.html":
            page = page.with_name("index.html")
        text = page.read_text(encoding="utf-8")
        assert not LOADED.search(text), page
    reference = (site / "reference.html").read_text(encoding="utf-8")
    assert "/payout/create" in reference
    assert not re.search(r'(?:href|src)="/', reference)


def test_a_language_model_finds_every_document(site: Path) -> None:
    text = (site / "llms.txt").read_text(encoding="utf-8")
    for document in (ROOT / "docs").glob("*.md"):
        assert f"({document.stem}.html)" in text


def test_every_guide_is_in_the_navigation() -> None:
    def pages(part: object) -> list[str]:
        match part:
            case str():
                return [part]
            case dict():
                return pages([*part.values()])
            case list():
                return [name for each in part for name in pages(each)]
        raise TypeError(part)

    nav = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(nav) == sorted(
        [*(path.name for path in (ROOT / "docs").glob("*.md")), "decisions/README.md"]
    )
