"""`make docs`: the documents as a site in build/site, with the API's reference and llms.txt. All
of it stands there: nothing is loaded from elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from payviox import app
from payviox.api.docs import pages

ROOT = Path(__file__).parents[2]
DOCS, GATHERED, SITE = ROOT / "docs", ROOT / "build/docs", ROOT / "build/site"
LINK = re.compile(r"\]\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
ADDRESS = "https://payouts.example.com"


def main() -> int:
    """Gather, build, and add what is no document; answers an exit status."""
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    gather()
    zensical = Path(sys.executable).with_name("zensical")
    built = subprocess.run([zensical, "build", "--strict"], cwd=ROOT, check=False)  # noqa: S603  # ours
    if built.returncode:
        return built.returncode
    add_reference()
    (SITE / "llms.txt").write_text(llms(), encoding="utf-8")
    sys.stdout.write(f"The site is in {SITE.relative_to(ROOT)}: serve that folder.\n")
    return 0


def gather() -> None:
    """Copy the documents, and what they link to elsewhere in the repository beside them."""
    shutil.copytree(DOCS, GATHERED)
    for page in GATHERED.rglob("*.md"):
        source = DOCS / page.relative_to(GATHERED)
        up = "../" * (len(page.relative_to(GATHERED).parts) - 1)
        page.write_text(
            LINK.sub(lambda match, source=source, up=up: _kept(match, source, up), page.read_text())
        )


def _kept(match: re.Match[str], source: Path, up: str) -> str:
    """A link to a file that is no document leads to a copy of it."""
    target = (source.parent / match["path"]).resolve()
    if target.is_relative_to(DOCS) or not target.is_file():
        return match[0]
    copy = GATHERED / "files" / target.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".md":  # it would be a page of its own, with links of its own
        copy = copy.with_suffix(".txt")
    shutil.copy(target, copy)
    return f"]({up}{copy.relative_to(GATHERED).as_posix()})"


def add_reference() -> None:
    """The page of the API that a running server has at /docs, and its OpenAPI document."""
    made = pages.build(app.described(ADDRESS))
    (SITE / "openapi.json").write_bytes(made.openapi)
    (SITE / "style.css").write_bytes(made.style)
    page = re.sub(r'href="/(?:docs/)?(style\.css|openapi\.json)"', r'href="\1"', made.page)
    (SITE / "reference.html").write_text(page, encoding="utf-8")


def llms() -> str:
    """What a language model should read, as https://llmstxt.org has it."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    title, about = TITLE.search(index), index.split("\n\n")[1]
    assert title  # noqa: S101  # a document of ours
    lines = [f"# {title[1]}", "", "> " + " ".join(about.split()), "", "## Documents", ""]
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        heading = TITLE.search(text)
        said = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", " ".join(text.split("\n\n")[1].split()))
        name = heading[1] if heading else page.stem
        lines.append(f"- [{name}]({page.stem}.html): {said.partition('. ')[0].rstrip('.:')}.")
    lines += ["", "## Reference", "", "- [OpenAPI 3.1 document](openapi.json)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
