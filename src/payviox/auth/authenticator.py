"""Authenticator apps (TOTP, RFC 6238) and recovery codes. A code works once, whichever process
takes it; the secret is encrypted at rest, recovery codes are kept as digests."""

import hashlib
import secrets
from dataclasses import dataclass, field
from uuid import UUID

import pyotp

from payviox.audit import service as audit
from payviox.auth import factors
from payviox.auth.queries import factors as queries
from payviox.auth.queries.factors import AppRow
from payviox.auth.sessions import Session
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.keyring import Keyring
from payviox.rights import proof

WRONG = "This code is wrong, or it was used before."
STEP_S = 30
DIGITS = 6
NEIGHBOURS = (0, -1, 1)
"""Time steps that hold beside the present one: clocks differ, and typing takes time."""
RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No letter that looks like another, or like a digit."""
GROUPS, GROUP = 6, 4
ISSUER = "Payviox"


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app is set up with: the secret to type, and the address that a QR code holds."""

    secret: str = field(repr=False)
    address: str = field(repr=False)


class AppThere(Conflict):
    message = "An authenticator app is set up already. Remove it first."


class NoApp(Conflict):
    message = "No authenticator app is being set up. Begin again."


async def begin(connection: Connection, keyring: Keyring, session: Session) -> None:
    """Draw a secret for an app, in place of one that was never confirmed. Raises AppThere, and
    ProofNeeded."""
    proof.require(session.actor, "authenticator.add")
    sealed = keyring.encrypt(pyotp.random_base32().encode(), _place(session.operator_id))
    if not await queries.put_app(connection, session.operator_id, sealed, keyring.current.id):
        raise AppThere


async def setup_of(connection: Connection, keyring: Keyring, session: Session) -> Setup | None:
    """What the app that waits for its first code is set up with; None where none waits."""
    app = await queries.find_app(connection, session.operator_id)
    if app is None or app.confirmed_at is not None:
        return None
    secret = _secret(keyring, app)
    return Setup(secret, _totp(secret).provisioning_uri(name=session.email, issuer_name=ISSUER))


async def confirm(
    connection: Connection, keyring: Keyring, session: Session, code: str
) -> list[str]:
    """Take an app into use whose first code this is; answers recovery codes, unless there are some
    already. Raises NoApp, FieldErrors where the code is wrong, and ProofNeeded."""
    proof.require(session.actor, "authenticator.add")
    await queries.lock_operator(connection, session.operator_id)
    app = await queries.find_app(connection, session.operator_id)
    if app is None or app.confirmed_at is not None:
        raise NoApp
    if not await _use(connection, keyring, app, _plain(code), is_confirmed=False):
        raise FieldErrors({"code": [WRONG]})
    await audit.record_of_installation(connection, session.actor, "authenticator.add")
    return await first_recovery_codes(connection, session)


async def remove(connection: Connection, session: Session) -> None:
    """Take the app out of use. Raises NoApp."""
    await queries.lock_operator(connection, session.operator_id)
    if not await queries.delete_app(connection, session.operator_id):
        raise NoApp
    await audit.record_of_installation(connection, session.actor, "authenticator.remove")
    await forget_codes_alone(connection, session.operator_id)


async def use_code(connection: Connection, keyring: Keyring, operator_id: UUID, code: str) -> None:
    """Use up a code of the app, or a recovery code. Raises FieldErrors where it is wrong or was
    used before."""
    plain = _plain(code)
    app = await queries.find_app(connection, operator_id)
    if plain.isdecimal() and len(plain) == DIGITS and app is not None:
        right = await _use(connection, keyring, app, plain, is_confirmed=True)
    else:
        right = await queries.use_recovery_code(connection, operator_id, _digest(plain))
    if not right:
        raise FieldErrors({"code": [WRONG]})


async def make_recovery_codes(connection: Connection, session: Session) -> list[str]:
    """Ten new recovery codes in place of all that there were: shown once, kept as digests. Raises
    Conflict where there is no second factor that they could stand in for."""
    await queries.lock_operator(connection, session.operator_id)
    if not (await factors.find(connection, session.operator_id)).any:
        raise Conflict("Set up an authenticator app or a passkey first.")
    return await _draw(connection, session)


async def first_recovery_codes(connection: Connection, session: Session) -> list[str]:
    """Recovery codes for somebody who has none left, with their first second factor."""
    here = await factors.find(connection, session.operator_id)
    return [] if here.recovery_codes else await _draw(connection, session)


async def forget_codes_alone(connection: Connection, operator_id: UUID) -> None:
    """Recovery codes stand in for something: with the last second factor they go."""
    if not (await factors.find(connection, operator_id)).any:
        await queries.delete_recovery_codes(connection, operator_id)


async def reencrypt(connection: Connection, keyring: Keyring, limit: int = 100) -> int:
    """Bring the secrets of up to `limit` apps under the current key; answers how many. Called until
    it answers 0. Raises SettingsError and DecryptionFailed."""
    apps = await queries.lock_other_apps(connection, keyring.current.id, limit)
    for app in apps:
        place = _place(app.operator_id)
        sealed = keyring.encrypt(keyring.decrypt(app.secret, app.key_id, place), place)
        await queries.reseal_app(connection, app.operator_id, sealed, keyring.current.id)
    return len(apps)


async def _draw(connection: Connection, session: Session) -> list[str]:
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    digests = [_digest(_plain(code)) for code in codes]
    await queries.replace_recovery_codes(connection, session.operator_id, digests)
    await audit.record_of_installation(connection, session.actor, "recovery_codes.make")
    return codes


def _recovery_code() -> str:
    """Some 118 bits, in groups that are easy to type."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


async def _use(
    connection: Connection, keyring: Keyring, app: AppRow, code: str, *, is_confirmed: bool
) -> bool:
    totp = _totp(_secret(keyring, app))
    for beside in NEIGHBOURS:
        step = app.clock // STEP_S + beside
        if pyotp.utils.strings_equal(totp.generate_otp(step), code):
            return await queries.use_step(
                connection, app.operator_id, step, is_confirmed=is_confirmed
            )
    return False


def _totp(secret: str) -> pyotp.TOTP:
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)


def _secret(keyring: Keyring, app: AppRow) -> str:
    return keyring.decrypt(app.secret, app.key_id, _place(app.operator_id)).decode()


def _place(operator_id: UUID) -> str:
    return f"authenticator_apps:{operator_id}"


def _plain(code: str) -> str:
    """A code as it was drawn, without the blanks and dashes that people type."""
    return "".join(code.split()).replace("-", "").lower()


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
