"""`make release VERSION=1.2.3`: one version everywhere, the changelog closed, all of it checked and
built, then a commit and a tag. Nothing is pushed or published."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHANGELOG = ROOT / "CHANGELOG.md"
PLACES = {
    "pyproject.toml": r'^(version = ")[^"]+(")',
    "src/payviox/__init__.py": r'^(__version__ = ")[^"]+(")',
    "clients/python/src/payviox_client/_version.py": r'^(__version__ = ")[^"]+(")',
    "packaging/helm/payviox/Chart.yaml": r'^(version: "?)[^"\n]+("?)$',
}
"""Where the version stands, between two groups that stay."""
APP_VERSION = r'^(appVersion: "?)[^"\n]+("?)$'
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?")


class NotReady(Exception):
    """What has to be done before."""


def main(version: str) -> None:
    """Release. Raises NotReady before anything is changed, else CalledProcessError."""
    if not VERSION.fullmatch(version):
        raise NotReady(f"{version!r} is no version like 1.2.3.")
    if _said("git", "status", "--porcelain"):
        raise NotReady("There are changes that are not committed.")
    if _said("git", "tag", "--list", f"v{version}"):
        raise NotReady(f"v{version} is there already.")
    changelog = closed(CHANGELOG.read_text(encoding="utf-8"), version, datetime.now(UTC).date())
    texts = {name: with_version((ROOT / name).read_text("utf-8"), name, version) for name in PLACES}
    for name, text in texts.items():
        (ROOT / name).write_text(text, encoding="utf-8")
    CHANGELOG.write_text(changelog, encoding="utf-8")
    for target in ("lint", "test", "audit", "dist"):
        _run("make", target)
    _run("git", "commit", "--quiet", "--all", "--message", f"Version {version}")
    _run("git", "tag", "--annotate", f"v{version}", "--message", f"Version {version}")
    sys.stdout.write(
        f"v{version} is committed, tagged and built in dist/. Next: `make sign KEY=…`, then push.\n"
    )


def with_version(text: str, name: str, version: str) -> str:
    """The file's text with this version. Raises NotReady where it has no place for one."""
    patterns = [PLACES[name], *([APP_VERSION] if name.endswith("Chart.yaml") else [])]
    for pattern in patterns:
        text, number = re.subn(
            pattern, lambda match: match[1] + version + match[2], text, count=1, flags=re.MULTILINE
        )
        if not number:
            raise NotReady(f"{name} has no version.")
    return text


def closed(changelog: str, version: str, today: date) -> str:
    """What was unreleased belongs to the version, and a new list begins. Raises NotReady where
    nothing was."""
    before, heading, after = changelog.partition("## Unreleased\n")
    unreleased = after.partition("\n## ")[0]
    if not heading or not re.search(r"^- ", unreleased, re.MULTILINE):
        raise NotReady("CHANGELOG.md has nothing under Unreleased.")
    return f"{before}{heading}\n## {version} - {today.isoformat()}\n{after}"


def _said(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603  # ours
    return done.stdout.strip()


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603  # ours


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "")
    except NotReady as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"`{' '.join(error.cmd)}` failed: nothing was committed. `git diff` shows what was set."
        )
