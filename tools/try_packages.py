"""Try what `make dist` made and `packaging` holds, as its users would: the wheel in an empty
environment, the chart and compose.yaml with their own tools. What needs a tool that is not here is
left out and said. Run by `make packages`."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGING = ROOT / "packaging"
KUBERNETES = ("1.25", "1.33")
"""The oldest that the chart takes, and one of today's."""
UP_S = 120.0


class LeftOut(Exception):
    """A tool is missing."""


def run(*command: str | Path, **more: str) -> str:
    """Its output. Raises CalledProcessError."""
    environment = {**os.environ, **more}
    done = subprocess.run(  # noqa: S603  # ours, and tools that their users installed
        [str(word) for word in command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LeftOut(f"{name} is missing")
    return found


def environment_with(folder: Path, *arguments: str | Path) -> Path:
    """A new environment in which pip installed this; answers the folder of its programs."""
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    run(programs / "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)
    return programs


def try_wheel(folder: Path) -> str:
    """Install it with the lock, start it with its own PostgreSQL, read a page with its assets."""
    wheels = list((ROOT / "dist").glob("payviox-*.whl"))
    if not wheels:
        raise LeftOut("dist/ has no wheel: `make dist` makes one")
    lock = ROOT / "dist" / "requirements.lock"
    programs = environment_with(folder / "wheel", "--require-hashes", "--no-deps", "-r", lock)
    run(programs / "pip", "install", "--quiet", "--no-deps", wheels[0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = {"PAYVIOX_HOME": str(folder / "home"), "PAYVIOX_PORT": str(port)}
    with serving(programs / "payviox", home):
        page = get(f"http://127.0.0.1:{port}/dashboard")
        assets = re.findall(r'(?:href|src)="(/assets/[^"#]+)', page)
        for asset in assets:
            get(f"http://127.0.0.1:{port}{asset}")
        created = run(programs / "payviox", "business", "create", "Acme", "--json", **home)
        json.loads(created)
    return f"a page, {len(assets)} assets, a business"


@contextmanager
def serving(program: Path, home: dict[str, str]) -> Iterator[None]:
    """`payviox serve`, ready within the block."""
    with subprocess.Popen(  # noqa: S603  # ours
        [program, "serve"], env={**os.environ, **home}, stderr=subprocess.DEVNULL
    ) as server:
        try:
            until = time.monotonic() + UP_S
            while not answers(f"http://127.0.0.1:{home['PAYVIOX_PORT']}/health/ready"):
                if server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("`payviox serve` did not come up")
                time.sleep(0.2)
            yield
        finally:
            server.terminate()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # of this machine
        return str(answer.read().decode("utf-8", "replace"))


def answers(url: str) -> bool:
    try:
        get(url)
    except OSError:
        return False
    return True


def try_chart(folder: Path) -> str:
    """Lint it, render it plain and with all that can be switched on, and hold the manifests against
    Kubernetes' own schemas."""
    helm, chart = tool("helm"), PACKAGING / "helm" / "payviox"
    address = ("--set", "settings.PAYVIOX_PUBLIC_URL=https://payouts.example.com")
    run(helm, "lint", "--strict", "--quiet", chart, *address)
    programs = environment_with(folder / "chart", "kubernetes-validate")
    everything = [
        *("--set", "ingress.enabled=true", "--set", "ingress.className=nginx"),
        *("--set-json", 'volumes=[{"name":"authority","secret":{"secretName":"authority"}}]'),
        *("--set-json", 'volumeMounts=[{"name":"authority","mountPath":"/etc/payviox/authority"}]'),
        *("--set", "secrets.application.smtpUrl=PAYVIOX_SMTP_URL"),
        *("--set-json", 'networkPolicy.database=[{"ipBlock":{"cidr":"10.0.0.5/32"}}]'),
        *("--set-json", 'networkPolicy.from=[{"namespaceSelector":{}}]'),
        *("--set-json", 'networkPolicy.egress=[{"ports":[{"port":8545,"protocol":"TCP"}]}]'),
    ]
    documents = 0
    for version in KUBERNETES:
        for number, more in enumerate(([], everything)):
            options = ("--kube-version", version, *address, *more)
            rendered = run(helm, "template", "payviox", chart, *options)
            file = folder / f"{version}-{number}.yaml"
            file.write_text(rendered)
            run(programs / "kubernetes-validate", "--strict", "--version", version, "--quiet", file)
            documents += len(re.findall("^kind:", rendered, re.MULTILINE))
    return f"{documents} manifests, against Kubernetes {' and '.join(KUBERNETES)}"


def try_compose(folder: Path) -> str:
    """Hold it against the schema of the Compose specification."""
    programs = environment_with(folder / "compose", "check-jsonschema")
    file = PACKAGING / "compose" / "compose.yaml"
    run(programs / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    return "against the Compose specification"


TRIALS: dict[str, Callable[[Path], str]] = {
    "wheel": try_wheel,
    "chart": try_chart,
    "compose.yaml": try_compose,
}


def main() -> None:
    failed = False
    for name, attempt in TRIALS.items():
        with tempfile.TemporaryDirectory(prefix="payviox-") as folder:
            try:
                said = f"well: {attempt(Path(folder))}"
            except LeftOut as missing:
                said = f"left out: {missing}"
            except (subprocess.CalledProcessError, OSError, ValueError, RuntimeError) as error:
                said, failed = f"FAILED: {error}", True
        sys.stdout.write(f"{name}: {said}\n")
        sys.stdout.flush()
    sys.exit(failed)


if __name__ == "__main__":
    main()
