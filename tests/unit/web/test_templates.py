"""Templates obey the policy under which they are served, and what they name is there."""

import re
from pathlib import Path

import pytest

from payviox.dashboard import app as dashboard
from payviox.dashboard.visits import SHORTCUTS
from payviox.redeem import app as redeem
from payviox.web import pages

SOURCE = Path(pages.__file__).parents[1]
DOORS = {"dashboard": dashboard.TEMPLATES, "redeem": redeem.TEMPLATES}
TEMPLATES = sorted(
    path for folder in ("web/templates", *DOORS) for path in SOURCE.glob(f"{folder}/**/*.html")
)


@pytest.mark.parametrize("door", DOORS)
def test_every_template_compiles_and_names_icons_that_are_there(door: str) -> None:
    environment = pages.load(DOORS[door]).environment
    names = environment.list_templates(extensions=["html"])
    assert len(names) >= len([*SOURCE.glob(f"{door}/**/*.html")]) > 5
    for name in names:
        assert environment.get_template(name)


@pytest.mark.parametrize("unknown", ["{{ icon('nowhere') }}", "{{ asset('js/nowhere.js') }}"])
def test_a_template_that_names_what_is_not_there_stops_the_start(
    unknown: str, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text(unknown)
    with pytest.raises((pages.MissingAssets, KeyError), match="nowhere"):
        pages.load(tmp_path)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_is_inline_or_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|\son\w+=|hx-on|<style|javascript:|\|\s*safe\b", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_attribute_is_evaluated_as_a_script(path: Path) -> None:
    for name, text in re.findall(r"\s((?:data-)?hx-[\w:-]+)=[\"']([^\"']*)", path.read_text()):
        assert not re.search(r"^\s*(js|javascript):", text), (path, name)
        assert name != "hx-confirm" or "js:" not in text
        assert "[" not in text or not name.endswith("hx-trigger"), f"a filter is evaluated: {text}"
        assert not name.endswith(("hx-trigger", "hx-vals", "hx-headers")) or "js:" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_literals_are_translated(path: Path) -> None:
    """What gettext answers is not escaped any more."""
    assert not re.search(r"gettext\((?!\s*[\"'])", path.read_text())


def test_every_shortcut_leads_to_one_page() -> None:
    letters = [*SHORTCUTS.values()]
    assert len(set(letters)) == len(letters)
    assert all(path in SHORTCUTS for path, _, _ in dashboard.MENU)


def test_style_and_scripts_of_a_page_are_light() -> None:
    files = pages.load(dashboard.TEMPLATES).assets.files
    weight = sum(
        len(asset.compressed or asset.content)
        for name, asset in files.items()
        if name.endswith((".css", ".js"))
    )
    assert weight < 60_000
