"""Seals: what the worker seals stays provable, whoever changes it."""

import asyncio
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from payviox.audit import service as audit
from payviox.db.pool import Connection, Database
from payviox.giftcards import holds, restores
from payviox.giftcards.csv_file import read_cards
from payviox.keyring import Keyring
from payviox.ledger import seal_check, seal_text, seals
from payviox.ledger.queries import seals as queries
from payviox.ledger.seal_text import Seal
from payviox.ledger.verify import Report, verify
from payviox.logs import redact
from payviox.maintenance import tasks
from payviox.treasury import service as treasury
from support import books
from support.ageing import set_back
from support.businesses import TestBusiness, open_business
from support.citus import one_server
from support.databases import Urls
from support.giftcards import csv_of, import_text
from support.installation import Installation
from support.live import SECRET_KEY, environment

pytestmark = pytest.mark.anyio

KEYS = Keyring(SECRET_KEY)
FORGER = Keyring("what somebody chose who has no key of ours")
CHECKER = Path(__file__).parents[3] / "docs/examples/check_seals.py"


@dataclass
class Sealed:
    urls: Urls
    database: Database
    business: TestBusiness
    users: list[UUID]

    def change(self, *statements: str) -> None:
        """What somebody does who may do anything, and keeps triggers out."""
        with self.urls.as_admin() as admin:
            admin.execute("SET session_replication_role = replica")
            for statement in statements:
                admin.execute(statement)  # type: ignore[arg-type]  # a test's own

    async def seal(self, keys: Keyring = KEYS) -> int:
        return (await seals.make_all(self.database, keys)).number

    async def list(self) -> list[Seal]:
        async with self.database.read() as connection:
            return [seal async for seal in seals.list_all(connection)]

    async def verify(self, keys: Keyring = KEYS, kept: Any = None) -> Report:
        async with self.database.read() as connection:
            return await verify(connection, keyring=keys, kept=kept)


@pytest.fixture
async def sealed(fresh_urls: Urls) -> AsyncIterator[Sealed]:
    database = Database(fresh_urls.application)
    await database.open()
    try:
        business = await open_business(database, funds=100_000, main=5_000)
        users = await books.fill(database, business.business_id)
        made = Sealed(fresh_urls, database, business, users)
        assert await made.seal() == 2, "of each twin"
        yield made
    finally:
        await database.close()


async def test_what_was_committed_is_sealed_once_and_each_seal_follows_the_one_before(
    sealed: Sealed,
) -> None:
    assert await sealed.seal() == 0
    await books.open_user(sealed.database, sealed.business.business_id, 30)
    assert await sealed.seal() == 1
    every = await sealed.list()
    assert seal_check.check_chain(every) == []
    first, second = [s for s in every if s.business_id == sealed.business.business_id]
    assert (first.number, second.number, second.before) == (1, 2, first.digest)
    assert second.parts["transfers"].rows == 3
    assert second.parts["payout_users"].rows == 1
    report = await sealed.verify()
    assert (report.problems, report.seals) == ([], 3)


async def test_a_big_backlog_is_sealed_in_parts_that_follow_each_other(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "ROWS", 7)
    for _ in range(5):
        await books.open_user(sealed.database, sealed.business.business_id, 30)
    assert await sealed.seal() == 3
    assert [s.parts["transfers"].rows for s in (await sealed.list())[-3:]] == [7, 7, 1]
    assert (await sealed.verify()).ok


async def test_an_id_that_commits_late_is_not_stepped_over(sealed: Sealed) -> None:
    insert = "INSERT INTO audit_entries (business_id, act, actor) VALUES (%s, %s, 'test')"
    business = sealed.business.business_id
    with psycopg.connect(sealed.urls.application) as late:
        late.execute(insert, [business, "late"])
        with psycopg.connect(sealed.urls.application) as early:
            early.execute(insert, [business, "early"])
        assert (await seals.make_all(sealed.database, KEYS, wait_s=0.2)).number == 0
        late.commit()
    assert await sealed.seal() == 1
    newest = [s for s in await sealed.list() if s.business_id == business][-1]
    assert newest.parts["audit_entries"].rows == 2
    assert (await sealed.verify()).ok


async def test_who_begins_to_write_meanwhile_is_not_waited_for(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = "INSERT INTO audit_entries (business_id, act, actor) VALUES (%s, %s, 'test')"
    business = sealed.business.business_id
    looked, writers = asyncio.Event(), seals.queries.writers

    async def look(connection: Connection) -> set[str]:
        found = await writers(connection)
        looked.set()
        return found

    monkeypatch.setattr(seals.queries, "writers", look)
    with (
        psycopg.connect(sealed.urls.application) as before,
        psycopg.connect(sealed.urls.application) as meanwhile,
    ):
        before.execute(insert, [business, "before"])
        await books.open_user(sealed.database, business, 30)
        sealing = asyncio.create_task(seals.make_all(sealed.database, KEYS, wait_s=10))
        await looked.wait()
        meanwhile.execute(insert, [business, "meanwhile"])
        before.commit()
        made = await sealing
        assert (made.number, made.is_done) == (1, True)
        meanwhile.commit()
    assert await sealed.seal() == 1
    assert (await sealed.verify()).ok


async def test_somebody_who_only_reads_keeps_nothing_from_being_sealed(sealed: Sealed) -> None:
    with psycopg.connect(sealed.urls.application) as reader:
        reader.execute("SELECT count(*) FROM transfers")
        await books.open_user(sealed.database, sealed.business.business_id, 30)
        assert (await seals.make_all(sealed.database, KEYS, wait_s=0.2)).number == 1


ACCOUNTS_AS_TRANSFERS_SAY = """
UPDATE accounts a SET balance = s.balance, version = s.version FROM (
  SELECT DISTINCT ON (account) account, version, balance FROM (
    SELECT from_account AS account, from_version AS version, from_balance AS balance FROM transfers
    UNION ALL SELECT to_account, to_version, to_balance FROM transfers) AS sides
  ORDER BY account, version DESC) AS s WHERE s.account = a.id
"""
LAST_ALLOCATION = (
    "(SELECT id FROM transfers t WHERE kind = 'allocation' AND NOT EXISTS (SELECT FROM transfers l"
    " WHERE l.from_account = t.to_account OR (l.to_account = t.to_account AND l.id > t.id))"
    " AND from_version = (SELECT version FROM accounts WHERE id = t.from_account))"
)
DOUBLED = (
    "UPDATE transfers SET amount = 2 * amount, from_balance = from_balance - amount,"
    " to_balance = to_balance + amount"
)
DESTINATIONS = (
    """UPDATE orders SET destination = '{"email": "thief@example.com"}',"""
    " destination_digest = sha256('thief')"
)
REQUESTS = (
    "UPDATE order_attempts a SET request = jsonb_set(request, '{destination}', o.destination)"
    " FROM orders o WHERE o.id = a.order_id"
)
FITTING = {
    "an allocation doubled with both balances": (
        f"{DOUBLED} WHERE id = {LAST_ALLOCATION}",
        ACCOUNTS_AS_TRANSFERS_SAY,
    ),
    "the last allocation deleted with both balances": (
        f"DELETE FROM transfers WHERE id = {LAST_ALLOCATION}",
        ACCOUNTS_AS_TRANSFERS_SAY,
    ),
    "transfers back-dated": (
        f"UPDATE transfers SET created_at = {set_back('created_at', timedelta(days=1))}",
    ),
    "a transfer's actor": ("UPDATE transfers SET actor = 'nobody' WHERE kind = 'deposit'",),
    "destinations replaced": (DESTINATIONS, REQUESTS),
    "a note of an order's story": (
        "UPDATE order_states SET note = 'changed' WHERE status = 'succeeded'",
    ),
    "the time of an order's state": (
        (
            f"UPDATE order_states SET created_at = {set_back('created_at', timedelta(hours=1))}"
            " WHERE status = 'failed'"
        ),
    ),
    "an event's body": ("UPDATE events SET body = '{\"a\": 1}' WHERE type = 'payout.succeeded'",),
    "a payout user's address": ("UPDATE payout_users SET email = 'a@thief.test' || email",),
    "a payout user and the account, with money": (
        "DELETE FROM payout_users WHERE id IN (SELECT id FROM accounts WHERE kind = 'user')",
    ),
    "an audit entry's actor": ("UPDATE audit_entries SET actor = 'nobody'",),
    "an audit entry deleted": ("DELETE FROM audit_entries WHERE act = 'balance.fund'",),
    "a key's digest": ("UPDATE api_keys SET digest = sha256(digest) WHERE kind = 'secret'",),
    "the price of a product that nobody bought": ("UPDATE gift_card_products SET price = 1",),
    "what a seal says": ("UPDATE seals SET body = replace(body, 'transfers 0', 'transfers 1')",),
    "a seal's signature": ("UPDATE seals SET signature = '\\x00'",),
}


@one_server
@pytest.mark.parametrize("how", FITTING)
async def test_what_was_changed_after_it_was_sealed_is_named(sealed: Sealed, how: str) -> None:
    await books.open_user(sealed.database, sealed.business.business_id, 90)
    cards = csv_of(["C-0001"])
    await import_text(sealed.database, KEYS, sealed.business.business_id, cards)
    await sealed.seal()
    assert (await sealed.verify()).ok
    sealed.change(*FITTING[how])
    problems = [p for p in (await sealed.verify()).problems if p.kind == "seal"]
    assert sealed.business.business_id in {problem.business_id for problem in problems}


@one_server
async def test_a_product_that_a_list_of_cards_that_left_made_is_sealed(sealed: Sealed) -> None:
    business_id, folder = sealed.business.business_id, "folder as it was"
    await import_text(sealed.database, KEYS, business_id, csv_of(["C-0001"]))
    await sealed.database.write(restores.notice_restore, folder)
    sealed.change("UPDATE installation SET origin = 'another server'")
    assert await sealed.database.write(restores.notice_restore, folder)
    text = csv_of(["C-0002"], name="imported since the backup")
    lines = list(read_cards(io.BytesIO(text.encode())))
    await sealed.database.write(holds.void_left_cards, KEYS, business_id, lines, "cli")
    await sealed.seal()
    assert (await sealed.verify()).ok
    sealed.change("UPDATE gift_card_products SET price = 1 WHERE name LIKE 'imported since%'")
    (problem,) = (await sealed.verify()).problems
    assert "API keys and gift card products of the audit entries" in problem.message


async def seal_as_before(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal everything anew as a version that knew nothing of keys and products."""
    sealed.change("DELETE FROM seals")
    with monkeypatch.context() as earlier:
        earlier.delitem(queries.STREAMS, "keys_and_products")  # type: ignore[arg-type]  # a dict
        assert await sealed.seal() == 2, "of each twin"
        assert await sealed.seal() == 0


@one_server
async def test_what_an_earlier_version_did_not_seal_is_sealed_though_nothing_happened_since(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seal_as_before(sealed, monkeypatch)
    assert (await sealed.verify()).ok
    assert await sealed.seal() == 2, "of each twin"
    assert await sealed.seal() == 0
    assert (await sealed.verify()).ok
    last = (await sealed.list())[-1]
    part = last.parts["keys_and_products"]
    assert (last.number, part.after, part.rows) == (2, 0, 1)
    assert part.until == last.until("audit_entries")


@one_server
async def test_what_an_earlier_version_did_not_seal_is_sealed_in_parts(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    business_id = sealed.business.business_id
    for _ in range(4):
        await sealed.database.write(treasury.regenerate_key, business_id, "secret", "test")
    await seal_as_before(sealed, monkeypatch)
    monkeypatch.setattr(seals, "ROWS", 3)
    await sealed.seal()
    assert (await sealed.verify()).ok
    _, *later = [seal for seal in await sealed.list() if seal.business_id == business_id]
    parts = [seal.parts["keys_and_products"] for seal in later]
    assert len(parts) > 1
    assert max(part.rows for part in parts) <= 3
    assert sum(part.rows for part in parts) == 5, "the business with its keys, and each new one"
    assert parts[-1].until == later[-1].until("audit_entries")


async def test_the_sealed_rows_are_named_by_their_ids(sealed: Sealed) -> None:
    sealed.change("UPDATE transfers SET reason = 'changed' WHERE kind = 'fund'")
    (problem,) = (await sealed.verify()).problems
    part = (await sealed.list())[-1].parts["transfers"]
    assert f"transfers trf_1 to trf_{part.until} are not those of seal 1" in problem.message
    sealed.change("DELETE FROM audit_entries WHERE act = 'balance.fund'")
    messages = [problem.message for problem in (await sealed.verify()).problems]
    (message,) = [text for text in messages if "audit entries aud_1 to" in text]
    assert "rows, sealed were" in message


@one_server
async def test_a_file_kept_elsewhere_shows_a_deleted_tail_and_what_was_sealed_anew(
    sealed: Sealed,
) -> None:
    await books.open_user(sealed.database, sealed.business.business_id, 90)
    await sealed.seal()
    kept = seal_check.by_number(await sealed.list())
    assert (await sealed.verify(kept=kept)).ok

    sealed.change(
        f"DELETE FROM transfers WHERE id = {LAST_ALLOCATION}",
        ACCOUNTS_AS_TRANSFERS_SAY,
        "DELETE FROM seals WHERE number = 2",
    )
    assert (await sealed.verify()).ok, "what is left follows each other"
    (problem,) = (await sealed.verify(kept=kept)).problems
    assert "the file has seals up to 2, the database up to 1" in problem.message
    assert problem.business_id == sealed.business.business_id

    await sealed.seal()
    assert (await sealed.verify()).ok
    (problem,) = (await sealed.verify(kept=kept)).problems
    assert "seal 2 is not the one of the file" in problem.message

    sealed.change("DELETE FROM seals")
    messages = [problem.message for problem in (await sealed.verify(kept=kept)).problems]
    assert any("the database none" in text for text in messages)


async def test_another_secret_key_goes_on_with_the_seals_of_the_one_before(sealed: Sealed) -> None:
    both = Keyring("another secret key, long enough to be one", (SECRET_KEY,))
    assert await sealed.seal(both) == 2, "the newest seal is always one of the key in use"
    assert await sealed.seal(both) == 0
    assert (await sealed.verify(both)).ok
    alone = Keyring("another secret key, long enough to be one")
    assert (await sealed.verify(alone)).ok, "the key before is not needed any more"
    (*_, problem) = (await sealed.verify(KEYS)).problems
    assert "which is not configured" in problem.message


async def test_seals_by_another_key_than_the_installations_are_named(sealed: Sealed) -> None:
    sealed.change("DELETE FROM seals", "UPDATE transfers SET reason = 'forged'")
    await sealed.seal(FORGER)
    messages = [problem.message for problem in (await sealed.verify()).problems]
    assert len(messages) == 2
    assert all("which is not configured" in text for text in messages)


async def test_a_forged_chain_is_never_followed_and_its_business_is_told(
    sealed: Sealed, caplog: pytest.LogCaptureFixture
) -> None:
    other = await open_business(sealed.database, funds=100_000, main=5_000)
    await sealed.seal()
    forged = f"business_id = '{sealed.business.business_id}'"
    sealed.change(f"DELETE FROM seals WHERE {forged}", "UPDATE transfers SET reason = 'forged'")
    await sealed.seal(FORGER)
    sealed.change(f"DELETE FROM seals WHERE NOT {forged}")
    await books.open_user(sealed.database, sealed.business.business_id, 90)
    await books.open_user(sealed.database, other.business_id, 90)

    caplog.set_level("INFO")
    for _ in range(2):
        await tasks.seal_ledger(sealed.database, KEYS)
    every = await sealed.list()
    (kept,) = [s for s in every if s.business_id == sealed.business.business_id]
    assert kept.key_id == FORGER.current.id
    (mine,) = [s for s in every if s.business_id == other.business_id]
    assert mine.key_id == KEYS.current.id, "others are sealed"
    entries = await sealed.database.fetch(
        lambda db: audit.list_page(db, sealed.business.business_id, act="ledger.broken", limit=10)
    )
    assert [entry.detail for entry in entries] == [{"seal": 1}], "told once, not each time"
    text = redact(caplog.text)
    assert f"seal 1 is signed with the secret key {FORGER.current.id}, which is not" in text
    assert f"its digest begins with {mine.digest[:32]}\n" in text, "known outside the database"


async def test_a_seal_that_names_a_key_of_ours_with_a_foreign_public_key_is_not_followed(
    sealed: Sealed,
) -> None:
    sealed.change(
        "UPDATE seals SET body = replace(body,"
        f" '{KEYS.current.seal_public_key.hex()}', '{FORGER.current.seal_public_key.hex()}')"
    )
    await books.open_user(sealed.database, sealed.business.business_id, 90)
    refused = (await seals.make_all(sealed.database, KEYS)).refused
    assert "a public key that is not the secret key's" in refused[sealed.business.business_id]


async def test_one_text_that_is_no_seal_ends_neither_sealing_nor_export_of_others(
    sealed: Sealed, tmp_path: Path
) -> None:
    other = await open_business(sealed.database, funds=100_000, main=5_000)
    await sealed.seal()
    bad, good = sorted([sealed.business.business_id, other.business_id])
    sealed.change(f"UPDATE seals SET body = 'x' WHERE business_id = '{bad}'")
    await books.open_user(sealed.database, good, 90)
    made = await seals.make_all(sealed.database, KEYS)
    assert (made.number, list(made.refused)) == (1, [bad])

    home = tmp_path / "home"
    payviox = Installation(home, environment(home, sealed.urls.application)).run
    written = payviox("ledger", "seal", "export")
    assert (written.returncode, "was changed" in written.stderr) == (1, True)
    assert [s.number for s in seal_text.read_file(written.stdout) if s.business_id == good] == [
        1,
        2,
    ]


async def test_a_seal_over_rows_that_are_not_there_is_named_and_not_followed(
    sealed: Sealed,
) -> None:
    last = [s for s in await sealed.list() if s.business_id == sealed.business.business_id][-1]
    nothing = hashlib.sha256().hexdigest()
    parts = {
        name: seal_text.Part(part.until, 2**62, 0, nothing) for name, part in last.parts.items()
    }
    ahead = seal_text.sign(KEYS.current, last.business_id, 2, last.digest, last.sealed_at, parts)
    with psycopg.connect(sealed.urls.application) as application:
        application.execute(
            "INSERT INTO seals (business_id, number, body, signature) VALUES (%s, 2, %s, %s)",
            [ahead.business_id, ahead.body, ahead.signature],
        )
    messages = [problem.message for problem in (await sealed.verify()).problems]
    assert any(f"seal 2 covers transfers up to {2**62}, the newest is" in m for m in messages)
    assert last.business_id in (await seals.make_all(sealed.database, KEYS)).refused


async def test_rows_that_no_seal_would_cover_are_refused_and_named(sealed: Sealed) -> None:
    with sealed.urls.as_admin() as admin, pytest.raises(psycopg.errors.CheckViolation):
        admin.execute(_INSERT_BELOW, [sealed.business.business_id])
    sealed.change(
        "ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_id_check",
    )
    with sealed.urls.as_admin() as admin:
        admin.execute(_INSERT_BELOW, [sealed.business.business_id])
    messages = [problem.message for problem in (await sealed.verify()).problems]
    assert "1 rows of audit_entries have ids below 1, which no seal covers" in messages


_INSERT_BELOW = (
    "INSERT INTO audit_entries (business_id, id, act, actor) OVERRIDING SYSTEM VALUE"
    " VALUES (%s, -5, 'forged', 'test')"
)


async def test_an_auditor_checks_a_file_without_the_product(sealed: Sealed, tmp_path: Path) -> None:
    await books.open_user(sealed.database, sealed.business.business_id, 90)
    home = tmp_path / "home"
    payviox = Installation(home, environment(home, sealed.urls.application)).run
    older, newer = tmp_path / "older.txt", tmp_path / "newer.txt"
    older.write_text(payviox("ledger", "seal", "export").stdout)
    await sealed.seal()
    newer.write_text(payviox("ledger", "seal", "export").stdout)

    assert payviox("ledger", "seal", "list").stdout.count("biz_") == 2
    assert "3 seals checked" in payviox("ledger", "seal", "check", str(newer)).stdout
    verified = payviox("ledger", "verify", "--seals", str(older))
    assert (verified.returncode, verified.stderr) == (0, "")
    own = f"--key={KEYS.current.seal_public_key.hex()}"
    good = _check(newer, older, own)
    assert (good.returncode, "3 seals: all is well" in good.stdout) == (0, True), good.stdout
    unsure = _check(newer)
    assert (unsure.returncode, "if those are the keys that you kept" in unsure.stdout) == (0, True)
    foreign = _check(newer, f"--key={FORGER.current.seal_public_key.hex()}")
    assert (foreign.returncode, "another key than you expect" in foreign.stdout) == (1, True)
    assert (
        f"signed with the key {KEYS.current.id} {KEYS.current.seal_public_key.hex()}" in good.stdout
    )
    cut = _check(older, newer)
    assert (cut.returncode, "of the older file is not in the new one" in cut.stdout) == (1, True)

    text = newer.read_text()
    rows = seal_text.read_file(text)[-1].parts["transfers"].rows
    newer.write_text(text.replace(f" {rows} ", f" {rows + 1} "))
    assert _check(newer).returncode == 1
    changed = payviox("ledger", "seal", "check", str(newer))
    assert (changed.returncode, "not signed by the key" in changed.stdout) == (1, True)
    newer.write_text(text[:-40])
    for file, says in ((newer, "cut off"), (tmp_path / "nowhere.txt", "cannot be read")):
        refusal = _check(file, own)
        assert (refusal.returncode, says in refusal.stderr) == (1, True), refusal.stderr
    newer.write_text("no seals")
    refused = payviox("ledger", "verify", "--seals", str(newer))
    assert (refused.returncode, "is no file of seals" in refused.stderr) == (1, True)


def test_without_openssl_3_no_seal_is_called_wrong(tmp_path: Path) -> None:
    other = tmp_path / "openssl"
    other.write_text("#!/bin/sh\necho LibreSSL 3.3.6\n")
    other.chmod(0o755)
    for folder in (tmp_path, tmp_path / "nothing"):
        said = _check(tmp_path / "seals.txt", PATH=str(folder))
        assert (said.returncode, "openssl 3 or newer is needed" in said.stderr) == (1, True)


def _check(*arguments: Path | str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(CHECKER), *map(str, arguments)]
    env = {**os.environ, **env}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)
