"""The database's connection is lost around the COMMIT of every POST: no answer says that nothing
was done where it was, and a key gets the first answer."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from payviox import app
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.databases import Urls
from support.every_post import PREPARED, Stage, posts_of
from support.proxy import Moment, Proxy, proxy

pytestmark = pytest.mark.anyio

MOMENTS: list[Moment] = ["before COMMIT", "COMMIT sent", "COMMIT done"]


async def test_every_post_is_tried(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    assert posts_of(document) == set(PREPARED)


@pytest.fixture
async def network(urls: Urls) -> AsyncIterator[Proxy]:
    async with proxy(urls.application) as running:
        yield running


@pytest.fixture
async def far_services(settings: Any, network: Proxy) -> AsyncIterator[Services]:
    """What runs on a database behind the network that fails."""
    async with app.open_services(settings, network.url) as opened:
        yield opened


@pytest.fixture
def far(business: TestBusiness, far_services: Services) -> TestBusiness:
    """The business by an application on these."""
    return replace(business, application=app.build(far_services))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("path", PREPARED)
async def test_with_a_key_the_effect_is_one_and_is_answered(
    business: TestBusiness, far: TestBusiness, network: Proxy, path: str, moment: Moment
) -> None:
    ready = await PREPARED[path](Stage(business))
    network.cut_at(moment)
    answer = await ready.send(far, Idempotency_Key="k")
    assert network.cuts == 1
    assert answer.is_success, answer.text
    again = await ready.send(business, Idempotency_Key="k")
    assert again.is_success
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("path", PREPARED)
async def test_without_a_key_a_lost_commit_is_unknown_and_never_a_500(
    business: TestBusiness, far: TestBusiness, network: Proxy, path: str
) -> None:
    ready = await PREPARED[path](Stage(business))
    network.cut_at("COMMIT done")
    answer = await ready.send(far)
    assert network.cuts == 1
    if path == "/payout/create":  # its group is looked up, so what became of it is known
        assert answer.status_code == 201
    elif path == "/payout/batch":
        assert answer.status_code in (200, 503)
    else:
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


@pytest.mark.parametrize("path", PREPARED)
async def test_with_a_key_and_the_database_gone_after_it_the_outcome_stays_unknown(
    business: TestBusiness,
    far: TestBusiness,
    far_services: Services,
    network: Proxy,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready = await PREPARED[path](Stage(business))
    pools = far_services.database
    for pool in (pools._pool, pools._engine):
        monkeypatch.setattr(pool, "timeout", 0.2)
    monkeypatch.setattr("payviox.db.pool.RETRY_S", 0.5)
    monkeypatch.setattr("payviox.allocations.batcher.RETRY_S", 0.5)
    network.cut_at("COMMIT done")
    network.refuse_after_cut = True
    answer = await ready.send(far, Idempotency_Key="k")
    assert network.cuts == 1
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text
    network.refusing = False
    again = await ready.send(business, Idempotency_Key="k")
    assert again.is_success
    assert again.headers["Idempotent-Replayed"] == "true"
