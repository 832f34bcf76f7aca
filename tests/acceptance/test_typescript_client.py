"""The TypeScript client, built as it is published and used by Node: through a server that fails,
with webhooks that the product signed, and as its README says."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import anyio
import pytest

from payviox.web.request_body import Application
from payviox.webhooks.signing import new_token, sign
from support.businesses import TestBusiness
from support.faulty_server import Fault, faulty_server
from support.live import LiveServer
from support.readmes import CLIENTS, check, program, run

PACKAGE = CLIENTS / "typescript"
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
    shutil.copytree(PACKAGE / "test", folder / "test")
    node("build.mjs", str(installed / "dist"), folder=PACKAGE)
    return folder


def node(*arguments: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        ["node", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_its_tests_pass_and_what_was_repeated_is_paid_once(
    business: TestBusiness, application: Application, user_of_it: Path
) -> None:
    async with faulty_server(application) as failing:
        failing.faults = [each for fault in FAULTS for each in (fault, fault, None)] + ["lost"]
        await anyio.to_thread.run_sync(
            lambda: node(
                "--test-concurrency=1",
                "--test",
                "test/client.test.mjs",
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


async def test_it_takes_what_the_product_signed_and_nothing_else(user_of_it: Path) -> None:
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
        "--test",
        "test/webhooks.test.mjs",
        "test/attempts.test.mjs",
        folder=user_of_it,
        PAYVIOX_DELIVERIES=json.dumps(deliveries),
    )


async def test_strict_programs_of_both_kinds_have_its_types(user_of_it: Path) -> None:
    node(str(TSC), "-p", "test/consumer", folder=user_of_it)


async def test_its_readme_does_what_it_says(
    business: TestBusiness, live_server: LiveServer, user_of_it: Path
) -> None:
    receiving = "console.log((await receive(new Request('http://x', {method: 'POST'}))).status);"
    readme = user_of_it / "readme.mjs"
    readme.write_text(program(PACKAGE / "README.md", "js") + receiving, encoding="utf-8")

    output = run(["node", readme], business, live_server)

    check(output, "401\n")
    ledger = await business.ledger()
    assert (ledger["ada@example.com"], ledger["bob@example.com"]) == (4_000, 2_400)
