"""A business's accounts at rails: connected, found, changed, disconnected."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox.audit import service as audit
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.keyring import DecryptionFailed, Keyring
from payviox.rail_accounts import service
from payviox.rail_accounts.directory import Directory, opened
from payviox.rail_accounts.model import Changes, RailAccount, RailName
from payviox.rail_accounts.queries import accounts
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account
from support.accounts import LOCAL, SECRETS, connect
from support.businesses import TestBusiness
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

KEYRING = Keyring("the key that these accounts are sealed with")
RAILS: tuple[RailName, ...] = ("paypal", "tremendous", "evm")


@pytest.fixture
def directory(database: Database) -> Directory:
    return Directory(database, KEYRING)


async def stored(business: TestBusiness) -> str:
    """Everything that the database keeps of the business's accounts, as text."""
    rows = await business.scalar(
        "SELECT json_build_object('accounts', (SELECT json_agg(a) FROM rail_accounts a"
        " WHERE business_id = %(b)s), 'audit', (SELECT json_agg(e) FROM audit_entries e"
        " WHERE business_id = %(b)s))".replace("%(b)s", f"'{business.business_id}'")
    )
    return json.dumps(rows)


async def change(business: TestBusiness, rail: RailName, **settings: Any) -> None:
    await business.database.write(
        service.change, business.business_id, rail, Changes(settings=settings), "test"
    )


async def disconnect(business: TestBusiness, rail: RailName) -> None:
    await business.database.write(service.disconnect, business.business_id, rail, "test")


@pytest.mark.parametrize("rail", RAILS)
async def test_a_connected_account_is_found_with_its_credentials_and_kept_without(
    business: TestBusiness, directory: Directory, rail: RailName
) -> None:
    await connect(
        business.database,
        KEYRING,
        business.business_id,
        rail,
        min_amount=100,
        max_amount=5_000,
        low_float=10_000,
        fee_payer="recipient",
        fee_percentage_bp=250,
        fee_fixed=10,
        fee_cap=300,
    )
    found = await directory.find(business.business_id, rail)
    assert found is not None
    assert dict(found.credentials) == SECRETS[rail]
    assert (found.rail, found.environment, found.enabled) == (rail, "sandbox", True)
    assert (found.min_amount, found.max_amount, found.low_float) == (100, 5_000, 10_000)
    assert found.fees == FeePolicy("recipient", 250, 10, 300)
    text = await stored(business)
    for secret in SECRETS[rail].values():
        assert secret not in text
        assert secret not in repr(found)


async def test_the_environment_follows_from_the_business(
    make_business: Any, directory: Directory
) -> None:
    live = await make_business(mode="live")
    await connect(live.database, KEYRING, live.business_id, "paypal")
    found = await directory.find(live.business_id, "paypal")
    assert found is not None
    assert found.environment == "live"
    assert await directory.find(live.twin.business_id, "paypal") is None


@pytest.mark.parametrize(
    ("rail", "given", "credentials", "field"),
    [
        ("paypal", {"base_url": "https://api-m.paypal.com"}, {}, "base_url"),
        ("paypal", {"base_url": "https://API-M.PayPal.com./"}, {}, "base_url"),
        ("tremendous", {"base_url": "https://api.tremendous.com/api/v2"}, {}, "base_url"),
        ("tremendous", {}, {"api_key": "PROD_key"}, "api_key"),
        ("evm", {"chains": {"ERC20": {}}}, {"rpc:ERC20": "http://127.0.0.1:1"}, "chains"),
        (
            "evm",
            {"chains": {"LOCAL": {**LOCAL, "chain_id": 56, "test": True}}},
            {},
            "chains",
        ),
    ],
)
async def test_a_test_business_cannot_connect_what_costs_money(
    business: TestBusiness,
    rail: RailName,
    given: dict[str, Any],
    credentials: dict[str, str],
    field: str,
) -> None:
    with pytest.raises(FieldErrors) as refused:
        await connect(
            business.database,
            KEYRING,
            business.business_id,
            rail,
            settings=given,
            credentials=credentials,
        )
    assert refused.value.fields.keys() == {field}
    assert json.loads(await stored(business))["accounts"] is None, "nothing was kept"


async def test_a_live_business_cannot_connect_a_sandbox(make_business: Any) -> None:
    live = await make_business(mode="live")
    at = (live.database, KEYRING, live.business_id)
    with pytest.raises(FieldErrors, match="field"):
        await connect(*at, "paypal", settings={"base_url": "https://api-m.sandbox.paypal.com"})
    for local in ("http://127.0.0.1:9000", "http://localhost:9000", "https://[::1]"):
        with pytest.raises(FieldErrors) as refused:
            await connect(*at, "paypal", settings={"base_url": local})
        assert "this machine" in str(refused.value.fields["base_url"])
    with pytest.raises(FieldErrors):
        await connect(*at, "tremendous")  # TEST_…
    with pytest.raises(FieldErrors):
        await connect(*at, "evm")


async def test_connecting_again_replaces_the_credentials_and_keeps_what_is_not_named(
    business: TestBusiness, directory: Directory
) -> None:
    at = (business.database, KEYRING, business.business_id)
    await connect(*at, "paypal", settings={"webhook_id": "W-1"}, max_amount=5_000)
    await connect(*at, "paypal", credentials={"client_secret": "another"}, min_amount=100)
    found = await directory.find(business.business_id, "paypal")
    assert found is not None
    assert found.credentials == {"client_secret": "another"}
    assert found.settings == {"client_id": "AY-client", "webhook_id": "W-1"}
    assert (found.min_amount, found.max_amount) == (100, 5_000)


async def test_of_two_connects_at_once_one_whole_account_remains(
    business: TestBusiness, directory: Directory
) -> None:
    at = (business.database, KEYRING, business.business_id)
    names = [f"app-{number}" for number in range(8)]
    await asyncio.gather(
        *(
            connect(
                *at,
                "paypal",
                settings={"client_id": name},
                credentials={"client_secret": f"secret of {name}"},
            )
            for name in names
        )
    )
    found = await directory.find(business.business_id, "paypal")
    assert found is not None
    assert found.credentials["client_secret"] == f"secret of {found.settings['client_id']}"
    entries = await business.database.fetch(
        lambda db: audit.list_page(db, business.business_id, limit=50)
    )
    connected = [entry.after for entry in entries if entry.act == "rail.connect"]
    assert sorted(detail["client_id"] for detail in connected) == names
    assert sum(detail["new"] for detail in connected) == 1


async def test_credentials_that_were_moved_to_another_place_open_nothing(
    make_business: Any, database: Database, directory: Directory
) -> None:
    one, two = await make_business(), await make_business()
    first = await connect(database, KEYRING, one.business_id, "paypal")
    await connect(database, KEYRING, two.business_id, "paypal")
    with pytest.raises(DecryptionFailed):
        opened(replace(first, business_id=two.business_id), KEYRING)
    with pytest.raises(DecryptionFailed):
        opened(replace(first, rail="tremendous"), KEYRING)
    credentials = await one.scalar(
        "SELECT credentials FROM rail_accounts WHERE business_id = %s", one.business_id
    )
    await database.write(
        lambda db: db.execute(
            "UPDATE rail_accounts SET credentials = %s WHERE business_id = %s",
            [credentials, two.business_id],
        )
    )
    assert await directory.find(two.business_id, "paypal") is None
    assert await directory.find(one.business_id, "paypal") is not None


async def test_an_account_of_an_unknown_key_counts_as_not_connected(
    business: TestBusiness,
) -> None:
    await connect(business.database, KEYRING, business.business_id, "paypal")
    other = Directory(business.database, Keyring("another key, that knows nothing of it"))
    assert await other.find(business.business_id, "paypal") is None


async def test_who_asks_at_once_shares_a_read_and_one_that_gives_up_stops_nobody(
    business: TestBusiness, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(business.database, KEYRING, business.business_id, "paypal")
    reads: list[str] = []
    find = accounts.find

    async def counted(db: Connection, business_id: UUID, rail: str) -> RailAccount | None:
        reads.append(rail)
        return await find(db, business_id, rail)

    monkeypatch.setattr(accounts, "find", counted)
    asked = [
        asyncio.create_task(directory.find(business.business_id, rail))
        for rail in ("paypal", "paypal", "paypal", "evm")
    ]
    await asyncio.sleep(0)
    asked[0].cancel()
    first, *others, none = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert all(isinstance(one, Account) for one in others)
    assert none is None
    assert sorted(reads) == ["evm", "paypal"]
    assert await directory.find(business.business_id, "paypal") == others[0]
    assert sorted(reads) == ["evm", "paypal", "paypal"]


async def test_who_asks_during_a_read_shares_the_next_one_which_sees_what_changed_meanwhile(
    business: TestBusiness, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connect(business.database, KEYRING, business.business_id, "paypal")
    reads, is_read, go_on = 0, asyncio.Event(), asyncio.Event()
    find = accounts.find

    async def slow(db: Connection, business_id: UUID, rail: str) -> RailAccount | None:
        nonlocal reads
        reads += 1
        found = await find(db, business_id, rail)
        is_read.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(accounts, "find", slow)
    first = asyncio.create_task(directory.find(business.business_id, "paypal"))
    await is_read.wait()
    await business.database.write(
        lambda db: service.switch(db, business.business_id, "paypal", "test", enabled=False)
    )
    later = []
    for _ in range(5):
        later.append(asyncio.create_task(directory.find(business.business_id, "paypal")))
        await asyncio.sleep(0)
    go_on.set()
    before = await first
    assert before is not None
    assert before.enabled
    for after in await asyncio.gather(*later):
        assert after is not None
        assert not after.enabled
    assert reads == 2


async def test_a_disabled_account_is_found_as_such_at_once(
    business: TestBusiness, directory: Directory
) -> None:
    await connect(business.database, KEYRING, business.business_id, "paypal")
    for enabled in (False, True):
        await business.database.write(
            lambda db, e=enabled: service.switch(  # type: ignore[misc]  # a default binds it
                db, business.business_id, "paypal", "test", enabled=e
            )
        )
        found = await directory.find(business.business_id, "paypal")
        assert found is not None
        assert found.enabled is enabled


async def test_what_is_not_connected_is_told_with_the_command_that_connects_it(
    business: TestBusiness,
) -> None:
    with pytest.raises(NotFound, match="payviox rail connect evm"):
        await change(business, "evm", spread_bp=50)
    with pytest.raises(NotFound, match="payviox rail connect paypal"):
        await disconnect(business, "paypal")
    with pytest.raises(NotFound):
        await connect(business.database, KEYRING, uuid4(), "paypal")


@pytest.mark.parametrize(
    ("rail", "given", "columns"),
    [
        ("paypal", {"client_id": None}, {}),
        ("tremendous", {"funding_source_id": None}, {}),
        ("evm", {"keystore": None}, {}),
        ("evm", {"signer": "https://signer.test"}, {}),
        ("evm", {"address": "0x52908400098527886e0F7030069857D2E4169EE7"}, {}),
        ("evm", {"chains": {}}, {}),
        ("paypal", {}, {"min_amount": 200, "max_amount": 100}),
    ],
)
async def test_an_account_that_could_not_work_is_refused(
    business: TestBusiness, rail: RailName, given: dict[str, Any], columns: dict[str, int]
) -> None:
    with pytest.raises(FieldErrors):
        await connect(
            business.database,
            KEYRING,
            business.business_id,
            rail,
            settings=given,
            **columns,
        )
    assert json.loads(await stored(business))["accounts"] is None


async def test_a_missing_secret_is_refused(business: TestBusiness) -> None:
    at = (business.database, KEYRING, business.business_id)
    with pytest.raises(FieldErrors):
        await connect(*at, "paypal", credentials={"client_secret": ""})
    with pytest.raises(FieldErrors):
        await connect(*at, "evm", credentials={"passphrase": ""})


async def test_two_businesses_do_not_share_a_wallet_on_one_chain(
    make_business: Any, database: Database
) -> None:
    one, two = await make_business(), await make_business()
    wallet = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
    await connect(database, KEYRING, one.business_id, "evm", settings={"address": wallet})
    same: dict[str, Any] = {"address": wallet.lower()}
    same["chains"] = {"ANOTHER_NAME": LOCAL}
    rpc = {"rpc:ANOTHER_NAME": "http://127.0.0.1:1"}
    with pytest.raises(Conflict, match=r"Another business pays .* on chain 31337"):
        await connect(database, KEYRING, two.business_id, "evm", settings=same, credentials=rpc)
    same["chains"] = {"ANOTHER_NAME": {**LOCAL, "chain_id": 97}}
    await connect(database, KEYRING, two.business_id, "evm", settings=same, credentials=rpc)


@pytest.fixture
async def paypal(business: TestBusiness) -> Desk:
    """Orders that go to a vendor in PayPal's place, at which the business has an account."""
    await connect(business.database, KEYRING, business.business_id, "paypal")
    vendor = Vendor()
    vendor.name = "paypal"
    desk = Desk.of(business, vendor.rails)
    desk.vendor = vendor  # type: ignore[attr-defined]  # for the tests here
    return desk


@pytest.mark.parametrize("plan", ["accept", "lost", "empty"])
async def test_an_account_with_orders_under_way_is_not_disconnected(
    paypal: Desk, business: TestBusiness, directory: Directory, plan: str
) -> None:
    user = await paypal.user(2_000)
    vendor: Vendor = paypal.vendor  # type: ignore[attr-defined]  # see the fixture
    vendor.plan = [plan, plan]  # type: ignore[list-item]  # a Behaviour
    for _ in range(2):
        await paypal.withdraw(user, 1_000)
    await paypal.process()
    with pytest.raises(Conflict, match=r"2 orders are under way at paypal.*Pause or disable"):
        await disconnect(business, "paypal")
    assert await directory.find(business.business_id, "paypal") is not None


async def test_an_account_whose_orders_have_ended_is_forgotten_with_its_credentials(
    paypal: Desk, business: TestBusiness, directory: Directory
) -> None:
    await paypal.withdraw(await paypal.user(1_000), 1_000)
    await paypal.process()
    await disconnect(business, "paypal")
    assert await directory.find(business.business_id, "paypal") is None
    assert json.loads(await stored(business))["accounts"] is None


@pytest.mark.parametrize("plan", ["accept", "lost"])
async def test_another_account_does_not_take_the_place_of_one_that_may_have_been_asked_to_pay(
    paypal: Desk, business: TestBusiness, directory: Directory, plan: str
) -> None:
    """The other account has never heard of the reference, and would pay it again."""
    vendor: Vendor = paypal.vendor  # type: ignore[attr-defined]  # see the fixture
    vendor.plan = [plan]  # type: ignore[list-item]  # a Behaviour
    order = await paypal.withdraw(await paypal.user(1_000), 1_000)
    await paypal.process()
    at = (business.database, KEYRING, business.business_id)
    for settings in ({"client_id": "another"}, {"base_url": "http://127.0.0.1:1"}):
        with pytest.raises(Conflict, match=r"1 order is under way at the account"):
            await connect(*at, "paypal", settings=settings)
        with pytest.raises(Conflict):
            await change(business, "paypal", **settings)
    await connect(*at, "paypal", credentials={"client_secret": "the same app's new one"})
    found = await directory.find(business.business_id, "paypal")
    assert found is not None
    assert found.settings == {"client_id": "AY-client"}

    vendor.books = dict.fromkeys(vendor.submitted, "paid")
    await paypal.hurry()
    await paypal.process()
    assert (await paypal.get(order)).status == "succeeded"
    await connect(*at, "paypal", settings={"client_id": "another"})


async def test_a_wrong_account_can_be_mended_while_orders_wait_that_were_surely_not_sent(
    paypal: Desk, business: TestBusiness
) -> None:
    vendor: Vendor = paypal.vendor  # type: ignore[attr-defined]  # see the fixture
    vendor.plan = ["empty"]
    user = await paypal.user(2_000)
    waits = await paypal.withdraw(user, 1_000)
    await paypal.process()
    await paypal.withdraw(user, 1_000)  # never tried
    assert (await paypal.get(waits)).waiting == "float_empty"
    at = (business.database, KEYRING, business.business_id)
    await connect(*at, "paypal", settings={"client_id": "another"})
