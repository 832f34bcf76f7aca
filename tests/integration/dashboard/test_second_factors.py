"""An authenticator app and recovery codes: set up, asked for, used once, counted, taken away."""

import base64
import hashlib
import json
import math
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pyotp
import pytest

from payviox.audit import service as audit
from payviox.auth import attempts, authenticator, factors, operators, passkeys, sessions
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict
from payviox.keyring import Keyring
from payviox.web.asgi import Application
from payviox.web.context import Services
from support.dashboard import PASSWORD, Browser, heading, hidden, make_operator, make_stale

pytestmark = pytest.mark.anyio

CODE = re.compile(r"<li>([a-z0-9]{4}(?:-[a-z0-9]{4}){5})</li>")


class Somebody:
    """An operator with an authenticator app, whose codes of later steps can be asked for."""

    def __init__(self, email: str, operator_id: UUID) -> None:
        self.email, self.id, self.secret = email, operator_id, ""
        self.recovery: list[str] = []

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(datetime.now(UTC), counter_offset=steps)

    async def set_up(self, browser: Browser) -> None:
        """Sign in, and set an app up; its first code is used up then."""
        await browser.sign_in(self.email)
        begun = await browser.post("/account/authenticator/begin")
        assert begun.headers["location"] == "/account/authenticator"
        page = await browser.get("/account/authenticator")
        found = re.search(r'class="secret"[^>]*>([A-Z2-7 ]+)<', page.text)
        assert found is not None
        self.secret = found[1].replace(" ", "")
        assert "data:image/svg+xml" in page.text
        shown = await browser.post("/account/authenticator", code=self.code())
        assert (shown.status_code, heading(shown)) == (200, "Recovery codes")
        self.recovery = CODE.findall(shown.text)


@pytest.fixture
async def ada(database: Database, browser: Browser) -> Somebody:
    """Set up, and signed out."""
    email = f"{uuid4().hex}@example.com"
    person = Somebody(email, await make_operator(database, email, is_admin=True))
    await person.set_up(browser)
    await browser.post("/logout")
    return person


@pytest.fixture
async def elsewhere(application: Application) -> Any:
    """A browser in which nobody signed in yet."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


async def start(browser: Browser, person: Somebody) -> str:
    """What names the sign-in of somebody whose password was right."""
    asked = await browser.sign_in(person.email, next="/dashboard?all")
    assert (asked.status_code, heading(asked)) == (200, "Sign in")
    assert 'id="code"' in asked.text
    assert "session" not in browser.client.cookies
    return hidden(asked, "started")


async def finish(browser: Browser, started: str, code: str) -> Any:
    return await browser.post("/login", started=started, code=code, next="/dashboard?all")


async def test_after_the_password_a_code_is_asked_for_and_leads_on(
    browser: Browser, ada: Somebody
) -> None:
    answer = await finish(browser, await start(browser, ada), ada.code(1))
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard?all")
    assert heading(await browser.get("/dashboard?all")) == "Businesses"
    assert "password and code" in (await browser.get("/account")).text


async def test_a_code_works_once(browser: Browser, elsewhere: Browser, ada: Somebody) -> None:
    code = ada.code(1)
    first, second = await start(browser, ada), await start(elsewhere, ada)
    assert (await finish(browser, first, code)).status_code == 303
    again = await finish(elsewhere, second, code)
    assert again.status_code == 422
    assert authenticator.WRONG in again.text
    assert "session" not in elsewhere.client.cookies


async def test_a_sign_in_that_was_finished_cannot_be_finished_again(
    browser: Browser, elsewhere: Browser, ada: Somebody
) -> None:
    started = await start(browser, ada)
    assert (await finish(browser, started, ada.recovery[0])).status_code == 303
    answer = await finish(elsewhere, started, ada.recovery[1])
    assert answer.status_code == 409
    assert "Begin again" in answer.text


async def test_a_recovery_code_works_once_as_people_type_it(
    browser: Browser, ada: Somebody
) -> None:
    assert len(set(ada.recovery)) == authenticator.RECOVERY_CODES
    typed = ada.recovery[0].upper().replace("-", " ")
    assert (await finish(browser, await start(browser, ada), typed)).status_code == 303
    assert "9 of 10" in (await browser.get("/account")).text
    await browser.post("/logout")
    again = await finish(browser, await start(browser, ada), ada.recovery[0])
    assert again.status_code == 422


async def test_a_recovery_code_is_too_long_to_be_guessed_from_its_digest(ada: Somebody) -> None:
    letters = ada.recovery[0].replace("-", "")
    assert len(letters) * math.log2(len(authenticator.ALPHABET)) > 112


async def test_a_shorter_recovery_code_of_an_earlier_version_still_works(
    browser: Browser, ada: Somebody, database: Database
) -> None:
    async def made_earlier(connection: Connection) -> None:
        digest = hashlib.sha256(b"abcdefghjkmnpqrs").digest()
        await connection.execute(
            "INSERT INTO recovery_codes (operator_id, digest) VALUES (%s, %s)", [ada.id, digest]
        )

    await database.write(made_earlier)
    answer = await finish(browser, await start(browser, ada), "abcd-efgh-jkmn-pqrs")
    assert answer.status_code == 303


async def test_new_recovery_codes_stop_the_old_ones(browser: Browser, ada: Somebody) -> None:
    await finish(browser, await start(browser, ada), ada.code(1))
    shown = await browser.post("/account/recovery-codes")
    fresh = CODE.findall(shown.text)
    assert len(fresh) == authenticator.RECOVERY_CODES
    assert not set(fresh) & set(ada.recovery)
    await browser.post("/logout")
    assert (await finish(browser, await start(browser, ada), ada.recovery[3])).status_code == 422
    assert (await finish(browser, await start(browser, ada), fresh[3])).status_code == 303


async def test_guesses_at_codes_end_and_the_owners_own_browser_still_gets_in(
    browser: Browser, elsewhere: Browser, ada: Somebody
) -> None:
    await finish(browser, await start(browser, ada), ada.recovery[0])
    await browser.post("/logout")
    started = await start(elsewhere, ada)
    for _ in range(attempts.CODES):
        assert (await finish(elsewhere, started, "000000")).status_code == 422
    refused = await finish(elsewhere, started, ada.recovery[1])
    assert refused.status_code == 429, "a right one too: a guess may be right"
    assert (await finish(browser, await start(browser, ada), ada.recovery[1])).status_code == 303


async def test_another_password_leaves_guesses_at_codes_counted_and_removed_factors_do_not(
    elsewhere: Browser, ada: Somebody, database: Database
) -> None:
    started = await start(elsewhere, ada)
    for _ in range(attempts.CODES):
        await finish(elsewhere, started, "000000")
    await database.write(operators.set_password, ada.email, PASSWORD, "test")
    refused = await finish(elsewhere, await start(elsewhere, ada), "000000")
    assert refused.status_code == 429
    await database.write(factors.remove_all, ada.email, "test")
    await elsewhere.sign_in(ada.email)
    assert await database.write(attempts.count, sessions.code_limits(ada.id))


async def test_another_password_ends_what_was_started(
    browser: Browser, ada: Somebody, database: Database
) -> None:
    started = await start(browser, ada)
    await database.write(operators.set_password, ada.email, "another long password", "test")
    assert (await finish(browser, started, ada.recovery[0])).status_code == 409


async def test_without_the_app_the_password_is_enough_and_recovery_codes_are_gone(
    browser: Browser, ada: Somebody, database: Database
) -> None:
    await finish(browser, await start(browser, ada), ada.code(1))
    answer = await browser.post("/account/authenticator/remove")
    assert answer.headers["location"] == "/account?done=app-removed"
    assert not (await database.fetch(factors.find, ada.id)).recovery_codes
    await browser.post("/logout")
    assert (await browser.sign_in(ada.email)).status_code == 303


async def test_a_second_app_is_not_set_up_beside_the_first(browser: Browser, ada: Somebody) -> None:
    await finish(browser, await start(browser, ada), ada.code(1))
    assert (await browser.post("/account/authenticator/begin")).status_code == 409
    assert (await browser.get("/account/authenticator")).headers["location"] == "/account"


async def test_a_wrong_first_code_sets_nothing_up(browser: Browser, database: Database) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    await browser.sign_in(email)
    await browser.post("/account/authenticator/begin")
    assert (await browser.post("/account/authenticator", code="000000")).status_code == 422
    await browser.post("/logout")
    assert (await browser.sign_in(email)).status_code == 303


async def test_whoever_runs_the_installation_takes_lost_factors_away(
    browser: Browser, ada: Somebody, database: Database
) -> None:
    await finish(browser, await start(browser, ada), ada.code(1))
    await database.write(factors.remove_all, ada.email, "test")
    assert (await browser.get("/account")).status_code == 303
    assert (await browser.sign_in(ada.email)).status_code == 303


async def test_entries_tell_who_did_what_without_secrets_and_failures_once(
    browser: Browser, ada: Somebody, database: Database
) -> None:
    started = await start(browser, ada)
    for _ in range(3):
        await finish(browser, started, "000000")
    await finish(browser, started, ada.recovery[0])
    await browser.post("/logout")
    listed = await database.fetch(audit.list_of_installation, 100)
    who = f"operator:op_{ada.id}"
    acts = [each.act for each in listed if who == each.actor]
    expected = ["operator.sign_out", "operator.sign_in", "operator.sign_out"]
    assert acts == [*expected, "recovery_codes.make", "authenticator.add", "operator.sign_in"]
    failed = [each for each in listed if each.detail.get("email") == ada.email]
    assert [each.act for each in failed] == ["operator.sign_in_failed", "operator.create"]
    text = str(listed)
    assert not [code for code in (ada.secret, *ada.recovery) if code in text]


async def test_neither_secret_nor_recovery_code_is_in_the_database(
    ada: Somebody, database: Database
) -> None:
    async def rows(db: Any) -> str:
        first = await db.execute("SELECT * FROM authenticator_apps")
        second = await db.execute("SELECT * FROM recovery_codes")
        return str(await first.fetchall() + await second.fetchall())

    text = await database.fetch(rows)
    assert ada.secret not in text
    assert not [code for code in ada.recovery if code.replace("-", "") in text]


async def test_the_secret_is_brought_under_a_new_key_and_still_makes_codes(
    ada: Somebody, database: Database, services: Services
) -> None:
    old = services.settings.secret_key
    ring = Keyring("another secret key of the tests, long enough", (old,))
    assert await database.write(authenticator.reencrypt, ring) >= 1
    await database.write(authenticator.use_code, ring, ada.id, ada.code(1))
    back = Keyring(old, ("another secret key of the tests, long enough",))
    assert await database.write(authenticator.reencrypt, back) >= 1


async def test_the_secret_is_shown_to_nobody_who_has_not_proved_it_is_them(
    browser: Browser, database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    await browser.sign_in(email)
    await browser.post("/account/authenticator/begin")
    await make_stale(browser, database)
    answer = await browser.get("/account/authenticator")
    assert answer.headers["location"] == "/account/prove?next=%2Faccount%2Fauthenticator"
    assert (await browser.post("/account/authenticator/begin")).status_code == 403


async def test_a_wrong_code_without_fresh_proof_shows_no_secret(
    browser: Browser, database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    await browser.sign_in(email)
    await browser.post("/account/authenticator/begin")
    await make_stale(browser, database)
    answer = await browser.post("/account/authenticator", code="000000")
    assert (answer.status_code, heading(answer)) == (403, "Confirm that it is you")
    assert 'class="secret"' not in answer.text


NESTED = '{"a":' + "[" * 14_000
"""Deeper than any Python reads."""
CREDENTIAL = {
    "id": "AA",
    "rawId": "AA",
    "type": "public-key",
    "response": {
        "clientDataJSON": base64.urlsafe_b64encode(NESTED.encode()).decode().rstrip("="),
        "authenticatorData": "AA",
        "signature": "AA",
    },
}


@pytest.mark.parametrize(
    "answer", ["", "[]", "{}", NESTED, json.dumps(CREDENTIAL)], ids=lambda text: text[:4]
)
async def test_what_no_browser_answers_for_a_passkey_is_refused(
    database: Database, answer: str
) -> None:
    site = passkeys.Site("localhost", "http://localhost")
    with pytest.raises(Conflict, match=re.escape(passkeys.WRONG)):
        await passkeys.enter(database, site, answer, sessions.Client())
