"""Signing in at an OpenID provider that the settings name: found by discovery, code flow with PKCE,
state and nonce, by Authlib. An operator is bound to issuer and subject; nobody is made here."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from payviox import actors
from payviox.audit import service as audit
from payviox.auth import attempts, sessions, sign_in
from payviox.auth.queries import credentials
from payviox.auth.queries import openid as queries
from payviox.auth.queries.openid import RequestRow
from payviox.auth.sessions import Client, Session, SignedIn, digest_of
from payviox.auth.sign_in import SecondNeeded
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound, PayvioxError, TooManyAttempts
from payviox.event_log import EventLogger

logger = EventLogger(__name__)

LASTS_S = 10 * 60
"""Whoever was sent to the provider comes back within so many seconds."""
TIMEOUT_S = 10.0
SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures of a key pair: nobody but the provider makes them."""
MAX_TEXT = 255
"""Characters of a subject, by OpenID Connect Core 1.0, section 2."""

list_identities = queries.list_identities


class NotAnswered(PayvioxError):
    status = 503
    message = "The sign-in service cannot be reached just now. Sign in with your password."


class NotAccepted(Conflict):
    message = "Signing in there did not work. Begin again, or sign in with your password."


class Unknown(Conflict):
    message = (
        "Nobody here has the verified email address of that account. Ask an owner of your"
        " organization to invite it."
    )


class NotLinked(Conflict):
    message = (
        "That account is not linked to yours. Sign in with your password, then link it on your"
        " account's page."
    )


class LinkTaken(Conflict):
    message = "That account is linked to somebody else here, or another one of yours is."


@dataclass(frozen=True, slots=True)
class Provider:
    """Where people sign in, and who we are there."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    back: str
    """The address of ours that the provider leads back to."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and the state that it keeps until it is back."""

    address: str = field(repr=False)
    state: str = field(repr=False)


class Claims(msgspec.Struct, frozen=True):
    """Who somebody is at the provider; `email` is None unless the provider verified it."""

    issuer: str
    subject: str
    email: str | None


async def count_departure(connection: Connection, place: str | None) -> None:
    """Count who wants to be sent there, before the provider is asked anything. Raises
    TooManyAttempts."""
    if not await attempts.count(connection, [attempts.address(place)]):
        raise TooManyAttempts


async def depart(provider: Provider) -> tuple[Departure, RequestRow]:
    """Where to send a browser, and what to keep until it comes back. Raises NotAnswered."""
    from payviox.auth import openid_client  # noqa: PLC0415  # 0.1 s, rarely needed

    app = await _app(provider)
    nonce, state = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
    try:
        made = await app.create_authorization_url(provider.back, state=state, nonce=nonce)
    except openid_client.FAILED as error:
        raise _not_answered(error) from error
    return Departure(made["url"], state), RequestRow(nonce, made["code_verifier"], "")


async def keep(connection: Connection, state: str, request: RequestRow) -> None:
    """Keep what a browser that is sent there has to bring back."""
    await queries.insert_request(connection, digest_of(state), request)


async def take(connection: Connection, state: str) -> RequestRow:
    """What was kept of a browser that came back, once. Raises NotAccepted."""
    request = await queries.take_request(connection, digest_of(state), LASTS_S)
    if request is None:
        raise NotAccepted
    return request


async def claims_of(provider: Provider, request: RequestRow, answer: Mapping[str, str]) -> Claims:
    """Who came back with this code, as the provider signed it. Raises NotAccepted, NotAnswered."""
    from payviox.auth import openid_client  # noqa: PLC0415  # as above

    if "code" not in answer or answer.get("iss", provider.issuer) != provider.issuer:
        raise NotAccepted
    app = await _app(provider)
    options = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
        "sub": {"essential": True},
    }
    try:
        token = await app.fetch_access_token(
            provider.back, code=answer["code"], code_verifier=request.code_verifier
        )
        claims = await app.parse_id_token(token, request.nonce, claims_options=options)
    except openid_client.REFUSED as error:
        logger.warning("openid.refused", error=type(error).__name__)
        raise NotAccepted from error
    except openid_client.AWAY as error:
        raise _not_answered(error) from error
    subject = None if claims is None else claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_TEXT:
        raise NotAccepted
    email = claims.get("email") if claims.get("email_verified") is True else None
    return Claims(provider.issuer, subject, email if isinstance(email, str) else None)


async def enter(
    connection: Connection, claims: Claims, email: str | None, client: Client
) -> SignedIn | SecondNeeded:
    """Let the operator in who is bound to this identity, or is bound to it now by their verified
    canonical address; a second factor is asked for as after a password. Raises Unknown, and
    NotLinked for who took it away or whose address nobody here has shown to be theirs: somebody
    else may have made that account."""
    operator_id = await queries.find_owner(connection, claims.issuer, claims.subject)
    if operator_id is None:
        operator_id = await _bind(connection, claims, email)
    return await sign_in.after_first(connection, operator_id, "openid", client)


async def _bind(connection: Connection, claims: Claims, email: str | None) -> UUID:
    operator_id = (
        None if email is None else await credentials.find_enabled_operator(connection, email)
    )
    if operator_id is None:
        raise Unknown
    if not await credentials.is_verified(connection, operator_id) or await queries.was_unlinked(
        connection, operator_id, claims.issuer
    ):
        raise NotLinked
    if not await queries.insert_identity(connection, claims.issuer, claims.subject, operator_id):
        raise Unknown
    await _record_link(connection, operator_id, claims)
    return operator_id


async def link(connection: Connection, session: Session, claims: Claims, email: str | None) -> None:
    """Let an account elsewhere sign in who links it to their own; where the provider verified the
    very same address, that is theirs. Raises SignedOut and LinkTaken."""
    await sessions.require_open(connection, session)
    if not await queries.insert_identity(
        connection, claims.issuer, claims.subject, session.operator_id
    ):
        raise LinkTaken
    await queries.forget_unlinked(connection, session.operator_id, claims.issuer)
    if email == session.email:
        await credentials.set_verified(connection, session.operator_id)
    await _record_link(connection, session.operator_id, claims)


async def _record_link(connection: Connection, operator_id: UUID, claims: Claims) -> None:
    actor = actors.operator(operator_id)
    about = {"issuer": claims.issuer, "email": claims.email}
    await audit.record_of_installation(connection, actor, "identity.link", about)


async def unbind(connection: Connection, session: Session, issuer: str) -> None:
    """Forget who one is at a provider, until one links it again. Raises NotFound."""
    if not await queries.delete_identity(connection, session.operator_id, issuer):
        raise NotFound
    await queries.keep_unlinked(connection, session.operator_id, issuer)
    about = {"issuer": issuer}
    await audit.record_of_installation(connection, session.actor, "identity.unlink", about)


async def _app(provider: Provider) -> Any:
    """The provider as it describes itself. Raises NotAnswered."""
    from payviox.auth import openid_client  # noqa: PLC0415  # as above

    app = openid_client.App(
        None,
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        server_metadata_url=f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "timeout": TIMEOUT_S,
            "follow_redirects": False,
            "verify": openid_client.TRUSTED,
        },
    )
    try:
        metadata = await app.load_server_metadata()
    except openid_client.UNREADABLE as error:
        raise _not_answered(error) from error
    if metadata.get("issuer") != provider.issuer:
        raise _not_answered(ValueError("it calls itself by another name"))
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [
        each for each in offered if each in SIGNED_BY
    ]
    return app


def _not_answered(error: Exception) -> NotAnswered:
    logger.warning("openid.unusable", error=str(error) or type(error).__name__)
    return NotAnswered()
