"""Alerts and dashboards name metrics that there are, and every alert has a section that says what
to do."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from payviox.monitoring.archive import Place, State
from payviox.monitoring.figures_metrics import figures_metrics
from payviox.monitoring.metrics import Metrics
from payviox.monitoring.queries.figures import Due, Workers
from payviox.monitoring.service import Figures

ROOT = Path(__file__).parents[3]
RULES = ROOT / "packaging/prometheus/alerts.yml"
DASHBOARD = ROOT / "packaging/grafana/payviox.json"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads(DASHBOARD.read_text())["panels"]
NONE: list[object] = []


class _Batcher:
    queued = 0
    on_group = None


@pytest.fixture(scope="module")
def named() -> set[str]:
    """Every metric that a page of /metrics may hold, as its samples are named."""
    figures = Figures(
        Workers(1, 1.0),
        Due(0.0, 0, 0.0),
        *[NONE] * 8,  # type: ignore[arg-type]  # none of any kind
        State(0, is_written=True, is_lost=False, command_fails=False),
        Place(1.0, 1, None),
    )
    page = Metrics(_Batcher()).render(figures).decode()  # type: ignore[arg-type]  # only counted on
    families = set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE))
    assert {family.name for family in figures_metrics(figures)} <= families
    parts = {f"{name}_{part}" for name in families for part in ("bucket", "sum", "count")}
    return families | parts | {"up"}


def used(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:payviox_\w+|process_\w+|up\b)", expression))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_is_about_what_is_measured_and_says_what_to_do(
    rule: dict[str, object], named: set[str]
) -> None:
    metrics = used(str(rule["expr"]))
    assert metrics
    assert metrics <= named
    page, _, anchor = rule["annotations"]["runbook"].partition("#")  # type: ignore[index]
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}
    assert rule["labels"]["severity"] in ("critical", "warning")  # type: ignore[index]


def test_every_section_about_an_alert_has_its_alert() -> None:
    headings = re.findall(r"^## (Payviox\w+)$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in ALERTS]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_shows_what_is_measured(panel: dict[str, object], named: set[str]) -> None:
    for target in panel["targets"]:  # type: ignore[attr-defined]
        metrics = used(target["expr"])
        assert metrics
        assert metrics <= named


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing")
def test_prometheus_takes_the_rules_and_they_alert_when_they_should() -> None:
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
