"""compose.yaml and the chart: who gets which settings, and with which rights what runs."""

import json
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from payviox import __version__
from payviox.cli.main import main
from payviox.settings import Settings

PACKAGING = Path(__file__).parents[3] / "packaging"
CHART = PACKAGING / "helm" / "payviox"
INSTALLING = PACKAGING.parent / "docs" / "installing.md"
ADDRESS = ("--set", "settings.PAYVIOX_PUBLIC_URL=https://payouts.example.com")
KNOWN = {f"PAYVIOX_{name.upper()}" for name in Settings.__dataclass_fields__}
OWNER = "PAYVIOX_MIGRATION_URL"


def render(*options: str, release: str = "payviox") -> subprocess.CompletedProcess[str]:
    """What helm says of the chart with these options alone. Skips where helm is missing."""
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("helm is missing")
    command = [helm, "template", release, CHART, "--kube-version", "1.33", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def documents(*options: str, release: str = "payviox") -> list[dict[str, Any]]:
    """What the chart makes."""
    rendered = render(*ADDRESS, *options, release=release)
    assert rendered.returncode == 0, rendered.stderr
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


def test_the_charts_schema_knows_every_setting_and_takes_no_secret() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["settings"]
    ours = {name: how for name, how in schema["properties"].items() if name.startswith("PAYVIOX_")}
    assert set(ours) == KNOWN
    refused = {name for name, how in ours.items() if "in a Secret" in how.get("const", "")}
    secret = {f"PAYVIOX_{each.name.upper()}" for each in fields(Settings) if not each.repr}
    assert refused >= secret - {"PAYVIOX_OTLP_ENDPOINT"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("settings.PAYVIOX_SECRET_KEY=x", "secrets.application.secretKey"),
        ("settings.PAYVIOX_DATABASE_URL=x", "secrets.application.databaseUrl"),
        ("settings.SOMETHING=x", "SOMETHING"),
        ("settings.PAYVIOX_NONSENSE=x", "PAYVIOX_NONSENSE"),
        ("settings.PAYVIOX_PUBLIC_URL=payouts.example.com", "PAYVIOX_PUBLIC_URL"),
        ("secrets.application.smtpUrl=smtp://user:word@host:587", "smtpUrl"),
        ("secrets.migration.databaseUrl=postgresql://a:b@c/d", "databaseUrl"),
        ("image.repository=registry.example.com/payviox:1", "repository"),
        ("podMonitor.enabled=true", "secrets.application.metricsToken"),
    ],
)
def test_the_chart_refuses_what_cannot_work_and_says_where_it_belongs(
    value: str, said: str
) -> None:
    rendered = render(*ADDRESS, "--set", value)
    assert rendered.returncode != 0
    assert said in rendered.stderr


def test_the_chart_is_not_installed_without_an_address() -> None:
    rendered = render()
    assert rendered.returncode != 0
    assert "PAYVIOX_PUBLIC_URL" in rendered.stderr


def test_numbers_in_a_file_of_values_arrive_as_they_are_written(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(
        "settings: {PAYVIOX_ALLOCATION_QUEUE: 1000000, PAYVIOX_REQUIRE_SECOND_FACTOR: true}\n"
        "migrate: {deadlineSeconds: 1000000}\n"
    )
    made = documents("--values", str(file))
    env = {each["name"]: each for each in templates(made)[0]["spec"]["containers"][0]["env"]}
    assert env["PAYVIOX_ALLOCATION_QUEUE"]["value"] == "1000000"
    assert env["PAYVIOX_REQUIRE_SECOND_FACTOR"]["value"] == "true"
    (job,) = [each for each in made if each["kind"] == "Job"]
    assert job["spec"]["activeDeadlineSeconds"] == 1_000_000


def test_without_ports_of_the_internet_nobody_reaches_it() -> None:
    made = documents("--set-json", "networkPolicy.internetPorts=[]")
    policies = [each for each in made if each["kind"] == "NetworkPolicy"]
    assert len(policies) == 4
    for rule in (rule for policy in policies for rule in policy["spec"]["egress"]):
        assert rule["ports"]
        assert "to" not in rule


def test_the_ingress_is_of_the_public_address() -> None:
    made = documents("--set", "ingress.enabled=true")
    (ingress,) = [each["spec"] for each in made if each["kind"] == "Ingress"]
    assert ingress["tls"][0]["hosts"] == [ingress["rules"][0]["host"]] == ["payouts.example.com"]


def test_the_chart_takes_the_values_of_the_guide(tmp_path: Path) -> None:
    text = INSTALLING.read_text().partition("## Helm")[2]
    file = tmp_path / "values.yaml"
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    rendered = render("--values", str(file))
    assert rendered.returncode == 0, rendered.stderr
    made = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    assert {"Ingress", "PodMonitor", "CronJob", "Job"} <= {each["kind"] for each in made}
    (monitor,) = [each["spec"] for each in made if each["kind"] == "PodMonitor"]
    wanted = monitor["selector"]["matchLabels"].items()
    (web,) = [each for each in templates(made) if wanted <= each["metadata"]["labels"].items()]
    assert web["metadata"]["labels"][monitor["jobLabel"]] == "payviox"
    (endpoint,) = monitor["podMetricsEndpoints"]
    container = web["spec"]["containers"][0]
    assert endpoint["port"] in [each["name"] for each in container["ports"]]
    token = {each["name"]: each for each in container["env"]}["PAYVIOX_METRICS_TOKEN"]
    assert token["valueFrom"]["secretKeyRef"] == endpoint["authorization"]["credentials"]


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


def test_the_longest_release_that_helm_takes_has_names_that_kubernetes_takes() -> None:
    release = "a" * 43 + "-" + "b" * 9
    made = documents("--set", "ingress.enabled=true", release=release)
    for each in made:
        longest = 52 if each["kind"] == "CronJob" else 63
        name = each["metadata"]["name"]
        assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name), name
        assert len(name) <= longest, each["kind"]
    assert len({(each["kind"], each["metadata"]["name"]) for each in made}) == len(made)


def test_the_chart_takes_an_image_by_its_digest() -> None:
    digest = f"sha256:{'4b' * 32}"
    images = {
        pod["containers"][0]["image"] for pod in pods("--set", f"image.digest={digest}").values()
    }
    assert images == {f"payviox:{__version__}@{digest}"}
    assert render(*ADDRESS, "--set", "image.digest=sha256:4b").returncode != 0


def test_the_chart_compacts_the_database_unless_it_is_told_not_to() -> None:
    kinds = [each["kind"] for each in documents()]
    assert kinds.count("CronJob") == 1
    assert pods()["compact"]["containers"][0]["args"] == ["database", "compact"]
    without = documents("--set", "compact.enabled=false")
    assert "CronJob" not in {each["kind"] for each in without}
    assert len(kinds) - len(without) == 2, "its network policy goes with it"
