"""The code blocks of the documents, as readers copy them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "packaging").rglob("*.md")),
    *sorted((ROOT / "clients").glob("*/README.md")),
]
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```[ ]*$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`(payviox [^`]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `page` is its path below the checkout, `language` may be empty."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def begins(self, start: str) -> bool:
        return self.text.startswith(start)


def _blocks() -> list[Block]:
    made = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        page = path.relative_to(ROOT).as_posix()
        for found in _FENCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            lines = [each.removeprefix(found[1]) for each in found[3].splitlines(keepends=True)]
            made.append(Block(page, line, found[2], "".join(lines)))
    return made


BLOCKS = _blocks()


def block(page: str, start: str) -> Block:
    """The one block of the page that begins so."""
    (found,) = [each for each in BLOCKS if each.page == page and each.begins(start)]
    return found


def commands() -> list[tuple[str, str]]:
    """Every line that begins with `payviox`, in blocks and in sentences, with where it stands."""
    made = []
    for each in BLOCKS:
        if each.language == "sh":
            whole = each.text.replace("\\\n", " ")
            lines = [line.strip() for line in whole.splitlines()]
            made += [(str(each), line) for line in lines if line.startswith("payviox ")]
    for path in PAGES:
        page = path.relative_to(ROOT).as_posix()
        text = _FENCE.sub("", path.read_text(encoding="utf-8"))
        made += [(page, " ".join(found.split())) for found in _INLINE.findall(text)]
    return made
