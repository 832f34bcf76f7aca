"""Passkeys (WebAuthn), by Duo's library. One that verified its owner is both factors at once; what
it signs is drawn here, kept in the database, and taken once."""

import json
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from payviox import ids
from payviox.audit import service as audit
from payviox.auth import attempts, authenticator, sessions, sign_in
from payviox.auth.queries import factors as queries
from payviox.auth.queries.factors import PasskeyRow
from payviox.auth.sessions import Client, Session, SignedIn, digest_of
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, FieldErrors, NotFound, TooManyAttempts
from payviox.rights import proof

Purpose = Literal["sign in", "add", "prove"]

CHALLENGE_S = 5 * 60
"""An answer has to come within so many seconds."""
MOST = 20
"""Passkeys of one operator."""
MAX_NAME = 60
MAX_ANSWER = 20_000
"""Characters of a browser's answer."""
WRONG = "This passkey was not accepted. Try again, or sign in with your password."
NAME = "Payviox"


class Site(msgspec.Struct, frozen=True):
    """Whom passkeys are for: a name, and the one origin that may ask for them."""

    name: str
    origin: str


def site_of(public_url: str) -> Site | None:
    """The site of this installation; None where browsers would have no passkeys there: they need a
    name, and https unless it is this machine's own."""
    parts = urlsplit(public_url)
    name = parts.hostname or ""
    try:
        ip_address(name)
    except ValueError:
        if parts.scheme == "https" or name == "localhost":
            return Site(name, f"{parts.scheme}://{parts.netloc}")
    return None


async def ask_to_sign_in(connection: Connection, site: Site, place: str | None) -> str:
    """What the browser hands to a passkey of whoever is there, as JSON. Raises TooManyAttempts."""
    if not await attempts.count(connection, [attempts.address(place)]):
        raise TooManyAttempts
    return await _ask(connection, site, "sign in", None, [])


async def ask_to_prove(connection: Connection, site: Site, operator_id: UUID) -> str:
    """The same, for a passkey of this operator's."""
    credentials = await queries.list_credentials(connection, operator_id)
    return await _ask(connection, site, "prove", operator_id, credentials)


async def _ask(
    connection: Connection,
    site: Site,
    purpose: Purpose,
    operator_id: UUID | None,
    credentials: list[bytes],
) -> str:
    from payviox.auth import passkey_library as library  # noqa: PLC0415  # 0.1 s, rarely needed

    challenge, options = library.ask(site.name, credentials)
    digest = digest_of(challenge.hex())
    await queries.insert_challenge(connection, digest, purpose, operator_id)
    return options


async def ask_to_add(connection: Connection, site: Site, session: Session) -> str:
    """What the browser hands to a device that shall hold a new passkey, as JSON. Raises
    ProofNeeded."""
    from payviox.auth import passkey_library as library  # noqa: PLC0415  # as above

    proof.require(session.actor, "passkey.add")
    credentials = await queries.list_credentials(connection, session.operator_id)
    challenge, options = library.ask_to_add(
        site.name, NAME, session.operator_id, session.email, credentials
    )
    digest = digest_of(challenge.hex())
    await queries.insert_challenge(connection, digest, "add", session.operator_id)
    return options


async def add(
    connection: Connection, site: Site, session: Session, name: str, answer: str
) -> list[str]:
    """Keep the passkey that the browser made; answers recovery codes, unless there are some. Raises
    FieldErrors and Conflict."""
    from payviox.auth import passkey_library as library  # noqa: PLC0415  # as above

    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise FieldErrors({"name": [f"Name the passkey, in at most {MAX_NAME} characters."]})
    await queries.lock_operator(connection, session.operator_id)
    if len(await queries.list_passkeys(connection, session.operator_id)) >= MOST:
        raise Conflict(f"There are {MOST} passkeys already. Remove one first.")
    try:
        credential = library.parse_registration_credential_json(_bounded(answer))
        challenge = library.challenge_of(credential)
        taken = await _take(connection, challenge, "add", session.operator_id)
        made = library.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except library.REFUSED as error:
        raise Conflict("The passkey was not accepted. Try again.") from error
    if not taken or not await queries.insert_passkey(
        connection,
        ids.new(),
        session.operator_id,
        name,
        made.credential_id,
        made.credential_public_key,
        made.sign_count,
    ):
        raise Conflict("The passkey was not accepted. Try again.")
    await audit.record_of_installation(connection, session.actor, "passkey.add", {"name": name})
    return await authenticator.first_recovery_codes(connection, session)


async def remove(connection: Connection, session: Session, passkey_id: UUID) -> None:
    """Take a passkey out of use. Raises NotFound."""
    await queries.lock_operator(connection, session.operator_id)
    name = await queries.delete_passkey(connection, session.operator_id, passkey_id)
    if name is None:
        raise NotFound
    await audit.record_of_installation(connection, session.actor, "passkey.remove", {"name": name})
    await authenticator.forget_codes_alone(connection, session.operator_id)


async def enter(database: Database, site: Site, answer: str, client: Client) -> SignedIn:
    """Open a session for the owner of this passkey. Raises Conflict where it is not accepted."""
    challenge = await _take_first(database, answer, "sign in", None, client)
    return await database.write(_enter, site, answer, challenge, client)


async def _enter(
    connection: Connection, site: Site, answer: str, challenge: bytes, client: Client
) -> SignedIn:
    passkey = await _verify(connection, site, answer, challenge)
    return await sessions.open_session(connection, passkey.operator_id, "passkey", client)


async def finish(
    database: Database, site: Site, token: str, answer: str, client: Client
) -> SignedIn:
    """Open the session of a sign-in whose second factor is this passkey. Raises NotStarted, and
    Conflict where it is not accepted."""
    operator_id, _, _ = await database.fetch(sign_in.find_started, token)
    challenge = await _take_first(database, answer, "prove", operator_id, client)
    return await database.write(_finish, site, token, answer, challenge, client)


async def _finish(
    connection: Connection, site: Site, token: str, answer: str, challenge: bytes, client: Client
) -> SignedIn:
    started = await sign_in.take_started(connection, token)
    passkey = await _verify(connection, site, answer, challenge)
    if passkey.operator_id != started.operator_id:
        raise Conflict(WRONG)
    return await sign_in.finish(connection, started, "passkey", client)


async def prove(
    database: Database, site: Site, session: Session, answer: str, client: Client
) -> str:
    """Another token for the session of this passkey's owner. Raises SignedOut, and Conflict where
    it is not accepted."""
    challenge = await _take_first(database, answer, "prove", session.operator_id, client)
    return await database.write(_prove, site, session, answer, challenge)


async def _prove(
    connection: Connection, site: Site, session: Session, answer: str, challenge: bytes
) -> str:
    passkey = await _verify(connection, site, answer, challenge)
    if passkey.operator_id != session.operator_id:
        raise Conflict(WRONG)
    return await sessions.renew(connection, session, "passkey")


async def _take_first(
    database: Database, answer: str, purpose: Purpose, operator_id: UUID | None, client: Client
) -> bytes:
    """The challenge that was answered, used up whatever comes of the answer."""
    from payviox.auth import passkey_library as library  # noqa: PLC0415  # as above

    try:
        credential = library.parse_authentication_credential_json(_bounded(answer))
        challenge = library.challenge_of(credential)
    except library.REFUSED as error:
        raise Conflict(WRONG) from error
    if not await database.write(_take, challenge, purpose, operator_id):
        await database.write(attempts.write_down, None, client.place)
        raise Conflict(WRONG)
    return challenge


async def _take(
    connection: Connection, challenge: bytes, purpose: Purpose, operator_id: UUID | None
) -> bool:
    return await queries.take_challenge(
        connection, digest_of(challenge.hex()), purpose, operator_id, CHALLENGE_S
    )


async def _verify(connection: Connection, site: Site, answer: str, challenge: bytes) -> PasskeyRow:
    """The passkey that signed this challenge, whose owner it verified."""
    from payviox.auth import passkey_library as library  # noqa: PLC0415  # as above

    try:
        credential = library.parse_authentication_credential_json(answer)
        passkey = await queries.lock_passkey(connection, credential.raw_id)
        if passkey is None:
            raise Conflict(WRONG)
        verified = library.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except library.REFUSED as error:
        raise Conflict(WRONG) from error
    await queries.touch_passkey(connection, passkey.id, verified.new_sign_count)
    return passkey


def _bounded(answer: str) -> str:
    """Raises ValueError where it is not such an answer as browsers give."""
    if len(answer) > MAX_ANSWER or not isinstance(json.loads(answer), dict):
        raise ValueError("no answer of a browser")
    return answer
