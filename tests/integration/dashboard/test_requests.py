"""What programs asked of the API: noted off their way, bounded, shown without secrets."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.api_requests import service
from payviox.api_requests.model import ApiRequest
from payviox.api_requests.recorder import Recorder
from payviox.db.pool import Database
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, signed_in

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def written(services: Services, database: Database) -> AsyncIterator[None]:
    """Each test begins and ends with nothing that waits to be written."""
    await services.recorder.write(database)
    yield
    await services.recorder.write(database)


def request_of(business_id: UUID, **more: Any) -> ApiRequest:
    facts: dict[str, Any] = {
        "business_id": business_id,
        "id": ids.new(),
        "method": "GET",
        "path": "/balance",
        "status": 200,
        "duration_ms": 1.5,
        "key_hint": "abcd",
        "place": "192.0.2.7",
        "idempotency_key": None,
        "error": None,
        "called_at": datetime.now(UTC),
    }
    return ApiRequest(**(facts | more))


def offer(recorder: Recorder, business_id: UUID, status: int = 200) -> None:
    """As the process does with each answer."""
    if recorder.has_room(business_id, status):
        recorder.note(request_of(business_id, status=status), b"")


async def kept(database: Database, business: TestBusiness) -> list[ApiRequest]:
    return await database.fetch(lambda db: service.list_page(db, business.business_id, limit=1_000))


async def test_requests_are_listed_with_their_id_key_and_error_and_without_secrets(
    browser: Browser, database: Database, business: TestBusiness, services: Services
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    page = await browser.get(f"{base}/developer/requests")
    assert heading(page) == "Requests"
    assert "will be here" in page.text
    call = {"email": "secret.person@example.com", "amount": 10}
    paid = await business.client.post(
        "/payout/create", json=call, headers={"Idempotency-Key": "call-1"}
    )
    refused = await business.client.post("/payout/create", json={"email": "x", "amount": -1})
    missing = await business.client.get(f"/payout/users/{ids.show(ids.USER, ids.new())}")
    hash_ = paid.json()["hash"]
    astray = await business.client.get(f"/payout/users/{hash_}?key={business.secret_key}")
    assert (paid.status_code, refused.status_code) == (201, 400)
    assert (missing.status_code, astray.status_code) == (404, 404)
    await services.recorder.write(database)
    listed = await browser.get(f"{base}/developer/requests")
    assert listed.text.count("POST <bdi>/payout/create</bdi>") == 2
    assert "fields: amount, email" in listed.text
    assert "Not found" in listed.text
    assert "/payout/users/(secret)" in listed.text
    detail = await browser.get(f"{base}/developer/requests/{paid.headers['request-id']}")
    assert paid.headers["request-id"] in heading(detail)
    assert "call-1" in detail.text
    assert business.secret_key[-4:] in detail.text
    everything = listed.text + detail.text
    for secret in (business.secret_key, hash_, "secret.person"):
        assert secret not in everything
    keys = await browser.get(f"{base}/developer/keys")
    assert "from 127.0.0.1" in keys.text


async def test_a_stranger_and_pages_are_not_noted_and_get_no_id(
    browser: Browser, database: Database, business: TestBusiness, services: Services
) -> None:
    base = await signed_in(browser, database, business)
    answers = [
        await browser.client.get("/balance"),
        await browser.client.post("/payout/create", json={}, headers={"Authorization": "Bearer x"}),
        await browser.get(base),
    ]
    assert not [answer for answer in answers if "request-id" in answer.headers]
    await services.recorder.write(database)
    assert await kept(database, business) == []


async def test_a_body_that_is_too_large_is_noted_for_whoever_sent_it(
    database: Database, business: TestBusiness, services: Services
) -> None:
    answer = await business.client.post("/payout/create", content=b"x" * 2_000_000)
    assert answer.status_code == 413
    await services.recorder.write(database)
    [noted] = await kept(database, business)
    assert (noted.status, noted.path) == (413, "/payout/create")


async def test_filters_narrow_and_pages_go_on(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    recorder = Recorder()
    for number in range(60):
        recorder.note(
            request_of(
                business.business_id,
                method="POST" if number % 2 else "GET",
                path="/payout/fund" if number % 3 else "/balance",
                status=(200, 404, 503)[number % 3],
                key_hint="wxyz" if number == 7 else "abcd",
            ),
            b"",
        )
    await recorder.write(database)
    here = f"{base}/developer/requests"

    async def count(query: str) -> int:
        page = await browser.get(f"{here}?{query}")
        assert page.status_code == 200
        return len(re.findall(r'href="[^"]*/requests/req_', page.text))

    assert await count("") == 50
    assert await count("method=POST") == 30
    assert await count("status=succeeded") == await count("status=refused") == 20
    assert await count("status=failed") == await count("status=503") == 20
    assert await count("status=418") == 0
    assert await count("key=wxyz") == await count("key=…wxyz") == 1
    assert await count("path=/bal") == 20
    assert await count("path=%25") == await count("path=/balance/x") == 0
    assert await count("method=BREW&status=x") == 50
    first = await browser.get(here)
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    second = await browser.get(older[1])
    assert len(re.findall(r'href="[^"]*/requests/req_', second.text)) == 10


async def test_another_organizations_requests_are_not_there(
    browser: Browser, database: Database, business: TestBusiness, make_business: Any
) -> None:
    own = await signed_in(browser, database, await make_business())
    recorder = Recorder()
    request = request_of(business.business_id)
    recorder.note(request, b"")
    await recorder.write(database)
    shown = ids.show(ids.REQUEST, request.id)
    for base in (own, base_of(business)):
        assert (await browser.get(f"{base}/developer/requests/{shown}")).status_code == 404
    for page in ("requests", "first-calls"):
        assert (await browser.get(f"{base_of(business)}/developer/{page}")).status_code == 404


async def test_more_than_is_kept_of_one_business_is_left_out_and_counted_and_others_have_room(
    database: Database, business: TestBusiness, make_business: Any
) -> None:
    other = await make_business()
    recorder = Recorder(of_one=3, waiting=8)
    left_out: list[None] = []
    recorder.on_left_out = lambda: left_out.append(None)
    for status in (200, 500):
        for _ in range(5):
            offer(recorder, business.business_id, status)
    assert len(left_out) == 4
    for _ in range(3):
        offer(recorder, other.business_id)
    assert len(left_out) == 5
    await recorder.write(database)
    assert [len(await kept(database, each)) for each in (business, other)] == [6, 2]
    offer(recorder, business.business_id)
    await recorder.write(database)
    assert len(await kept(database, business)) == 7


async def test_what_cannot_be_written_is_left_out_and_nobody_else_fails(
    database: Database, business: TestBusiness
) -> None:
    recorder = Recorder()
    left_out: list[None] = []
    recorder.on_left_out = lambda: left_out.append(None)
    recorder.note(request_of(ids.new()), b"")  # of no business
    await recorder.write(database)
    assert len(left_out) == 1
    recorder.note(request_of(business.business_id), b'{"error":"a\\u0000 sk_test_abcdefgh"}')
    await recorder.write(database)
    [noted] = await kept(database, business)
    assert noted.error == "a\N{REPLACEMENT CHARACTER} (secret)"


async def test_what_is_old_or_too_much_is_forgotten(
    database: Database, business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    old = ids.first_at(datetime.now(UTC) - timedelta(days=31))
    recorder.note(request_of(business.business_id, id=old), b"")
    for _ in range(5):
        recorder.note(request_of(business.business_id), b"")
    await recorder.write(database)
    assert await service.forget_old(database, business.business_id, 30) == 1
    latest = [each.id for each in await kept(database, business)]
    monkeypatch.setattr(service, "MOST", 3)
    monkeypatch.setattr(service, "AT_ONCE", 1)
    assert await service.forget_old(database, business.business_id, 30) == 2
    assert [each.id for each in await kept(database, business)] == latest[:3]


async def test_first_calls_name_the_key_by_its_end_alone(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    page = await browser.get(f"{base}/developer/first-calls")
    assert heading(page) == "First calls"
    assert f"sk_test_…{business.secret_key[-4:]}" in page.text
    assert business.secret_key not in page.text
    for name in ("curl", "Python", "JavaScript"):
        assert f'aria-label="{name}"' in page.text
