"""The TypeScript client, built as it is published and used by Node, and by whatever other run-times
are there: through a server that fails, with webhooks that the product signed, and as its README
says."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import anyio
import httpx
import pytest

from payviox.web.asgi import Application
from payviox.webhooks.sender import post
from payviox.webhooks.signing import new_token, sign
from payviox.webhooks.targets import parse_target
from support.businesses import TestBusiness
from support.documents import block
from support.faulty_server import Fault, faulty_server
from support.live import LiveServer
from support.machine import stretch
from support.node_tools import require
from support.readmes import CLIENTS, check, program, run

PACKAGE = CLIENTS / "typescript"
TESTS = {
    "node": ["--test", "--test-concurrency=1"],
    "bun": ["test"],
    "deno": ["test", "-A", "--no-check"],
}
PROGRAM = {"node": [], "bun": ["run"], "deno": ["run", "-A"]}
EDGE = """
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "internet", network = (allow = ["local"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [%s],
  bindings = [%s],
);
"""
TSC = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
FAULTS: list[Fault] = ["refused", "lost", "half", "cut", 429, 500, 503]
OLD, TOKEN = new_token(), new_token()
BODY = json.dumps({"type": "payout.succeeded", "amount": 5_000, "recipient": "jürgen"})

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not TSC.exists(), reason="needs npm: install it and run `make test`"),
]


@pytest.fixture(scope="module")
def user_of_it(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the package is installed and the package's tests are."""
    folder = tmp_path_factory.mktemp("typescript")
    installed = folder / "node_modules" / "payviox-client"
    installed.mkdir(parents=True)
    shutil.copy(PACKAGE / "package.json", installed)
    own = {"type": "module", "dependencies": {"payviox-client": "*"}}
    (folder / "package.json").write_text(json.dumps(own), encoding="utf-8")
    shutil.copytree(PACKAGE / "test", folder / "test")
    node("build.mjs", str(installed / "dist"), folder=PACKAGE)
    return folder


@pytest.fixture(params=TESTS)
def runtime(request: pytest.FixtureRequest) -> Path:
    return require(request.param)


def node(
    *arguments: str | Path, folder: Path, program: str | Path = "node", **environment: str
) -> str:
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_its_tests_pass_and_what_was_repeated_is_paid_once(
    business: TestBusiness, application: Application, user_of_it: Path, runtime: Path
) -> None:
    async with faulty_server(application) as failing:
        failing.faults = [each for fault in FAULTS for each in (fault, fault, None)] + ["lost"]
        await anyio.to_thread.run_sync(
            lambda: node(
                *TESTS[runtime.name],
                "./test/client.test.mjs",
                program=runtime,
                folder=user_of_it,
                PAYVIOX_URL=failing.url,
                PAYVIOX_KEY=business.secret_key,
                PAYVIOX_FAULTS=json.dumps([str(fault) for fault in FAULTS]),
            )
        )

    ledger = await business.ledger()
    paid = {f"{fault}@example.com": 2_500 for fault in FAULTS} | {"later@example.com": 100}
    assert {email: ledger[email] for email in paid} == paid
    keys = [failing.keys[start : start + 3] for start in range(0, 3 * len(FAULTS), 3)]
    assert [len(set(three)) for three in keys] == [1] * len(FAULTS)
    assert len({three[0] for three in keys}) == len(FAULTS)


async def test_it_takes_what_the_product_signed_and_nothing_else(
    user_of_it: Path, runtime: Path
) -> None:
    now = int(time.time())
    good, old = sign(TOKEN, BODY.encode(), "evt_1", now), sign(OLD, BODY.encode(), "evt_1", now)
    both = f"{old['webhook-signature']} {good['webhook-signature']}"

    def delivery(name: str, refused: str | None = None, **changes: object) -> dict[str, object]:
        whole = {"body": BODY, "headers": good, "tokens": TOKEN}
        return {"name": name, "refused": refused, **whole, **changes}

    deliveries = [
        delivery("as signed"),
        delivery("by either token", tokens=[OLD, TOKEN]),
        delivery("while it changes", headers=old | {"webhook-signature": both}, tokens=[OLD]),
        delivery(
            "by two tokens",
            "no signature",
            headers=old | {"webhook-signature": good["webhook-signature"]},
            tokens=[OLD, TOKEN],
        ),
        delivery("by another token", "no signature", tokens=OLD),
        delivery("another body", "no signature", body=BODY.replace("5000", "5001")),
        *(
            delivery(
                f"{age_s} s old", "clock", headers=sign(TOKEN, BODY.encode(), "e", now - age_s)
            )
            for age_s in (400, -400)
        ),
        *(
            delivery(f"without {name}", name.lower(), headers=good | {name: ""})
            for name in good
            if name != "Content-Type"
        ),
        *(
            delivery(f"{name}: {value}", "", headers=good | {name: value})
            for name, value in (
                ("Signature", "0" * 64),
                ("Signature", "short"),
                ("webhook-signature", "v1,AAAA"),
                ("webhook-signature", "v1,***"),
                ("webhook-id", "evt_2"),
                ("webhook-timestamp", "NaN"),
                ("webhook-timestamp", "9" * 400),
            )
        ),
    ]
    node(
        *TESTS[runtime.name],
        "./test/webhooks.test.mjs",
        "./test/attempts.test.mjs",
        program=runtime,
        folder=user_of_it,
        PAYVIOX_DELIVERIES=json.dumps(deliveries),
    )


async def test_strict_programs_of_both_kinds_have_its_types(user_of_it: Path) -> None:
    node(str(TSC), "-p", "test/consumer", folder=user_of_it)


async def test_its_readme_does_what_it_says(
    business: TestBusiness, live_server: LiveServer, user_of_it: Path, runtime: Path
) -> None:
    receiving = "console.log((await receive(new Request('http://x', {method: 'POST'}))).status);"
    readme = user_of_it / "readme.mjs"
    readme.write_text(program(PACKAGE / "README.md", "js") + receiving, encoding="utf-8")

    output = run([runtime, *PROGRAM[runtime.name], readme], business, live_server)

    check(output, "401\n")
    ledger = await business.ledger()
    assert (ledger["ada@example.com"], ledger["bob@example.com"]) == (4_000, 2_400)


async def test_its_readmes_node_server_takes_what_the_product_signed(
    user_of_it: Path, runtime: Path
) -> None:
    shown = block("clients/typescript/README.md", "createServer").text
    listening = ".listen(0, function () { console.log(this.address().port); });"
    assert ".listen(9000);" in shown
    source = (
        'import { createServer } from "node:http";\n'
        'import { webhooks } from "payviox-client";\n'
        "const token = process.env.TOKEN;\n" + shown.replace(".listen(9000);", listening)
    )
    program = (
        f'import ts from "{PACKAGE}/node_modules/typescript/lib/typescript.js";'
        "const options = { compilerOptions: { module: ts.ModuleKind.ESNext, target: 99 } };"
        "console.log(ts.transpileModule(process.env.SOURCE, options).outputText);"
    )
    server = user_of_it / "server.mjs"
    server.write_text(
        node("--input-type=module", "-e", program, folder=user_of_it, SOURCE=source),
        encoding="utf-8",
    )
    event = json.dumps({"type": "payout.succeeded", "order_id": "ord_1"}).encode()
    headers = sign(TOKEN, event, "evt_1", int(time.time()))
    with subprocess.Popen(  # noqa: ASYNC220  # it is awaited by its first line
        [runtime, *PROGRAM[runtime.name], server],
        env=os.environ | {"TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        target = parse_target(f"http://127.0.0.1:{port}/", allow_private=True)
        answers = [
            await post(target, body, headers, timeout_s=stretch(30))
            for body in (event, event.replace(b"1", b"2"))
        ]
        process.terminate()
        printed = process.stdout.read()

    assert [answer.status for answer in answers] == [200, 401]
    assert printed == "payout.succeeded ord_1\n"


async def test_on_the_edge_it_pays_and_verifies_without_anything_of_node(
    business: TestBusiness, live_server: LiveServer, user_of_it: Path
) -> None:
    workerd = require("workerd")
    package = user_of_it / "node_modules" / "payviox-client"
    entries = json.loads((package / "package.json").read_text("utf-8"))["exports"]["."]
    entry = package / entries["import"]["default"]
    modules = {path.name: path for path in entry.parent.glob("*.js") if path.name != "node.js"}
    modules |= {"worker.mjs": user_of_it / "test" / "worker.mjs", "payviox-client": entry}
    told = {"PAYVIOX_URL": live_server.url, "PAYVIOX_KEY": business.secret_key, "TOKEN": TOKEN}
    config = user_of_it / "workerd.capnp"
    config.write_text(
        EDGE
        % (
            ", ".join(
                f'(name = "{name}", esModule = embed "{modules[name].relative_to(user_of_it)}")'
                for name in sorted(modules, key="worker.mjs".__ne__)  # the first is the worker
            ),
            ", ".join(f'(name = "{name}", fromEnvironment = "{name}")' for name in told),
        ),
        encoding="utf-8",
    )
    headers = sign(TOKEN, BODY.encode(), "evt_1", int(time.time()))
    with subprocess.Popen(  # noqa: ASYNC220  # it is awaited by its first line
        [workerd, "serve", config, "--control-fd=1"],
        env=os.environ | told,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            forged = await client.post("/", content=BODY + " ", headers=headers)
            answer = await client.post("/", content=BODY, headers=headers)
        process.terminate()

    assert (forged.status_code, forged.text) == (401, "InvalidSignature")
    assert answer.status_code == 200, answer.text
    assert answer.json()["emails"] == ["edge@example.com"]
    assert answer.json()["refused"]
    assert (await business.ledger())["edge@example.com"] == 5_000
