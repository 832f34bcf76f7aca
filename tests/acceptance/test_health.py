"""Liveness, readiness, metrics: what an operator's machines ask."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql

from conftest import MakeBusiness
from payviox import app
from payviox.db.pool import Connection, Database
from payviox.monitoring import service, write_probe
from payviox.monitoring.queries import probe
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.databases import Urls

pytestmark = pytest.mark.anyio

TOKEN = "a token of the operator's"


def client(application: Application, peer: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application, client=(peer, 50_000))  # type: ignore[arg-type]  # ASGI
    return httpx.AsyncClient(transport=transport, base_url="http://payviox.test")


async def heartbeat(urls: Urls, age: str | None) -> None:
    with urls.as_admin() as connection:
        connection.execute("DELETE FROM procrastinate_workers")
        if age is not None:
            connection.execute(
                "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval)",
                [age],
            )


async def test_a_process_that_answers_lives(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


@pytest.mark.parametrize(
    ("age", "status", "worker"),
    [
        ("10 s", 200, "ok"),
        ("61 s", 503, "no worker has been heard of for 60 s"),
        (None, 503, "no worker has been heard of for 60 s"),
    ],
)
async def test_it_is_ready_while_a_worker_is_heard_of(
    anonymous: httpx.AsyncClient, urls: Urls, age: str | None, status: int, worker: str
) -> None:
    await heartbeat(urls, age)

    answer = await anonymous.get("/health/ready")

    assert answer.status_code == status
    assert answer.json() == {
        "status": "ready" if status == 200 else "not ready",
        "checks": {
            "database": "ok",
            "schema": "ok",
            "worker": worker,
            "stock": "ok",
            "backup": "ok",
        },
    }


async def test_it_is_not_ready_on_another_schema(fresh_urls: Urls, settings: Settings) -> None:
    async with app.open_services(settings, fresh_urls.application) as services:
        with fresh_urls.as_admin() as connection:
            connection.execute("UPDATE payviox_schema SET version_num = '9999'")

        answer = await client(app.build(services)).get("/health/ready")

    assert answer.status_code == 503
    assert "schema 9999" in answer.json()["checks"]["schema"]


async def check(application: Application) -> tuple[int, str]:
    answer = await client(application).get("/health/ready")
    return answer.status_code, answer.json()["checks"]["database"]


async def test_it_is_not_ready_while_its_database_cannot_write(
    fresh_urls: Urls, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for a temporary file, as on a full disk, which a test cannot have."""
    monkeypatch.setattr(write_probe, "AGAIN_S", 0.0)
    monkeypatch.setattr(write_probe, "EVERY_S", 0.0)
    await heartbeat(fresh_urls, "1 s")
    async with app.open_services(settings, fresh_urls.application) as services:
        application = app.build(services)
        assert await check(application) == (200, "ok")
        with fresh_urls.as_admin() as admin:
            name = sql.Identifier(admin.info.dbname)
            admin.execute(sql.SQL("ALTER DATABASE {} SET temp_file_limit = 0").format(name))
            try:
                _end_sessions(admin)
                assert await check(application) == (503, "the database cannot write")
            finally:
                admin.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(name))
            _end_sessions(admin)
            assert await check(application) == (200, "ok")


def _end_sessions(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    """A database's settings are those of new sessions."""
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_whether_it_can_write_is_not_tried_for_everybody_who_asks(
    urls: Urls, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await heartbeat(urls, "1 s")
    tries = 0
    write = probe.write

    async def counted(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await write(connection)

    monkeypatch.setattr(probe, "write", counted)
    monkeypatch.setattr(write_probe, "EVERY_S", 600.0)
    async with app.open_services(settings, urls.application) as services:
        asking = client(app.build(services))
        answers = await asyncio.gather(*[asking.get("/health/ready") for _ in range(20)])
    assert {answer.status_code for answer in answers} == {200}
    assert tries == 1


async def test_it_is_not_ready_without_its_database_and_says_so_within_seconds(
    services: Services,
    settings: Settings,
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "TIMEOUT_S", 0.2)
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setattr(services.database, "fetch", away.fetch)

    answer = await client(application).get("/health/ready")
    figures = await client(application).get("/metrics")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "the database does not answer"
    assert "payviox_database_up 0.0" in figures.text


def families(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {
        sample.name: [
            (dict(other.labels), other.value)
            for other in family.samples
            if other.name == sample.name
        ]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_tell_of_requests_money_and_work(
    fresh_urls: Urls, settings: Settings
) -> None:
    from support.businesses import open_business  # noqa: PLC0415  # as the fixture does

    await heartbeat(fresh_urls, "5 s")
    async with app.open_services(settings, fresh_urls.application) as services:
        application = app.build(services)
        business = await open_business(services.database, application, funds=10_000, main=5)
        payout_hash = (await business.create("ada@example.com", 700)).json()["hash"]
        await business.client.get("/payout/users/usr_1")
        await business.client.get("/nowhere/at/all")

        text = (await client(application).get("/metrics")).text

    found = families(text)
    requests = {
        (labels["method"], labels["route"], labels["status"]): value
        for labels, value in found["payviox_http_requests_total"]
    }
    assert requests == {
        ("POST", "/payout/create", "201"): 1,
        ("GET", "/payout/users/{id}", "404"): 1,
        ("GET", "elsewhere", "404"): 1,
    }
    balances = {
        labels["account"]: value
        for labels, value in found["payviox_balance_cents"]
        if labels["mode"] == "test"
    }
    assert balances["user"] == 700
    assert balances["payout"] == 9_300
    assert balances["main"] == 5
    assert found["payviox_workers"] == [({}, 1.0)]
    assert found["payviox_allocation_queue_items"] == [({}, 0.0)]
    assert found["payviox_allocation_group_items_count"] == [({}, 1.0)]
    assert found["payviox_database_up"] == [({}, 1.0)]
    for secret in (payout_hash, business.secret_key, "ada@example.com", str(business.business_id)):
        assert secret not in text


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("127.0.0.1", {}),
        ("127.8.8.8", {}),
        ("::1", {}),
        ("::ffff:127.0.0.1", {}),
    ],
)
async def test_metrics_are_open_to_the_machine_itself(
    application: Application, peer: str, headers: dict[str, str]
) -> None:
    answer = await client(application, peer).get("/metrics", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")


STRANGERS = [
    ("203.0.113.9", {}),
    ("10.0.0.1", {}),
    ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
    ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
    ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}),
    *[
        ("127.0.0.1", {name: "203.0.113.9"})
        for name in (
            "Via",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Forwarded-Server",
            "CF-Connecting-IP",
            "CF-Ray",
            "True-Client-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "Fastly-Client-IP",
            "X-Original-URL",
            "X-Envoy-External-Address",
            "X-Amzn-Trace-Id",
            "Remote-Addr",
            "DO-Connecting-IP",
            "Ali-CDN-Real-IP",
            "X-NginX-Proxy",
            "X-Scheme",
            "Front-End-Https",
        )
    ],
]


@pytest.mark.parametrize(("peer", "headers"), STRANGERS)
async def test_without_a_token_metrics_are_hidden_from_elsewhere_and_behind_a_proxy(
    application: Application, peer: str, headers: dict[str, str]
) -> None:
    answer = await client(application, peer).get("/metrics", headers=headers)

    assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


async def test_what_a_scraper_sends_is_no_proxys(application: Application) -> None:
    headers = {
        "User-Agent": "Prometheus/3.0",
        "Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
        "Accept-Encoding": "gzip",
        "X-Prometheus-Scrape-Timeout-Seconds": "10",
        "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }

    assert (await client(application).get("/metrics", headers=headers)).status_code == 200


async def raw(application: Application, method: str, raw_path: bytes) -> tuple[int, bytes]:
    """The answer to a path spelled so, decoded as the server does."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = raw_path.partition(b"?")
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path.decode()),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "scheme": "http",
    }
    await application(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("path", ["/metrics", "/health/live", "/health/ready"])
async def test_what_is_for_the_operators_machines_has_one_spelling(
    application: Application, urls: Urls, path: str
) -> None:
    """A proxy's rule for that path blocks it, however it compares."""
    await heartbeat(urls, "1 s")
    last = f"%{ord(path[-1]):02X}"
    for other in (
        f"{path}/",
        f"{path}//",
        f"/{path}",
        f"//{path}",
        f"{path}%2F",
        f"%2F{path[1:]}",
        f"/%2F{path[1:]}",
        f"{path[:-1]}{last}",
        f"{path[:-1]}{last.lower()}",
        f"{path}/?x=1",
    ):
        status, body = await raw(application, "GET", other.encode())
        assert (status, body) == (404, b'{"error":"Not found"}'), other
    for same in (path, f"{path}?x=1"):
        assert (await raw(application, "GET", same.encode()))[0] == 200, same


async def test_every_other_route_takes_one_more_slash_and_so_does_the_shortest(
    business: TestBusiness,
) -> None:
    for path in ("/payout/create/", "/payout//create", "/payout/create//"):
        answer = await business.client.post(path, json={"email": "a@example.com", "amount": 5})
        assert answer.status_code == 201, path
    key = {"Idempotency-Key": "one"}
    body = {"email": "a@example.com", "amount": 5}
    first = await business.client.post("/payout/create/", json=body, headers=key)
    again = await business.client.post("/payout/create", json=body, headers=key)
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert (await business.ledger())["a@example.com"] == 20
    for path in ("/balance/", "/payout/users/", "/docs/", "/payout//users"):
        assert (await business.client.get(path)).status_code == 200, path


async def test_a_batch_may_be_as_long_with_a_slash_more(business: TestBusiness) -> None:
    items = [{"email": "a@example.com", "amount": 1, "reference": "x" * 250}] * 5_000
    answer = await business.client.post("/payout/batch/", json={"items": items})
    assert answer.request.headers["Content-Length"] > "1000000"
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/health/ready", "/docs", "/openapi.json", "/balance", "/nowhere"]
)
async def test_head_answers_as_get_does_without_the_body(
    business: TestBusiness, path: str, urls: Urls
) -> None:
    await heartbeat(urls, "1 s")
    get = await business.client.get(path)
    head = await business.client.head(path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    for answer in (head, get):
        answer.headers.pop("request-id", None)  # each its own
    assert dict(head.headers) == dict(get.headers)


@pytest.fixture(scope="module")
async def with_token(urls: Urls, settings: Settings) -> AsyncIterator[Application]:
    changed = Settings(home=settings.home, secret_key=settings.secret_key, metrics_token=TOKEN)
    async with app.open_services(changed, urls.application) as services:
        yield app.build(services)


@pytest.mark.parametrize(("peer", "headers"), [*STRANGERS, ("127.0.0.1", {})])
async def test_with_a_token_metrics_open_to_it_alone_from_anywhere(
    with_token: Application, peer: str, headers: dict[str, str]
) -> None:
    asking = client(with_token, peer)
    right = {"Authorization": f"Bearer {TOKEN}"}
    opened = await asking.get("/metrics", headers=headers | right)
    refused = [
        await asking.get("/metrics", headers=headers),
        await asking.get("/metrics", headers=headers | {"Authorization": f"Bearer {TOKEN}x"}),
    ]

    assert opened.status_code == 200
    assert [answer.status_code for answer in refused] == [401, 401]


async def test_every_answer_says_what_a_browser_must_not_do_with_it(
    business: TestBusiness, make_business: MakeBusiness
) -> None:
    for answer in (
        await business.client.get("/balance"),
        await business.create("ada@example.com", 1),
        await business.create("not an address", 1),
        await business.client.get("/nowhere"),
        await business.client.delete("/balance"),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Content-Type"] == "application/json"


async def test_a_path_says_which_methods_it_takes(anonymous: httpx.AsyncClient) -> None:
    for path, allowed in (
        ("/payout/webhook", {"GET", "HEAD", "OPTIONS", "PUT"}),
        ("/payout/operations", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/payout/users/usr_1/revoke", {"OPTIONS", "POST"}),
        ("/payout/create", {"OPTIONS", "POST"}),
        ("/payout/create/", {"OPTIONS", "POST"}),
    ):
        answer = await anonymous.options(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert set(answer.headers["Allow"].split(", ")) == allowed
        refused = await anonymous.delete(path)
        assert (refused.status_code, refused.json()) == (405, {"error": "Method not allowed"})
        assert refused.headers["Allow"] == answer.headers["Allow"]
