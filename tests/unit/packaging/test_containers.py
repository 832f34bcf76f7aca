"""compose.yaml and the chart: who gets which settings, and with which rights what runs."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from payviox import __version__
from payviox.cli.main import main
from payviox.settings import Settings

PACKAGING = Path(__file__).parents[3] / "packaging"
CHART = PACKAGING / "helm" / "payviox"
KNOWN = {f"PAYVIOX_{name.upper()}" for name in Settings.__dataclass_fields__}
OWNER = "PAYVIOX_MIGRATION_URL"


def documents(*options: str) -> list[dict[str, Any]]:
    """What the chart makes. Skips where helm is missing."""
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("helm is missing")
    command = [helm, "template", "payviox", CHART, "--kube-version", "1.33", *options]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True)
    return [each for each in yaml.safe_load_all(rendered.stdout) if each]


def templates(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of every pod that these make, whoever starts it."""
    specs = [d["spec"].get("jobTemplate", d).get("spec", {}) for d in made]
    return [spec["template"] for spec in specs if "template" in spec]


def pods(*options: str) -> dict[str, dict[str, Any]]:
    """Each part's pod."""
    specs = [template["spec"] for template in templates(documents(*options))]
    return {spec["containers"][0]["name"]: spec for spec in specs}


def test_in_compose_each_part_has_no_rights_and_the_migration_alone_the_owners_password() -> None:
    services = yaml.safe_load((PACKAGING / "compose" / "compose.yaml").read_text())["services"]
    ours = {name: each for name, each in services.items() if each["image"] == "payviox"}
    assert sorted(ours) == ["migrate", "web", "worker"]
    for name, service in ours.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert set(service["environment"]) <= KNOWN
        assert (OWNER in service["environment"]) == (name == "migrate")


def test_in_compose_nobody_from_outside_reaches_the_database() -> None:
    compose = yaml.safe_load((PACKAGING / "compose" / "compose.yaml").read_text())
    assert "ports" not in compose["services"]["database"]
    assert compose["services"]["database"]["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True


def test_settings_of_compose_are_its_own_each_time(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        folder = tmp_path / name
        shutil.copytree(PACKAGING / "compose", folder)
        (folder / ".env").unlink(missing_ok=True)
        subprocess.run([folder / "settings.sh"], check=True, capture_output=True)
        assert (folder / ".env").stat().st_mode & 0o777 == 0o600
        texts.append((folder / ".env").read_text())
    secrets = re.findall(r"^[A-Z_]+=([0-9a-f]{64})$", "".join(texts), re.MULTILINE)
    assert (len(secrets), len(set(secrets))) == (8, 8)
    again = subprocess.run([folder / "settings.sh"], check=False, capture_output=True)
    assert again.returncode == 1
    assert (folder / ".env").read_text() == texts[-1]


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_charts_pods_have_no_rights_and_only_what_needs_it_the_owners_password() -> None:
    made = pods("--set", "secrets.application.smtpUrl=PAYVIOX_SMTP_URL")
    assert sorted(made) == ["compact", "migrate", "web", "worker"]
    for name, pod in made.items():
        container = pod["containers"][0]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        values = {each["name"]: each for each in container["env"]}
        assert set(values) <= KNOWN
        assert "PAYVIOX_SMTP_URL" in values
        assert (OWNER in values) == (name in ("compact", "migrate"))
        secret = [n for n in values if "KEY" in n or (n.endswith("_URL") and "PUBLIC" not in n)]
        assert all("secretKeyRef" in values[n]["valueFrom"] for n in secret)


@pytest.mark.parametrize("name", ["PAYVIOX_SECRET_KEY", "PAYVIOX_DATABASE_URL", "SOMETHING"])
def test_the_chart_refuses_a_secret_or_a_stranger_among_the_settings(name: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        documents("--set", f"settings.{name}=x")


def test_the_charts_network_policies_choose_the_pods_that_it_makes() -> None:
    made = documents()
    labels = [template["metadata"]["labels"] for template in templates(made)]
    for policy in (d for d in made if d["kind"] in ("NetworkPolicy", "PodDisruptionBudget")):
        chosen = policy["spec"].get("podSelector") or policy["spec"]["selector"]
        wanted = chosen["matchLabels"].items()
        assert len([each for each in labels if wanted <= each.items()]) == 1


def test_the_charts_worker_is_looked_after_by_the_file_that_it_touches() -> None:
    container = pods()["worker"]["containers"][0]
    command = main.parts["worker"].load()
    (option,) = [each for each in command.params if each.name == "alive_file"]
    assert container["args"][:2] == ["worker", option.opts[0]]
    for probe in ("startupProbe", "livenessProbe"):
        assert container["args"][2] in container[probe]["exec"]["command"][-1]


def test_the_chart_compacts_the_database_unless_it_is_told_not_to() -> None:
    kinds = [each["kind"] for each in documents()]
    assert kinds.count("CronJob") == 1
    assert pods()["compact"]["containers"][0]["args"] == ["database", "compact"]
    without = documents("--set", "compact.enabled=false")
    assert "CronJob" not in {each["kind"] for each in without}
    assert len(kinds) - len(without) == 2, "its network policy goes with it"
