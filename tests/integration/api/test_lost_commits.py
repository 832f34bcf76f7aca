"""The database's connection is lost around the COMMIT of every POST: no answer says that nothing
was done where it was, and a key gets the first answer."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from payviox import app
from payviox.api_requests import recorder
from payviox.db.pool import Database
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.databases import Urls
from support.every_post import PREPARED, Stage, posts_of
from support.proxy import Moment, Proxy, proxy

pytestmark = pytest.mark.anyio

MOMENTS: list[Moment] = ["before COMMIT", "COMMIT sent", "COMMIT done"]


async def test_every_post_is_tried(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    assert posts_of(document) == set(PREPARED)


@dataclass
class Far:
    """An application on a database behind a network that fails. What it writes by the way it writes
    when it ends, so that a call's own COMMIT is the one that is lost."""

    network: Proxy
    database: Database
    application: Application

    def of(self, business: TestBusiness) -> TestBusiness:
        """The business by this application."""
        return replace(business, application=self.application)


@asynccontextmanager
async def opened(settings: Any, urls: Urls) -> AsyncIterator[Far]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "EVERY_S", 3600.0)
        async with (
            proxy(urls.application) as network,
            app.open_services(settings, network.url) as services,
        ):
            yield Far(network, services.database, app.build(services))


@pytest.fixture(scope="module")
async def shared(settings: Any, urls: Urls) -> AsyncIterator[Far]:
    async with opened(settings, urls) as far:
        yield far


@pytest.fixture
def far(shared: Far) -> Iterator[Far]:
    """The one that tests share, whose network is sound before and after."""
    shared.network.cuts = 0
    yield shared
    shared.network.disarm()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("path", PREPARED)
async def test_with_a_key_the_effect_is_one_and_is_answered(
    business: TestBusiness, far: Far, path: str, moment: Moment
) -> None:
    ready = await PREPARED[path](Stage(business))
    far.network.cut_at(moment)
    answer = await ready.send(far.of(business), Idempotency_Key="k")
    assert far.network.cuts == 1
    assert answer.is_success, answer.text
    again = await ready.send(business, Idempotency_Key="k")
    assert again.is_success
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("path", PREPARED)
async def test_without_a_key_a_lost_commit_is_unknown_and_never_a_500(
    business: TestBusiness, far: Far, path: str
) -> None:
    ready = await PREPARED[path](Stage(business))
    far.network.cut_at("COMMIT done")
    answer = await ready.send(far.of(business))
    assert far.network.cuts == 1
    if path == "/payout/create":  # its group is looked up, so what became of it is known
        assert answer.status_code == 201
    elif path == "/payout/batch":
        assert answer.status_code in (200, 503)
    else:
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


@pytest.mark.parametrize("path", PREPARED)
async def test_with_a_key_and_the_database_gone_after_it_the_outcome_stays_unknown(
    business: TestBusiness,
    settings: Any,
    urls: Urls,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready = await PREPARED[path](Stage(business))
    monkeypatch.setattr("payviox.db.pool.RETRY_S", 0.5)
    monkeypatch.setattr("payviox.allocations.batcher.RETRY_S", 0.5)
    async with opened(settings, urls) as far:
        for pool in (far.database._pool, far.database._engine):
            monkeypatch.setattr(pool, "timeout", 0.2)
        far.network.cut_at("COMMIT done")
        far.network.refuse_after_cut = True
        answer = await ready.send(far.of(business), Idempotency_Key="k")
        assert far.network.cuts == 1
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text
    again = await ready.send(business, Idempotency_Key="k")
    assert again.is_success
    assert again.headers["Idempotent-Replayed"] == "true"
