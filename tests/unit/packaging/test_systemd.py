"""The systemd units: systemd's own judgement of them, and the places that they and the settings
agree on."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

from payviox import settings

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "packaging" / "systemd"
OWNERS = ["payviox-migrate.service", "payviox-compact.service"]
UNITS = ["payviox-web.service", "payviox-worker.service", *OWNERS]
TIMER = "payviox-compact.timer"
SYSTEM = Path("/usr/lib/systemd/system")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None or not SYSTEM.exists(), reason="no systemd-analyze"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which `install.sh` put everything."""
    root = tmp_path_factory.mktemp("root")
    environment = {"DESTDIR": str(root), "PATH": "/usr/bin:/bin"}
    subprocess.run([FOLDER / "install.sh"], env=environment, check=True)
    return root


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_calls_each_unit_well_protected(installed: Path, unit: str) -> None:
    told = analyze(
        "security", "--offline=true", "--no-pager", "--threshold=25", unit, root=installed
    )
    assert told.returncode == 0, told.stdout


@needs_systemd
def test_systemd_finds_nothing_wrong_in_the_units(installed: Path) -> None:
    python = installed / "opt/payviox/current/bin/python"
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    targets = installed / SYSTEM.relative_to("/")
    targets.mkdir(parents=True)
    assert (installed / "etc/systemd/system" / TIMER).exists()
    for target in SYSTEM.glob("*.target"):
        shutil.copy(target, targets, follow_symlinks=True)
    for name in ("-.slice", "system.slice"):
        if (SYSTEM / name).exists():
            shutil.copy(SYSTEM / name, targets)
    told = analyze("verify", *UNITS, TIMER, root=installed)
    assert [line for line in told.stderr.splitlines() if "payviox" in line] == []


def test_installing_again_keeps_the_settings_that_are_there(installed: Path) -> None:
    file = installed / "etc/payviox/.env"
    file.write_text("PAYVIOX_PORT=9000\n")
    environment = {"DESTDIR": str(installed), "PATH": "/usr/bin:/bin"}
    subprocess.run([FOLDER / "install.sh"], env=environment, check=True)
    assert file.read_text() == "PAYVIOX_PORT=9000\n"


def test_the_settings_files_hold_settings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("settings.env", "migrate.env"):
        (tmp_path / ".env").write_text((FOLDER / name).read_text().replace("# PAYVIOX", "PAYVIOX"))
        values = dotenv_values(tmp_path / ".env")
        assert values
        assert {n.removeprefix("PAYVIOX_").lower() for n in values} <= set(
            settings.Settings.__dataclass_fields__
        )
        monkeypatch.chdir(tmp_path)
        for variable in values:
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("PAYVIOX_SECRET_KEY", "a secret key of this test and of a fine length")
        settings.load()


def test_only_what_needs_it_reads_the_owners_password() -> None:
    for unit in UNITS:
        parser = configparser.RawConfigParser(strict=False)
        parser.read(FOLDER / unit)
        file = parser["Service"].get("EnvironmentFile", "")
        assert file == ("/etc/payviox/migrate.env" if unit in OWNERS else "")
    assert not re.search("^PAYVIOX_MIGRATION", (FOLDER / "settings.env").read_text(), re.MULTILINE)


def analyze(*arguments: str, root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", f"--root={root}", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
