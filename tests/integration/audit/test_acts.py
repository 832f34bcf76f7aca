"""Every act of the closed set leaves exactly one entry, with who did it and from where, and no
secret; what is rolled back leaves none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args
from uuid import UUID

import pytest

from payviox import actors, ids
from payviox.access import invitations, members
from payviox.actors import Actor
from payviox.acts import Act
from payviox.agreements import service as agreements
from payviox.allocations import service as allocations
from payviox.allocations.uploads import checking, confirming
from payviox.allocations.uploads.model import Choices, Part
from payviox.approvals import service as approvals
from payviox.audit import service as audit
from payviox.auth import operators, redemption
from payviox.auth.restrictions import Restrictions
from payviox.auth.users import UserCaller
from payviox.bank import files as bank_files
from payviox.bank import holds as bank_holds
from payviox.bank import imports
from payviox.bank.model import BankFile
from payviox.bank.releasing import handing_over
from payviox.bank.releasing.folder import Folder
from payviox.db.pool import Database
from payviox.destinations import service as destinations
from payviox.errors import Conflict, NotFound
from payviox.giftcards import holds, restores
from payviox.giftcards import service as giftcards
from payviox.keyring import Keyring
from payviox.ledger import suspense
from payviox.mails import outbox
from payviox.maintenance import after_restore
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.model import Changes
from payviox.rail_state import evm_books
from payviox.rails.evm.books import Wallet
from payviox.recipient_mails import log as mail_log
from payviox.reconciliation import resolve
from payviox.sites import hosts, origins
from payviox.sites.model import OwnHost
from payviox.taxes import service as taxes
from payviox.treasury import restricted_keys
from payviox.treasury import service as treasury
from payviox.unclaimed.expiry import expire_balances
from payviox.webhooks import replays
from payviox.webhooks import settings as webhooks
from payviox.withdrawals import manual_settlement
from payviox.withdrawals import service as withdrawals
from support import ageing, uploads
from support.banking import ACCOUNT_NUMBER, Banking, entry, statement
from support.businesses import TestBusiness
from support.databases import Urls
from support.every_act import NAMED, SAYS, Says
from support.giftcards import csv_of, import_text, only_product
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ADMIN = UUID(int=7)
SECOND = UUID(int=8)
WHO = actors.operator(ADMIN)
SECRET = "client-secret-Zq7pW2x9Lm"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"


class ByAdmin(UserCaller):
    """A payout user whose acts are the administrator's, as all here."""

    @property
    def actor(self) -> Actor:
        return WHO


@dataclass
class Case:
    """A business in which an act is done; `secrets` are what its entry may not hold."""

    business: TestBusiness
    keyring: Keyring
    urls: Urls
    secrets: list[str] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        return self.business.business_id

    async def write(self, work: Any, *given: Any, **named: Any) -> Any:
        return await self.business.database.write(lambda db: work(db, *given, **named))

    async def run(self, statement: str, *given: Any) -> None:
        await self.business.database.write(lambda db: db.execute(statement, given))

    async def user(self) -> UUID:
        return await Desk.of(self.business).user(1_000)

    async def order(self, status: str = "review") -> UUID:
        """The id of an order that is in review, or unknown and for a person."""
        vendor = Vendor()
        desk = Desk.of(self.business, vendor.rails)
        if status == "review":
            await self.business.set(review_amount=1)
        order = await desk.withdraw(await self.user(), 500)
        if status == "unknown":
            vendor.plan = ["lost"]
            await desk.process()
            await self.run(
                "UPDATE orders SET waiting = 'person', due_at = NULL WHERE id = %s", order.id
            )
        return order.id

    async def connect(self, rail: str, settings: dict[str, Any], **credentials: str) -> None:
        await self.write(
            rail_accounts.connect,
            self.keyring,
            self.id,
            rail,
            Changes({}, settings),
            credentials,
            WHO,
        )
        self.secrets += credentials.values()

    async def paypal(self) -> None:
        await self.connect("paypal", {"client_id": "AY-1"}, client_secret=SECRET)

    async def webhook(self) -> None:
        hook = {"url": "https://example.com/hook", "enabled": True}
        _, token = await self.write(
            webhooks.change, self.id, hook, self.keyring, WHO, allow_private=False
        )
        self.secrets += [token] if token else []


@pytest.fixture(autouse=True)
async def admin(database: Database) -> None:
    """Who does everything here may do everything."""
    await database.write(
        lambda db: db.execute(
            "INSERT INTO operators (id, email, password_hash, is_admin)"
            " VALUES (%s, 'admin@example.com', 'none', true) ON CONFLICT DO NOTHING",
            [ADMIN],
        )
    )


async def create_business(case: Case) -> UUID:
    _, test = await case.write(treasury.open_organization, "Other", WHO)
    case.secrets += [test.secret_key]
    return UUID(str(test.business.id))


async def import_cards(case: Case) -> None:
    await import_text(case.business.database, case.keyring, case.id, csv_of(["SECRET-CODE-1"]))
    case.secrets += ["SECRET-CODE-1"]


async def void(case: Case) -> None:
    await import_cards(case)
    product = await only_product(case.business.database, case.id)
    await case.write(giftcards.void_product, case.id, product.id, WHO)


async def regenerate(case: Case) -> None:
    case.secrets += [await case.write(treasury.regenerate_key, case.id, "secret", WHO)]


async def member(case: Case) -> UUID:
    """Somebody who was let in by a command."""
    email = await account(case)
    await case.write(members.join, email, case.id, "viewer", "test")
    return UUID(str(await case.write(operators.require_id, email)))


async def account(case: Case) -> str:
    email = f"{ids.new()}@example.com"
    password = "a long enough password 7Q"
    await case.write(operators.create, email, password, "test", is_admin=False)
    return email


async def join(case: Case) -> None:
    await case.write(members.join, await account(case), case.id, "viewer", WHO)


async def change_role(case: Case) -> None:
    await case.write(members.change_role, case.id, await member(case), "finance", WHO)


async def remove_member(case: Case) -> None:
    await case.write(members.remove, case.id, await member(case), WHO)


async def invite(case: Case) -> UUID:
    email = f"{ids.new()}@example.com"
    made = await case.write(
        invitations.invite, case.keyring, case.id, email, "viewer", WHO, by_mail=False
    )
    case.secrets += [made.token]
    return UUID(str(made.invitation.id))


async def withdraw_invitation(case: Case) -> None:
    await case.write(invitations.withdraw, case.id, await invite(case), WHO)


async def approve(case: Case) -> None:
    await case.write(withdrawals.approve, case.id, await case.order(), WHO)


async def reject(case: Case) -> None:
    await case.write(withdrawals.reject, case.id, await case.order(), WHO, "no")


async def cancel(case: Case) -> None:
    await case.write(withdrawals.cancel, case.id, await case.order(), WHO)


async def look_up(case: Case) -> None:
    await case.write(withdrawals.look_up_now, case.id, await case.order("unknown"), WHO)


async def settle(case: Case) -> None:
    order_id = await case.order("unknown")
    await case.write(
        manual_settlement.settle, case.id, order_id, "failed", reason="seen", actor=WHO
    )


async def deactivate(case: Case) -> None:
    await case.write(allocations.set_status, case.id, await case.user(), "inactive", WHO)


async def activate(case: Case) -> None:
    user = await case.user()
    await case.write(allocations.set_status, case.id, user, "inactive", WHO)
    await case.write(allocations.set_status, case.id, user, "active", WHO)


async def mail(case: Case) -> UUID:
    """A mail to a payout user, whose address is known to be wrong."""
    user = await case.user()
    [[email]] = await case.business.rows(
        "SELECT email FROM payout_users WHERE business_id = %s AND id = %s", user
    )
    await case.write(outbox.put, "an event", email, "money_received", {}, business_id=case.id)
    await case.run(
        "INSERT INTO mail_addresses (business_id, email, state, reason)"
        " VALUES (%s, %s, 'bounced', '550')",
        case.id,
        email,
    )
    return user


async def send_mail_again(case: Case) -> None:
    await allow_address(case)
    await case.run("UPDATE mails SET status = 'sent', due_at = NULL, ended_at = now()")
    [[mail_id]] = await case.business.rows("SELECT id FROM mails WHERE business_id = %s")
    await case.write(mail_log.send_again, case.id, mail_id, WHO)


async def allow_address(case: Case) -> None:
    await case.write(mail_log.allow_address, case.id, await mail(case), WHO)


async def revoke(case: Case) -> None:
    await case.write(allocations.revoke, case.id, await case.user(), 10, WHO)


async def give_back(case: Case) -> None:
    await case.write(allocations.give_back, case.id, await case.user(), 10, WHO)


async def rotate_hash(case: Case) -> None:
    user = await case.user()
    case.secrets += [await case.write(allocations.rotate_hash, case.keyring, case.id, user, WHO)]


async def make_redeem_link(case: Case) -> None:
    ticket = await case.write(redemption.make_ticket, case.id, await case.user(), WHO)
    case.secrets += [ticket.token]


async def rotate_hashes(case: Case) -> None:
    await case.user()
    await after_restore.revoke(case.business.database, case.keyring, {"hashes"}, WHO)


async def bank_file(case: Case, **settings: Any) -> tuple[Banking, BankFile]:
    """A file with one payment, cut by the administrator; the account's number is secret."""
    bank = await Banking.of(case.business, **settings)
    case.secrets.append(ACCOUNT_NUMBER)
    await bank.order(500)
    await bank.desk.process()
    cut = await bank.cut(actor=WHO)
    assert cut.file is not None
    return bank, cut.file


async def cut_file(case: Case) -> None:
    await bank_file(case)


async def approve_file(case: Case) -> None:
    bank, file = await bank_file(case)
    await bank.approve(file, WHO)


async def cancel_file(case: Case) -> None:
    _, file = await bank_file(case)
    await case.write(bank_files.cancel, case.id, file.id, WHO)


async def download_file(case: Case) -> None:
    """Once more: the first time releases it."""
    bank, file = await bank_file(case)
    file = await bank.approve(file, WHO)
    await bank.download(file)
    await bank.download(file, WHO)


async def release_file(case: Case) -> None:
    bank, file = await bank_file(case, release="folder")
    await bank.approve(file, WHO)
    with TemporaryDirectory() as folder:
        await handing_over.release(
            case.business.database,
            case.keyring,
            "folder",
            Folder(Path(folder)),
            case.id,
            file.id,
            WHO,
        )


async def settle_file(case: Case) -> None:
    bank, file = await bank_file(case)
    await bank.approve(file, WHO)
    await case.run("UPDATE bank_files SET step = 'person' WHERE id = %s", file.id)
    await case.write(lambda db: handing_over.settle(db, case.id, file.id, WHO, sent=True))


async def end_hold(case: Case) -> None:
    await case.run("INSERT INTO bank_holds (business_id) VALUES (%s)", case.id)
    await case.write(bank_holds.end, case.id, WHO)


async def import_report(case: Case) -> None:
    bank, file = await bank_file(case)
    await bank.download(await bank.approve(file, WHO), WHO)
    [payment] = await case.write(bank_files.list_payments, case.id, file.id)
    report = statement([entry(payment, ref="1")], opening=1_000, closing=500)
    await imports.take(
        case.business.database, await bank.account(), "report.xml", report, "upload", WHO
    )


WANTED = Restrictions(name="Till", scopes=("allocate",))


async def create_key(case: Case) -> UUID:
    made = await case.write(restricted_keys.create, case.id, WANTED, WHO)
    case.secrets.append(made.secret)
    key_id: UUID = made.key.id
    return key_id


async def change_key(case: Case) -> None:
    wanted = Restrictions(name="Till", scopes=("read",), daily_limit=5_000)
    key_id = await create_key(case)
    await case.write(restricted_keys.change, case.id, key_id, wanted, WHO)


async def note_taxes(case: Case) -> None:
    user_id = await Desk.of(case.business).user(5)
    await case.write(taxes.note, case.id, user_id, "w9", "came by mail", WHO)


async def hold(case: Case) -> None:
    await import_cards(case)
    await case.write(restores.hold_after_restore, WHO)


async def release(case: Case) -> None:
    await hold(case)
    await case.write(holds.release, case.id, WHO)


async def change_rail(case: Case) -> None:
    await case.paypal()
    await case.write(rail_accounts.change, case.id, "paypal", Changes({"max_amount": 900}), WHO)


async def disable_rail(case: Case) -> None:
    await case.paypal()
    await case.write(rail_accounts.switch, case.id, "paypal", WHO, enabled=False)


async def enable_rail(case: Case) -> None:
    await case.paypal()
    await case.write(rail_accounts.switch, case.id, "paypal", WHO, enabled=True)


async def disconnect(case: Case) -> None:
    await case.paypal()
    await case.write(rail_accounts.disconnect, case.id, "paypal", WHO)


async def learn_owner(case: Case) -> None:
    await case.connect("tremendous", {"funding_source_id": "BALANCE"}, api_key=f"TEST_{SECRET}")
    seen = await case.write(rail_accounts.get, case.id, "tremendous")
    await case.write(rail_accounts.keep_owner, seen, "ORG-1", WHO)


async def set_price(case: Case) -> None:
    """Of a wallet's chain, its row as connecting leaves it: no node is asked here."""
    await case.run(
        "INSERT INTO rail_accounts (business_id, rail, environment, settings, credentials, key_id)"
        " VALUES (%s, 'evm', 'sandbox', %s, %s, %s)",
        case.id,
        '{"chains": {"local": {"chain_id": 31337}}}',
        b"x",
        case.keyring.current.id,
    )
    price = {"usd": "1", "until": "2030-01-01T00:00:00Z"}
    await case.write(rail_accounts.set_price, case.id, "local", price, WHO)


async def accept_nonces(case: Case) -> None:
    await case.run(
        "INSERT INTO evm_wallet_owners (business_id, chain_id, address) VALUES (%s, 31337, %s)",
        case.id,
        ADDRESS,
    )
    await case.run(
        "INSERT INTO evm_wallets (business_id, chain_id, address, next_nonce)"
        " VALUES (%s, 31337, %s, 0)",
        case.id,
        ADDRESS,
    )
    await case.write(evm_books.accept_nonces, Wallet(case.id, 31337, ADDRESS), 5, WHO)


async def check_upload(case: Case) -> UUID:
    content = b"Email,Amount\nada@example.com,5\n"
    upload_id: UUID = await case.write(checking.receive, case.id, "may.csv", content, WHO)
    await checking.check(case.business.database, case.id, upload_id, content)
    return upload_id


async def discard_upload(case: Case) -> None:
    await case.write(confirming.discard, case.id, await check_upload(case), WHO)


async def start_upload(case: Case) -> UUID:
    upload_id = await check_upload(case)
    shown = {"choices": Choices(), "shown": Part(1, 500), "due_at": None, "actor": WHO}
    assert await case.write(confirming.start, case.id, upload_id, **shown)
    return upload_id


async def cancel_upload(case: Case) -> None:
    await case.write(confirming.cancel, case.id, await start_upload(case), WHO)


async def resume_upload(case: Case) -> None:
    upload_id = await start_upload(case)
    await case.business.set(payouts_enabled=False)
    await uploads.pay(case.business.database, case.id)
    await case.write(confirming.resume, case.id, upload_id, WHO)


async def resolve_item(case: Case) -> None:
    item = suspense.NewItem("vendor", "unknown_payment", "PP-1", None, 0, {})
    await case.write(suspense.change, case.id, opening=[item], reason="found")
    [found] = await case.write(resolve.list_page, case.id, limit=5)
    await case.write(resolve.resolve, case.id, found.id, "explained", reason="known", actor=WHO)


async def rotate_token(case: Case) -> None:
    await case.webhook()
    case.secrets += [await case.write(webhooks.rotate, case.id, case.keyring, WHO)]


async def confirm_token(case: Case) -> None:
    await rotate_token(case)
    await case.write(webhooks.confirm, case.id, WHO)


async def replay(case: Case) -> None:
    await case.webhook()
    period = replays.Period(EPOCH, datetime.now(UTC), failed_only=True)
    await case.write(replays.replay, case.id, period, with_stale=False, expected=0, actor=WHO)


async def ask(case: Case) -> UUID:
    """A waiting act that somebody else started."""
    await case.business.set(second_person_amount=1)
    await case.run(
        "INSERT INTO operators (id, email, password_hash, is_admin)"
        " VALUES (%s, 'second@example.com', 'none', true) ON CONFLICT DO NOTHING",
        SECOND,
    )
    waiting = await case.write(treasury.defund, case.id, 5, actors.operator(SECOND))
    return UUID(str(waiting.id))


async def sign(case: Case) -> None:
    await case.write(agreements.approve, case.id, await ask(case), WHO)


async def cancel_approval(case: Case) -> None:
    await case.write(approvals.cancel, case.id, await ask(case), WHO)


async def save_destination(case: Case) -> tuple[UserCaller, UUID]:
    user = await case.user()
    order = await Desk.of(case.business).withdraw(user, 100)
    caller = ByAdmin(case.id, user, "ada@example.com", b"")
    await case.write(destinations.save, caller, order.id)
    [saved] = await case.write(destinations.list_saved, case.id, user)
    return caller, saved.id


async def remove_destination(case: Case) -> None:
    await case.write(destinations.remove, *await save_destination(case))


async def set_automatic(case: Case) -> None:
    await case.write(destinations.set_automatic, *await save_destination(case), 500)


async def set_host(case: Case) -> OwnHost:
    await case.write(hosts.save, case.id, f"{case.id}.example.com", WHO)
    own: OwnHost | None = await case.business.database.fetch(hosts.get, case.id)
    assert own is not None
    case.secrets += [own.token]
    return own


async def verify_host(case: Case) -> None:
    await case.write(hosts.mark_seen, await set_host(case), WHO)


async def start(case: Case) -> None:
    await case.business.set(second_person_amount=1)
    await case.write(treasury.defund, case.id, 5, WHO)


async def expire(case: Case) -> None:
    await case.business.set(balance_lifetime_days=1, expiry_notice_days=1)
    await case.user()
    await ageing.look(case.business.database, case.business)
    ageing.age(case.urls, case.business, 1)
    await expire_balances(case.business.database)


DONE: dict[Act, Callable[[Case], Awaitable[Any]]] = {
    "approval.ask": start,
    "approval.cancel": cancel_approval,
    "approval.sign": sign,
    "bank_file.approve": approve_file,
    "bank_file.cancel": cancel_file,
    "bank_file.cut": cut_file,
    "bank_file.download": download_file,
    "bank_file.end_hold": end_hold,
    "bank_file.release": release_file,
    "bank_file.settle": settle_file,
    "bank_report.import": import_report,
    "key.change": change_key,
    "key.create": create_key,
    "tax.note": note_taxes,
    "tax.set_threshold": lambda case: case.write(taxes.set_threshold, case.id, "1099", 600_00, WHO),
    "balance.deposit": lambda case: case.write(treasury.deposit, case.id, 500, "r-1", WHO),
    "balance.expire": expire,
    "balance.fund": lambda case: case.write(treasury.fund, case.id, 5, WHO),
    "balance.defund": lambda case: case.write(treasury.defund, case.id, 5, WHO),
    "balance.withdraw_funds": lambda case: case.write(
        treasury.withdraw_funds, case.id, 5, "r-2", reason="mistyped", actor=WHO
    ),
    "business.create": create_business,
    "business.set": lambda case: case.write(
        treasury.set_rules, case.id, {"min_withdrawal": 7}, WHO
    ),
    "gift_cards.hold": hold,
    "gift_cards.import": import_cards,
    "gift_cards.release": release,
    "gift_cards.void": void,
    "key.regenerate": regenerate,
    "key.revoke": lambda case: case.write(treasury.revoke_keys, case.id, WHO),
    "member.change_role": change_role,
    "member.invite": invite,
    "member.join": join,
    "member.remove": remove_member,
    "member.withdraw_invitation": withdraw_invitation,
    "mail.allow_address": allow_address,
    "mail.send_again": send_mail_again,
    "order.approve": approve,
    "order.cancel": cancel,
    "order.look_up": look_up,
    "order.reject": reject,
    "order.resume": lambda case: case.write(withdrawals.resume, case.id, "float_empty", WHO),
    "order.settle": settle,
    "payout_user.activate": activate,
    "payout_user.deactivate": deactivate,
    "payout_user.give_back": give_back,
    "payout_user.make_redeem_link": make_redeem_link,
    "payout_user.remove_destination": remove_destination,
    "payout_user.revoke": revoke,
    "payout_user.rotate_hash": rotate_hash,
    "payout_user.rotate_hashes": rotate_hashes,
    "payout_user.save_destination": save_destination,
    "payout_user.set_automatic": set_automatic,
    "rail.accept_nonces": accept_nonces,
    "rail.change": change_rail,
    "rail.connect": Case.paypal,
    "rail.disable": disable_rail,
    "rail.disconnect": disconnect,
    "rail.enable": enable_rail,
    "rail.owner": learn_owner,
    "rail.price": set_price,
    "site.set_host": set_host,
    "site.set_origins": lambda case: case.write(
        origins.save, case.id, ["https://shop.example.com"], WHO
    ),
    "site.verify_host": verify_host,
    "suspense.resolve": resolve_item,
    "upload.cancel": cancel_upload,
    "upload.discard": discard_upload,
    "upload.resume": resume_upload,
    "upload.start": start_upload,
    "webhook.change": Case.webhook,
    "webhook.confirm_token": confirm_token,
    "webhook.replay": replay,
    "webhook.rotate_token": rotate_token,
}

BY_OTHERS: dict[Act, actors.Actor] = {
    "balance.expire": actors.WORKER,
    "gift_cards.import": actors.command(),
}


async def test_every_act_of_the_closed_set_has_a_case() -> None:
    assert set(DONE) == set(get_args(Act))


@pytest.fixture
async def case(business: TestBusiness, services: Any, urls: Urls) -> Case:
    return Case(business, services.keyring, urls)


def says(entry: Any) -> Says:
    """Which keys an entry has."""
    parts = [entry.detail, entry.before, entry.after]
    return Says(*(part if part is None else " ".join(sorted(part)) for part in parts))


@pytest.mark.parametrize("name", sorted(DONE))
async def test_an_act_leaves_one_entry_with_who_and_where_and_no_secret(
    case: Case, name: Act
) -> None:
    with actors.at("192.0.2.7"):
        other = await DONE[name](case)
    business_id = other if name == "business.create" else case.id
    entries = await case.write(audit.list_page, business_id, act=name, limit=50)
    [entry] = [entry for entry in entries if entry.actor != "test"]
    expected = BY_OTHERS.get(name, WHO)
    assert (entry.kind, entry.actor, entry.place) == ("act", expected, "192.0.2.7")
    assert says(entry) == SAYS[name]
    for key, value in entry.detail.items():
        prefix = NAMED.get(key)
        if prefix and not (key == "file" and "." in value):
            assert ids.parse(prefix, value), key
    text = str((entry.detail, entry.before, entry.after))
    assert not [secret for secret in case.secrets if secret in text]


async def test_what_is_rolled_back_leaves_no_entry(case: Case) -> None:
    async def work(db: Any) -> None:
        await treasury.fund(db, case.id, 5, WHO)
        raise Conflict

    before = await case.write(audit.list_page, case.id, act="balance.fund", limit=10)
    with pytest.raises(Conflict):
        await case.write(work)
    assert await case.write(audit.list_page, case.id, act="balance.fund", limit=10) == before


async def test_before_and_after_name_what_changed_alone(case: Case) -> None:
    changes = {"min_withdrawal": 77, "payouts_enabled": True}
    await case.write(treasury.set_rules, case.id, changes, WHO)
    entry, *_ = await case.write(audit.list_page, case.id, act="business.set", limit=10)
    assert entry.after == {"min_withdrawal": 77}
    assert entry.before.keys() == {"min_withdrawal"}


async def test_where_there_are_operators_somebody_is_named(case: Case) -> None:
    nobody = actors.command()
    email = f"{ids.new()}@example.com"
    await case.write(operators.create, email, "a long enough password 7Q", nobody, is_admin=True)
    with pytest.raises(Conflict, match=r"--operator EMAIL, such as "):
        await case.write(operators.acting, None, nobody)
    with pytest.raises(NotFound):
        await case.write(operators.acting, "nobody@example.com", nobody)
    who = await case.write(operators.acting, email, nobody)
    assert who.startswith("operator:op_")
    made = await case.write(audit.list_of_installation, 50)
    assert email in [entry.detail["email"] for entry in made if entry.act == "operator.create"]


async def test_the_api_lists_entries_by_page_and_by_act(case: Case) -> None:
    client = case.business.client
    for amount in (1, 2, 3):
        assert (await client.post("/payout/fund", json={"amount": amount})).is_success
    first = (await client.get("/payout/audit?act=balance.fund&limit=2")).json()
    assert [entry["detail"]["amount"] for entry in first["data"]] == [3, 2]
    assert first["data"][0]["actor"] == f"key:{case.business.secret_key[-4:]}"
    assert first["has_more"]
    after = first["data"][-1]["id"]
    rest = (await client.get(f"/payout/audit?act=balance.fund&after={after}")).json()
    assert rest["data"][0]["detail"]["amount"] == 1
    assert (await client.get("/payout/audit?after=aud_999999999")).status_code == 400
    assert (await client.get("/payout/audit?act=nonsense")).status_code == 400
