"""The wheel holds everything: installed beside the locked packages and nothing else of the checkout
it migrates a database and serves pages with their assets."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from support.databases import Server
from support.live import environment, free_port
from support.machine import stretch
from support.polling import until

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "payviox"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, *build], check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    there = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as file:
        packed = {name for name in file.namelist() if ".dist-info/" not in name}
    assert "payviox/web/vendor/htmx.js" in packed
    assert packed == there


def test_installed_from_the_wheel_it_migrates_and_serves_pages_with_their_assets(
    wheel: Path, tmp_path: Path, server: Server
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)  # all that pip does with it, but for the command and compiling
    python = [sys.executable, "-P", "-m", "payviox"]
    where = subprocess.run(
        [sys.executable, "-P", "-c", "import payviox; print(payviox.__file__)"],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(f"{site}/"), "not the checkout's"
    port = free_port()
    with server.fresh(migrated=False) as urls:
        common = environment(
            tmp_path / "home", urls.application, PYTHONPATH=str(site), PAYVIOX_PORT=str(port)
        )
        owner = {**common, "PAYVIOX_MIGRATION_URL": urls.owner}
        subprocess.run([*python, "migrate"], env=owner, cwd=tmp_path, check=True)
        log = tmp_path / "web.log"
        with log.open("wb") as output:
            web = subprocess.Popen(
                [*python, "web"], env=common, cwd=tmp_path, stdout=output, stderr=output
            )
        try:
            until(lambda: "is ready" in log.read_text() or web.poll() is not None)
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, follow_redirects=True) as client:
                page = client.get("/dashboard")
                assert page.status_code == 200, log.read_text()
                assets = re.findall(r'(?:href|src)="(/assets/[^"#]+)', page.text)
                found = {path.rpartition("/")[2]: client.get(path).status_code for path in assets}
            assert {"style.css", "dashboard.css", "inter.woff2"} <= found.keys()
            assert set(found.values()) == {200}
        finally:
            web.terminate()
            web.wait(stretch(30))
