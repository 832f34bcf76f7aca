"""Every code block of the documents: run by a shell as a reader types it, or read by what reads
such a file. A block that is neither, and has no reason in NOT_RUN, fails."""

import asyncio
import json
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from payviox import ids
from payviox.rails.bank import reading
from payviox.rails.evm import chain_settings
from payviox.rates import answers
from payviox.webhooks.signing import new_token, sign
from payviox.withdrawals.model import Order
from support import documents
from support.businesses import TestBusiness
from support.dashboard import make_operator
from support.databases import Server, Urls
from support.documents import BLOCKS, Block
from support.giftcards import csv_of
from support.live import LiveServer, environment
from support.logos import drawing, file_of
from support.mail_server import MailServer, mail_server
from support.reader import Reader
from support.simulator import (
    PAYPAL_CLIENT,
    PAYPAL_SECRET,
    TREMENDOUS_FUNDING_SOURCE,
    TREMENDOUS_KEY,
    Simulator,
)
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

INSTALLED = "of another machine: tests/unit/packaging and `make packages` try it with its own tools"
EMBEDDED = "of an installation of its own: tests/acceptance/cli/test_backup.py, test_database.py"
CHAIN = "of a chain: tests/integration/rails/evm/test_commands.py"
GOES_ON = "goes on until it is stopped: "
NOT_RUN = {
    ("README.md", "make demo"): "what runs this test; tests/acceptance/test_demo_crypto.py",
    ("README.md", "  your code"): "a picture",
    ("docs/architecture.md", " business ──►"): "a picture",
    ("docs/architecture.md", "src/payviox/"): "a tree: tests/unit/test_architecture.py",
    ("docs/installing.md", "make dist"): INSTALLED,
    ("docs/installing.md", "minisign -V"): INSTALLED,
    ("docs/installing.md", "python3 -m venv payviox"): "tests/acceptance/test_wheel.py",
    ("docs/installing.md", "/usr/bin/python3 -m venv"): INSTALLED,
    ("docs/installing.md", "systemctl start"): INSTALLED,
    ("docs/installing.md", "cd packaging/compose"): INSTALLED,
    ("docs/installing.md", "make image "): INSTALLED,
    ("docs/installing.md", "kubectl create"): INSTALLED,
    ("docs/installing.md", "image:"): "tests/unit/packaging/test_containers.py, with helm",
    ("docs/installing.md", "helm upgrade"): INSTALLED,
    ("docs/operating.md", "pip install ."): "tests/acceptance/test_wheel.py, test_serve.py",
    ("docs/operating.md", "bounces:"): "a line of Postfix's",
    ("docs/operating.md", "payviox reload"): "tests/acceptance/test_web_processes.py",
    ("docs/operating.md", "payviox database backup"): EMBEDDED,
    ("docs/operating.md", "payviox database after-restore"): EMBEDDED,
    ("docs/operating.md", "SELECT isolate_tenant"): "integration/db/test_citus.py, on a cluster",
    ("docs/rails.md", "payviox rail keystore"): CHAIN,
    ("docs/rails.md", "payviox rail price"): CHAIN,
    ("docs/rails.md", "payviox rail accept-nonces"): CHAIN,
    ("docs/keys.md", "payviox keys create"): "tests/integration/api/test_restricted_keys.py",
    ("docs/start.md", "payviox events tail"): GOES_ON + "tests/integration/cli/test_events.py",
    ("docs/webhooks.md", "export"): GOES_ON + "tests/integration/cli/test_events.py",
    ("docs/webhooks.md", "PAYVIOX_WEBHOOK_TOKEN"): "tests/acceptance/test_receiver_examples.py",
    ("clients/python/README.md", "pip install"): "tests/acceptance/test_documentation.py has it",
    ("clients/typescript/README.md", "cd /path"): "tests/acceptance/test_typescript_client.py",
    ("clients/typescript/README.md", "createServer"): "tests/acceptance/test_typescript_client.py",
}
PROGRAMS = {
    ("clients/python/README.md", "python"): "test_documentation.py runs them as one program",
    ("clients/typescript/README.md", "js"): "test_typescript_client.py runs them as one program",
    ("docs/integrating.md", "python"): "test_documentation.py",
    ("docs/integrating.md", "js"): "test_documentation.py",
}
"""Blocks of these languages are run elsewhere, all of a page's."""

Prepare = Callable[[Reader, "Guide"], Awaitable[None]]
PREPARED: dict[tuple[str, str], Prepare] = {}
WITH_OPERATORS = {
    ("docs/dashboard.md", "payviox operator create"),
    ("docs/dashboard.md", "payviox operator remove-factors"),
    ("docs/finance.md", "payviox business set ID second_person"),
}
"""After all others: where there are operators each decision names one."""
LEFT_OUT = ("payviox serve",)
"""Goes on: tests/acceptance/test_serve.py starts it."""


def key_of(block: Block, table: Any) -> tuple[str, str] | None:
    return next((key for key in table if key[0] == block.page and block.begins(key[1])), None)


def is_run(block: Block) -> bool:
    return key_of(block, NOT_RUN) is None and (block.page, block.language) not in PROGRAMS


SHELL = sorted(
    (block for block in BLOCKS if is_run(block) and block.language == "sh"),
    key=lambda block: key_of(block, WITH_OPERATORS) is not None,
)
OTHERS = [block for block in BLOCKS if is_run(block) and block.language != "sh"]


def prepares(page: str, start: str) -> Callable[[Prepare], Prepare]:
    """Before the block of this page that begins so is typed."""

    def keep(prepare: Prepare) -> Prepare:
        PREPARED[page, start] = prepare
        return prepare

    return keep


class Guide:
    """What a reader finds: a server, money, orders in every state, vendors."""

    def __init__(self, business: TestBusiness, request: pytest.FixtureRequest, urls: Urls) -> None:
        self.business, self.request, self.urls = business, request, urls
        self.desk = Desk.of(business)

    async def reviewed(self, amount: int = 60_000) -> str:
        await self.business.set(review_amount=amount)
        order = await self.desk.withdraw(await self.desk.user(amount), amount)
        assert order.status == "review"
        return ids.show(ids.ORDER, order.id)

    async def order(self, to: str) -> Order:
        order = await self.desk.withdraw(await self.desk.user(1_000), 1_000, {"email": to})
        await self.desk.process()
        return await self.desk.get(order)

    async def for_a_person(self) -> str:
        """An order whose rail forgot it."""
        self.desk.books.older_s = -3_600.0  # it is not found out by itself, however slow this goes
        order = await self.order("unknown-failed@example.com")
        assert order.status == "unknown"
        with self.urls.as_admin() as admin:
            admin.execute("UPDATE orders SET waiting = 'person' WHERE id = %s", [order.id])
        return ids.show(ids.ORDER, order.id)

    async def user_hash(self) -> str:
        return str((await self.business.create("ada@example.com", 5_000)).json()["hash"])

    @property
    def simulator(self) -> Simulator:
        found: Simulator = self.request.getfixturevalue("vendors")
        return found


@pytest.fixture(scope="module")
def vendors() -> Iterator[Simulator]:
    started = Simulator()
    started.paypal_account(balance=500_000)
    started.tremendous_account(balance=500_000)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def post_office() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def served(urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One web process for all blocks."""
    folder = tmp_path_factory.mktemp("served")
    server = LiveServer(environment(folder / "home", urls.application), folder)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
async def guide(business: TestBusiness, request: pytest.FixtureRequest, urls: Urls) -> Guide:
    return Guide(business, request, urls)


@pytest.mark.parametrize("block", SHELL, ids=str)
async def test_a_shell_does_what_the_page_shows(
    block: Block,
    guide: Guide,
    served: LiveServer,
    post_office: MailServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    more = {
        "PAYVIOX_MIGRATION_URL": guide.urls.owner,
        "PAYVIOX_SMTP_URL": f"smtp://127.0.0.1:{post_office.port}?tls=no",
        "PAYVIOX_MAIL_FROM": "Acme <payouts@example.com>",
    }
    settings = environment(tmp_path / "home", guide.urls.application, **more)
    reader = Reader(guide.business, served.url, tmp_path / "reader", settings)
    reader.folder.mkdir()
    prepared = key_of(block, PREPARED)
    if prepared:
        await PREPARED[prepared](reader, guide)
    text = reader.text(block, LEFT_OUT)
    assert "…" not in text, "a placeholder that nobody has filled in"
    printed = await asyncio.to_thread(reader.type, text)
    if "curl" in text:
        assert "error" not in printed


@prepares("README.md", "curl http://")
async def _(reader: Reader, guide: Guide) -> None:
    reader.replace["5e1f0c9a…"] = await guide.user_hash()


@prepares("docs/integrating.md", 'curl -sS -X POST "$PAYVIOX_URL/payout/withdraw"')
async def _(reader: Reader, guide: Guide) -> None:
    reader.environment["HASH"] = await guide.user_hash()


@prepares("docs/dashboard.md", "payviox operator create")
async def _(reader: Reader, guide: Guide) -> None:
    reader.given = "correct horse battery staple 7\n"
    reader.replace["operator create|operator set-password"] = [
        f"operator {verb} --password-stdin" for verb in ("create", "create", "set-password")
    ]


@prepares("docs/dashboard.md", "payviox operator remove-factors")
async def _(reader: Reader, guide: Guide) -> None:
    await make_operator(guide.business.database, "grace@factors.example.com")
    reader.replace["@example"] = "@factors.example"


@prepares("docs/finance.md", "payviox business withdraw-funds")
async def _(reader: Reader, guide: Guide) -> None:
    await asyncio.to_thread(
        reader.type,
        f'payviox business deposit {reader.id} 1000000 --reference "bank 2026-11-22 #1"',
    )


@prepares("docs/finance.md", "payviox business set ID review_amount")
async def _(reader: Reader, guide: Guide) -> None:
    reader.replace["ord_…"] = [await guide.reviewed(), await guide.reviewed()]


@prepares("docs/finance.md", "payviox business set ID second_person")
async def _(reader: Reader, guide: Guide) -> None:
    for name in ("ada", "grace"):
        email = f"{name}@finance.example.com"
        await make_operator(guide.business.database, email, guide.business, "owner")
    reader.replace["@example"] = "@finance.example"
    reader.replace["ord_…"] = await guide.reviewed(150_000)
    listed = f"payviox approval list {reader.id} --json"
    reader.replace["apr_…"] = f"--yes $({listed} | grep -o 'apr_[0-9a-f-]*' | head -1)"


@prepares("docs/finance.md", "payviox order show")
async def _(reader: Reader, guide: Guide) -> None:
    first, second = await guide.for_a_person(), await guide.for_a_person()
    reader.replace["ord_…"] = [first, first, first, second]
    reader.replace["--reason"] = "--yes --reason"


@prepares("docs/rails.md", "payviox order list")
@prepares("docs/operating.md", "payviox order list")
async def _(reader: Reader, guide: Guide) -> None:
    order = await guide.for_a_person()
    waiting = await guide.order("float-empty@example.com")
    shown = [order] * 3 + [ids.show(ids.ORDER, waiting.id)]
    reader.replace["ord_…|ORDER"] = shown
    reader.replace["--reason"] = "--yes --reason"
    reader.replace['"…"'] = '"PayPal case 4711"'


@prepares("docs/finance.md", "payviox reconcile items")
async def _(reader: Reader, guide: Guide) -> None:
    order = await guide.order("ada@example.com")
    with guide.urls.as_admin() as admin:
        admin.execute(
            "UPDATE orders SET updated_at = now() - interval '1 hour' WHERE id = %s", [order.id]
        )
        admin.execute(
            "UPDATE order_attempts SET started_at = now() - interval '1 hour' WHERE order_id = %s",
            [order.id],
        )
        admin.execute(
            "UPDATE sandbox_payments SET created_at = now() - interval '1 hour',"
            " request = request || '{\"amount\": 1040}' WHERE reference = %s",
            [f"ord_{order.id}.1"],
        )
    found = f"payviox reconcile --business {reader.id} > /dev/null || true\n"
    listed = f"payviox reconcile items --business {reader.id} --json"
    items = await asyncio.to_thread(reader.type, found + listed)
    reader.replace["sus_…"] = json.loads(items)[0]["item_id"]
    reader.replace["--reason"] = "--yes --reason"


@prepares("docs/operating.md", "payviox mail test")
async def _(reader: Reader, guide: Guide) -> None:
    reader.replace[" --selector s1"] = " --selector s1 || [ $? = 1 ]"  # no such records are here


@prepares("docs/operating.md", "export PAYVIOX_SECRET_KEY")
async def _(reader: Reader, guide: Guide) -> None:
    server: Server = guide.request.getfixturevalue("server")
    fresh = server.fresh(migrated=False)
    urls = fresh.__enter__()
    guide.request.addfinalizer(lambda: fresh.__exit__(None, None, None))
    reader.replace[r"postgresql://payviox_web\S+"] = f"'{urls.application}'"
    reader.replace[r"postgresql://payviox_owner\S+"] = f"'{urls.owner}'"


@prepares("docs/operating.md", "export PAYVIOX_DATABASE_URL='")
async def _(reader: Reader, guide: Guide) -> None:
    reader.replace[r"payviox_web:…@a:5432,b:5432"] = "payviox_web:secret@a:5432,b:5432"


@prepares("docs/operating.md", "pg_dump")
async def _(reader: Reader, guide: Guide) -> None:
    server: Server = guide.request.getfixturevalue("server")
    fresh = server.fresh()
    urls = fresh.__enter__()
    guide.request.addfinalizer(lambda: fresh.__exit__(None, None, None))
    reader.environment |= {
        "COORDINATOR": guide.urls.admin,
        "ONE_SERVER": urls.admin,
        "PAYVIOX_DATABASE_URL": urls.application,
        "PAYVIOX_MIGRATION_URL": urls.owner,
    }


@prepares("docs/operating.md", "payviox giftcards import")
async def _(reader: Reader, guide: Guide) -> None:
    (reader.folder / "cards.csv").write_text(csv_of(["CARD-0001", "CARD-0002"]))


@prepares("docs/rates.md", "payviox rates import")
async def _(reader: Reader, guide: Guide) -> None:
    spaces = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref"
    day = '<Cube time="2026-11-27"><Cube currency="USD" rate="1.0825"/></Cube>'
    (reader.folder / "eurofxref-daily.xml").write_text(
        f'<g:Envelope xmlns:g="http://www.gesmes.org/xml/2002-08-01" xmlns="{spaces}">'
        f"<Cube>{day}</Cube></g:Envelope>"
    )


@prepares("docs/rails.md", "payviox rail connect paypal")
async def _(reader: Reader, guide: Guide) -> None:
    reader.given = f"{PAYPAL_SECRET}\n"
    url = guide.simulator.paypal_url
    reader.replace["AY…"] = f"{PAYPAL_CLIENT} --base-url {url} --secret-stdin"


@prepares("docs/rails.md", "payviox rail set BUSINESS paypal webhook_id")
async def _(reader: Reader, guide: Guide) -> None:
    reader.given = f"{PAYPAL_SECRET}\n"
    connect = f"payviox rail connect paypal {reader.id} --client-id {PAYPAL_CLIENT}"
    where = f"--base-url {guide.simulator.paypal_url} --secret-stdin"
    await asyncio.to_thread(reader.type, f"{connect} {where}")


@prepares("docs/rails.md", "payviox rail connect tremendous")
async def _(reader: Reader, guide: Guide) -> None:
    reader.given = f"{TREMENDOUS_KEY}\n"
    where = f"--base-url {guide.simulator.tremendous_url} --secret-stdin"
    reader.replace["FUNDING_SOURCE_ID"] = f"{TREMENDOUS_FUNDING_SOURCE} {where}"


@prepares("docs/redemption.md", "curl")
async def _(reader: Reader, guide: Guide) -> None:
    await guide.user_hash()
    (user,) = (await guide.business.client.get("/payout/users")).json()["data"]
    reader.replace["usr_…"] = str(user["id"])
    reader.replace["\n# .*"] = ""


@prepares("docs/redemption.md", "payviox business brand biz_… --name")
async def _(reader: Reader, guide: Guide) -> None:
    (reader.folder / "logo.png").write_bytes(file_of(drawing()))


@prepares("clients/python/README.md", "export")
@prepares("clients/typescript/README.md", "export")
@prepares("docs/integrating.md", "export")
async def _(reader: Reader, guide: Guide) -> None:
    reader.replace[r"\Z"] = '\ncurl "$PAYVIOX_URL/balance" -H "Authorization: Bearer $PAYVIOX_KEY"'


Read = Callable[[Block, Guide, LiveServer], Awaitable[None]]
READ: dict[tuple[str, str], Read] = {}


def reads(page: str, start: str) -> Callable[[Read], Read]:
    """What this block holds is read as whatever it is for would."""

    def keep(read: Read) -> Read:
        READ[page, start] = read
        return read

    return keep


@reads("README.md", '{"hash":')
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    answer = await guide.business.create("ada@example.com", 2_500)
    assert json.loads(block.text).keys() == answer.json().keys()
    assert answer.text.startswith('{"hash":"')


@reads("docs/alerts.md", "scrape_configs:")
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    settings = yaml.safe_load(block.text)
    assert settings["scrape_configs"][0]["static_configs"][0]["targets"]
    (rules,) = settings["rule_files"]
    assert [path.name for path in documents.ROOT.glob(f"packaging/**/{rules}")] == [rules]


@reads("docs/alerts.md", "    kubernetes_sd_configs:")
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    """The label and the port by which web's pods are known are those of the chart."""
    (rule,) = yaml.safe_load(block.text)["relabel_configs"]
    names = [label.removeprefix("__meta_kubernetes_pod_") for label in rule["source_labels"]]
    assert names == ["label_app_kubernetes_io_component", "container_port_name"]
    web = documents.ROOT.joinpath("packaging/helm/payviox/templates/web.yaml").read_text()
    part, port = rule["regex"].split(";")
    assert f'"part" "{part}"' in web
    assert f"- name: {port}\n              containerPort:" in web


@reads("docs/rates.md", '{"currency":')
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    rate = answers.read(block.text.encode(), datetime(2026, 11, 27, 16, tzinfo=UTC))
    assert (rate.currency, str(rate.rate)) == ("EUR", "1.0825")


@reads("docs/bank.md", "<Document ")
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    (report,) = reading.read(block.text.encode())
    assert (report.kind, report.opening, report.closing) == ("camt.053", 100_000, 97_750)
    (entry,) = report.entries
    assert (entry.end_to_end_id, entry.amount, entry.status) == ("3YBOECWSWD3B5FI", 2_250, "booked")


@reads("docs/bank.md", '{"provider": "bank"')
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    """Every field is one that the document of the API knows."""
    async with guide.business.client_with({}) as anonymous:
        known = (await anonymous.get("/openapi.json")).text
    asked = json.loads(block.text)
    assert [name for name in [*asked, *asked["bank"]] if f'"{name}"' not in known] == []


@reads("docs/operating.md", "CREATE ROLE")
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    """Of roles and a database of other names, the rights as they stand."""
    mark = "reader"
    text = block.text.replace("payviox", mark).replace("…", "only for tests")
    names = [f"{mark}_app", f"{mark}_owner", f"{mark}_web"]
    with guide.urls.as_admin() as admin:
        try:
            for statement in text.split(";\n"):
                admin.execute(statement)
            rights = admin.execute(
                "SELECT has_database_privilege('reader_web', 'reader', 'CONNECT'),"
                " has_database_privilege('reader_web', 'reader', 'TEMPORARY'),"
                " pg_has_role('reader_web', 'reader_app', 'MEMBER'),"
                " has_database_privilege('reader_owner', 'reader', 'CREATE')"
            ).fetchone()
        finally:
            admin.execute(f"DROP DATABASE IF EXISTS {mark}")
            for name in names:
                admin.execute(f"DROP ROLE IF EXISTS {name}")
    assert rights == (True, False, True, True)


@reads("docs/rails.md", "[SEPOLIA]")
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    address = "0x52908400098527886E0F7030069857D2E4169EE7"
    text = block.text.replace("https://…", "https://node.example.com").replace("0x…", address)
    file = guide.request.getfixturevalue("tmp_path") / "chains.toml"
    file.write_text(text)
    named = chain_settings.read(["ERC20=https://node.example.com"], file)
    assert set(tomllib.loads(text)) == {"SEPOLIA", "ERC20"}
    assert named.chains["SEPOLIA"].confirmations == 3
    assert named.chains["ERC20"].confirmations == 64


@reads("docs/redemption.md", "<script")
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    """The page names the attributes that the script reads."""
    async with guide.business.client_with({}) as anonymous:
        script = (await anonymous.get("/embed.js")).text
    for attribute in ("link", "title"):
        assert f"data-{attribute}=" in block.text
        assert f"dataset.{attribute}" in script


@reads("docs/webhooks.md", "Content-Type")
async def _(block: Block, guide: Guide, served: LiveServer) -> None:
    shown, body = block.text.split("\n\n")
    names = [line.split(":")[0] for line in shown.splitlines() if line[0] != " "]
    signed = sign(new_token(), b"{}", "evt_1", 1_795_341_600)
    assert set(signed) == set(names) - {"webhook-replayed"}
    event = json.loads(body.replace("{…}", "{}"))
    order = await guide.order("ada@example.com")
    sent = await guide.business.rows(
        "SELECT body FROM events WHERE business_id = %s AND type = 'payout.succeeded'"
    )
    assert order.status == "succeeded"
    assert set(event) - {"crypto", "fees", "net_amount"} <= set(json.loads(sent[0][0]))


@pytest.mark.parametrize("block", OTHERS, ids=str)
async def test_a_file_that_a_page_shows_is_one(
    block: Block, guide: Guide, served: LiveServer
) -> None:
    key = key_of(block, READ)
    assert key, "no language that is run, and nobody reads it"
    await READ[key](block, guide, served)


def test_no_block_is_left_out_and_no_reason_is_left_over() -> None:
    unread = [str(block) for block in OTHERS if key_of(block, READ) is None]
    assert unread == [], "neither run nor read, and NOT_RUN says no reason"
    for table in (NOT_RUN, PREPARED, READ, WITH_OPERATORS):
        gone = [key for key in table if not any(key_of(block, [key]) for block in BLOCKS)]
        assert gone == []
    assert {(b.page, b.language) for b in BLOCKS} >= set(PROGRAMS)
