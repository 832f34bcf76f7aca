"""What `make release` changes: one version everywhere, and a changelog with that version's list."""

import importlib.util
import re
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools/release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_place_has_the_same_version_now_and_gets_the_new_one(release: ModuleType) -> None:
    standing = set()
    for name, pattern in release.PLACES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        now = release.with_version(text, name, "12.3.4")
        assert now.count("12.3.4") == (2 if name.endswith("Chart.yaml") else 1)
        found = re.search(pattern, text, re.MULTILINE)
        assert found is not None
        standing.add(found[0].strip(found[1] + found[2]))
    assert len(standing) == 1


def test_no_other_file_says_the_version(release: ModuleType) -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    said = re.compile(rf"version[\"']?\s*[:=]\s*[\"']?{re.escape(version[1])}\b", re.IGNORECASE)
    folders = ("src", "clients", "packaging")
    files = [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".json", ".yaml", ".toml", ".service")
        and not {"node_modules", "vendor", "dist"} & set(path.parts)
        and path.name != "package-lock.json"
    ]
    saying = {path.relative_to(ROOT).as_posix() for path in files if said.search(path.read_text())}
    assert saying <= set(release.PLACES)


def test_the_changelog_is_closed_and_a_new_list_begins(release: ModuleType) -> None:
    before = (
        "# Changelog\n\n## Unreleased\n\n### Added\n- A thing.\n\n## 0.0.1 - 2026-01-01\n- B.\n"
    )
    assert release.closed(before, "0.1.0", date(2026, 11, 29)) == (
        "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-11-29\n\n### Added\n- A thing.\n\n"
        "## 0.0.1 - 2026-01-01\n- B.\n"
    )


@pytest.mark.parametrize(
    "text", ["# Changelog\n", "## Unreleased\n\n## 0.0.1 - 2026-01-01\n- B.\n"]
)
def test_a_release_of_nothing_is_refused(release: ModuleType, text: str) -> None:
    with pytest.raises(release.NotReady, match="nothing under Unreleased"):
        release.closed(text, "0.1.0", date(2026, 11, 29))


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3", "1.2.3-beta", "1.2.3;ls"])
def test_what_is_no_version_is_refused(release: ModuleType, version: str) -> None:
    with pytest.raises(release.NotReady, match="no version"):
        release.main(version)
