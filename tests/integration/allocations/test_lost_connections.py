"""The connection to PostgreSQL is lost, wherever it hurts: every caller gets the right answer, no
money is lost and none is paid twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from payviox.allocations import batcher as batchers
from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Writes
from payviox.allocations.queries import groups as queries
from payviox.db.pool import Connection, Database
from payviox.errors import DatabaseAway, OutcomeUnknown, PayvioxError
from payviox.treasury import service as treasury
from support.citus import one_server
from support.databases import Urls
from support.polling import eventually
from support.proxy import Moment, Proxy, proxy

pytestmark = pytest.mark.anyio

MOMENTS: list[Moment] = ["before COMMIT", "COMMIT sent", "COMMIT done"]


@pytest.fixture
async def network(urls: Urls) -> AsyncIterator[Proxy]:
    async with proxy(urls.application) as running:
        yield running


@pytest.fixture
async def far(network: Proxy) -> AsyncIterator[Database]:
    """The database as it is reached by the network that fails."""
    database = Database(network.url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
def engine(engine: Any, far: Database, keyring: Any) -> Any:
    """The business on the sound network, its queue on the other."""
    engine.batcher = Batcher(far, keyring)
    return engine


def kinds(answers: list[Any]) -> list[type]:
    return [type(answer[0]) for answer in answers]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("keyed", [False, True])
async def test_a_group_whose_connection_is_lost_is_paid_once(
    engine, network: Proxy, moment: Moment, keyed: bool
) -> None:
    for _ in range(6):  # psycopg prepares what it often runs
        await engine.pay("before@x.com", 1)
    for round_ in range(3):
        network.cut_at(moment)
        answers = await asyncio.gather(
            *(
                engine.pay(
                    f"u{n}@x.com",
                    5,
                    idempotency_key=f"{round_}.{n}" if keyed else None,
                    digest="aa" if keyed else None,
                )
                for n in range(20)
            )
        )
        assert network.cuts == round_ + 1
        assert kinds(answers) == [Allocated] * 20
        assert not any(answer[0].replayed for answer in answers)
        books = await engine.business.ledger()
        assert [books[f"u{n}@x.com"] for n in range(20)] == [5 * (round_ + 1)] * 20


@pytest.mark.parametrize("moment", MOMENTS)
async def test_one_request_whose_connection_is_lost_is_paid_once(
    engine, network: Proxy, moment: Moment
) -> None:
    network.cut_at(moment)
    [outcome] = await engine.pay("a@x.com", 5)
    assert network.cuts == 1
    books = await engine.business.ledger()
    assert (books["a@x.com"], books.users, await engine.groups()) == (5, 1, 1)
    assert [outcome] == await engine.pay("a@x.com", 5)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_refusal_whose_connection_is_lost_is_still_that_refusal(
    make_engine, far, keyring, network: Proxy, moment: Moment
) -> None:
    engine = await make_engine(5)
    engine.batcher = Batcher(far, keyring)
    network.cut_at(moment)
    answers = await asyncio.gather(engine.pay("a@x.com", 5), engine.pay("b@x.com", 5))
    assert network.cuts == 1
    assert [answer[0].__class__.__name__ for answer in answers] == [
        "Allocated",
        "InsufficientPayoutBalance",
    ]
    assert (await engine.business.ledger()).users == 1


async def test_wherever_the_connection_is_cut_every_request_is_paid_once(
    engine, network: Proxy
) -> None:
    """Before each message in turn that the client sends."""
    position = rounds = 0
    while network.cuts == rounds:
        network.cut_after(position)
        answers = await asyncio.gather(*(engine.pay(f"u{n}@x.com", 1) for n in range(3)))
        assert kinds(answers) == [Allocated] * 3
        rounds += 1
        position += 1
        books = await engine.business.ledger()
        assert books.transfers["allocation"] == 3 * rounds, f"cut before message {position}"
    assert position > 20
    network.disarm()


async def test_wherever_the_answers_are_cut_every_request_is_paid_once(
    engine, network: Proxy
) -> None:
    """Within and between the messages that the server answers a group with."""
    await engine.pay("u0@x.com", 1)
    position = rounds = 0
    while network.cuts == rounds:
        network.cut_answers_after(position)
        answers = await asyncio.gather(*(engine.pay(f"u{n}@x.com", 1) for n in range(3)))
        assert kinds(answers) == [Allocated] * 3
        rounds += 1
        position += 9
        books = await engine.business.ledger()
        assert books.transfers["allocation"] == 1 + 3 * rounds, f"cut before byte {position}"
    assert position > 500
    network.disarm()


async def test_sessions_that_were_reset_behind_the_pool_lose_nothing(
    engine, far: Database, urls: Urls
) -> None:
    """As a pooler may do between two transactions."""
    for _ in range(2):
        assert kinds([await engine.pay("a@x.com", 5)]) == [Allocated]
        async with far.engine() as one, far.engine() as other:
            await one.execute("DISCARD ALL")
            await other.execute("DISCARD ALL")
    assert kinds([await engine.pay("a@x.com", 5, idempotency_key="k", digest="aa")]) == [Allocated]
    assert (await engine.business.ledger())["a@x.com"] == 15


@pytest.mark.parametrize(
    "meanwhile", ["DISCARD ALL", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"]
)
async def test_a_look_up_that_meets_a_changed_session_asks_again(
    engine, far: Database, network: Proxy, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """As where a pooler fails over: the connection is lost after COMMIT, and the session that the
    look-up is lent was reset, or is on a server that was demoted."""
    for _ in range(2):  # the pool holds two, and both have run a group
        async with far.engine():
            await engine.pay("before@x.com", 1)
    write, cut = queries.write_and_commit, False

    async def write_and_lose(connection: Connection, writes: Writes) -> None:
        nonlocal cut
        if not cut:
            cut = True
            async with far.engine() as other:
                await other.execute(meanwhile)
            network.cut_at("COMMIT done")
        await write(connection, writes)

    monkeypatch.setattr(queries, "write_and_commit", write_and_lose)
    answers = await asyncio.gather(*(engine.pay(f"u{n}@x.com", 5) for n in range(4)))
    assert network.cuts == 1
    assert kinds(answers) == [Allocated] * 4
    books = await engine.business.ledger()
    assert [books[f"u{n}@x.com"] for n in range(4)] == [5] * 4


async def test_a_look_up_that_fails_says_that_the_outcome_is_unknown(
    engine, network: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it failed of, the group is not paid again."""

    async def fail(*_: object) -> bool:
        raise ValueError("unforeseen")

    monkeypatch.setattr(queries, "group_exists", fail)
    network.cut_at("COMMIT done")
    answers = await asyncio.gather(
        *(engine.pay(f"u{n}@x.com", 5) for n in range(4)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [OutcomeUnknown] * 4
    books = await engine.business.ledger()
    assert [books[f"u{n}@x.com"] for n in range(4)] == [5] * 4


@pytest.mark.parametrize("committed", [True, False])
async def test_where_a_cluster_has_lost_the_node_that_commits_nobody_is_paid_twice(
    engine, monkeypatch, committed: bool
) -> None:
    """The coordinator then answers with an error, whether or not the node has committed."""
    real, asked = queries.write_and_commit, 0

    async def lose_the_node(connection: Connection, writes: Writes) -> None:
        nonlocal asked
        asked += 1
        if committed:
            await real(connection, writes)
        raise psycopg.errors.InternalError_("could not commit on any active node")

    await engine.pay("u0@x.com", 5)
    before = await engine.business.ledger()
    monkeypatch.setattr(queries, "write_and_commit", lose_the_node)
    answers = await asyncio.gather(
        *(engine.pay(f"u{n}@x.com", 5) for n in range(4)), return_exceptions=True
    )
    books = await engine.business.ledger()
    if committed:
        assert kinds(answers) == [Allocated] * 4
        assert [books[f"u{n}@x.com"] for n in range(4)] == [10, 5, 5, 5]
        assert asked == 1
    else:
        assert {type(answer) for answer in answers} == {PayvioxError}
        assert books == before
        assert asked <= 2 * 4 - 1, "nobody's is tried again, only a group's halves"


@pytest.mark.parametrize("step", ["begin", "write_and_commit"])
@pytest.mark.parametrize("done", [True, False])
async def test_a_group_whose_node_a_cluster_does_not_reach_is_paid_once(
    engine, monkeypatch: pytest.MonkeyPatch, step: str, done: bool
) -> None:
    """The coordinator says so, and its session goes on."""
    as_it_is, calls = getattr(queries, step), 0

    async def lost_once(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        result = await as_it_is(*arguments) if done or calls > 1 else None
        if calls == 1:
            raise psycopg.errors.ConnectionFailure("connection to the remote node failed")
        return result

    monkeypatch.setattr(queries, step, lost_once)
    [outcome] = await engine.pay("ada@x.com", 5)
    assert isinstance(outcome, Allocated)
    assert calls == (1 if done and step == "write_and_commit" else 2)
    assert (await engine.business.ledger())["ada@x.com"] == 5


@contextlib.contextmanager
def commits_wait(urls: Urls) -> Iterator[Any]:
    """Makes every COMMIT of a group wait, in PostgreSQL, until `let_go`."""
    with urls.as_admin() as admin:
        admin.execute(
            "CREATE OR REPLACE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END'"
        )
        admin.execute(
            "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON allocation_groups"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()"
        )
        admin.execute("SELECT pg_advisory_lock(4711)")
        try:
            yield admin
        finally:
            admin.execute("SELECT pg_advisory_unlock_all()")
            admin.execute("DROP TRIGGER wait_at_commit ON allocation_groups")


@pytest.mark.parametrize("end", ["it commits", "it is terminated"])
@one_server
async def test_a_commit_that_hangs_while_its_connection_is_lost_is_waited_for(
    engine, network: Proxy, urls: Urls, end: str
) -> None:
    """The look-up must not answer before the lost transaction has ended, whichever way."""
    with commits_wait(urls) as admin:
        network.cut_at("COMMIT sent")
        task = engine.pay("a@x.com", 5)
        pids = await engine.waiting_for_a_lock(2)  # the COMMIT, and the look-up behind it
        assert network.cuts == 1
        assert not task.done()
        if end == "it is terminated":
            [committing] = admin.execute(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).fetchall()
            assert committing[0] in pids
            admin.execute("SELECT pg_terminate_backend(%s::integer)", committing)
        admin.execute("SELECT pg_advisory_unlock_all()")
        [outcome] = await task
    assert isinstance(outcome, Allocated)
    books = await engine.business.ledger()
    assert (books["a@x.com"], books.users, await engine.groups()) == (5, 1, 1)


@one_server
async def test_a_backend_terminated_at_commit_is_no_lost_request(engine, urls: Urls) -> None:
    """An administrator ends the session while it commits: it says so before it goes."""
    with commits_wait(urls) as admin:
        task = engine.pay("a@x.com", 5)
        [pid] = await engine.waiting_for_a_lock()
        admin.execute("SELECT pg_terminate_backend(%s::integer)", [pid])
        admin.execute("SELECT pg_advisory_unlock_all()")
        assert kinds([await task]) == [Allocated]
    books = await engine.business.ledger()
    assert (books["a@x.com"], await engine.groups()) == (5, 1)


async def test_a_backend_terminated_before_commit_is_no_lost_request(engine, urls: Urls) -> None:
    async with engine.locked():
        tasks = [engine.pay(f"u{n}@x.com", 5) for n in range(10)]
        [pid] = await engine.waiting_for_a_lock()
        with urls.as_admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s::integer)", [pid])
        await eventually(lambda: _another(engine, pid))
        assert not any(task.done() for task in tasks)
    assert kinds(await asyncio.gather(*tasks)) == [Allocated] * 10
    assert (await engine.business.ledger()).transfers["allocation"] == 10


async def _another(engine: Any, pid: int) -> bool:
    return pid not in await engine.waiting_for_a_lock()


async def test_every_session_terminated_again_and_again_loses_nothing(engine, urls: Urls) -> None:
    """Terminated at moments of nobody's choosing, while work goes on."""
    paid = [0] * 8
    stop = asyncio.Event()

    async def pay(worker: int) -> None:
        while not stop.is_set():
            [outcome] = await engine.pay(f"u{worker}@x.com", 1)
            assert isinstance(outcome, Allocated)
            paid[worker] += 1

    workers = [asyncio.ensure_future(pay(n)) for n in range(8)]
    with urls.as_admin() as admin:
        for _ in range(15):
            so_far = sum(paid)
            await eventually(lambda so_far=so_far: sum(paid) > so_far + 20, 60, every_s=0.001)
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    stop.set()
    await asyncio.gather(*workers)
    books = await engine.business.ledger()
    assert [books[f"u{n}@x.com"] for n in range(8)] == paid


@pytest.fixture
def impatient(far: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away stays away: waiting for it is cut short."""
    monkeypatch.setattr(batchers, "RETRY_S", 0.3)
    monkeypatch.setattr(far._engine, "timeout", 0.3)


async def back(engine: Any, **keyed: Any) -> Any:
    """Pay, as soon as the database is found to be back."""

    async def paid() -> Any:
        try:
            return await engine.pay("a@x.com", 5, **keyed)
        except PayvioxError:
            return None

    return await eventually(paid)


async def test_away_before_commit_nothing_is_debited(engine, network: Proxy, impatient) -> None:
    before = await engine.business.ledger()
    network.cut_at("before COMMIT")
    network.refusing = True
    answers = await asyncio.gather(
        *(engine.pay(f"u{n}@x.com", 5) for n in range(5)), return_exceptions=True
    )
    assert await engine.business.ledger() == before
    # Cut just before COMMIT, the client cannot know; what it says must not be that it was done.
    assert {type(answer) for answer in answers} <= {OutcomeUnknown, DatabaseAway}
    network.refusing = False
    assert kinds([await back(engine)]) == [Allocated]


async def test_away_altogether_is_503_and_nothing_is_debited(
    engine, network: Proxy, impatient
) -> None:
    before = await engine.business.ledger()
    network.refusing = True
    network.cut_after(0)
    answers = await asyncio.gather(
        *(engine.pay(f"u{n}@x.com", 5) for n in range(5)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [DatabaseAway] * 5
    assert {answer.status for answer in answers} == {503}
    assert {answer.headers["Retry-After"] for answer in answers} == {"5"}
    assert await engine.business.ledger() == before
    network.refusing = False
    assert kinds([await back(engine)]) == [Allocated]


async def test_away_since_commit_is_an_unknown_outcome_and_its_key_tells_it(
    engine, network: Proxy, impatient
) -> None:
    keyed = {"idempotency_key": "k", "digest": "aa"}
    await engine.pay("a@x.com", 1)  # the pool has its connection
    network.cut_at("COMMIT done")
    network.refusing = True
    with pytest.raises(OutcomeUnknown) as unknown:
        await engine.pay("a@x.com", 5, **keyed)
    assert (unknown.value.status, unknown.value.headers) == (503, {"Retry-After": "5"})
    network.refusing = False
    [outcome] = await back(engine, **keyed)
    assert outcome.replayed
    assert (await engine.business.ledger())["a@x.com"] == 6


@pytest.mark.parametrize("moment", MOMENTS)
async def test_any_other_write_with_a_key_is_made_once(
    engine, far: Database, network: Proxy, moment: Moment
) -> None:
    """Database.write, under which everything but allocations commits."""
    business = engine.business

    async def deposit(connection: Any) -> Any:
        return await treasury.deposit(connection, business.business_id, 7, "r", "test")

    network.cut_at(moment)
    await far.write(deposit, keyed=True)
    assert network.cuts == 1
    assert (await business.ledger())["main"] == 7


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_write_without_a_key_is_never_repeated_once_commit_was_sent(
    engine, far: Database, network: Proxy, moment: Moment
) -> None:
    business = engine.business

    async def defund(connection: Any) -> Any:
        return await treasury.defund(connection, business.business_id, 7, "test")

    network.cut_at(moment)
    with pytest.raises(OutcomeUnknown):
        await far.write(defund)
    assert network.cuts == 1
    committed = 0 if moment == "before COMMIT" else 7

    async def settled() -> bool:
        return (await business.ledger())["main"] == committed

    await eventually(settled)
