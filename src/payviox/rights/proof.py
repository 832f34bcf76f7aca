"""Acts for which being signed in is not enough: one table, asked where an act is recorded. Whoever
does one of them on a page has proved within the last minutes who they are."""

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from payviox.actors import Actor
from payviox.acts import InstallationAct
from payviox.rights.roles import Right
from payviox.rights.service import operator_of

FRESH_S = 10 * 60
"""A proof is fresh for so many seconds."""
ALWAYS = 0
LARGE = 100_000
"""An allocation, an approval or an upload of so many cents asks for fresh proof."""

FRESH_PROOF: Mapping[Right | InstallationAct, int] = {
    "allocation.create": LARGE,
    "approval.sign": ALWAYS,
    "authenticator.add": ALWAYS,
    "authenticator.remove": ALWAYS,
    "balance.deposit": ALWAYS,
    "balance.withdraw_funds": ALWAYS,
    "bank_file.approve": ALWAYS,
    "bank_file.download": ALWAYS,
    "bank_file.end_hold": ALWAYS,
    "bank_file.release": ALWAYS,
    "bank_file.settle": ALWAYS,
    "bank_report.import": ALWAYS,
    "business.set": ALWAYS,
    "identity.link": ALWAYS,
    "identity.unlink": ALWAYS,
    "key.change": ALWAYS,
    "key.create": ALWAYS,
    "key.regenerate": ALWAYS,
    "key.revoke": ALWAYS,
    "member.change_role": ALWAYS,
    "member.invite": ALWAYS,
    "member.remove": ALWAYS,
    "operator.change_password": ALWAYS,
    "operator.create": ALWAYS,
    "operator.enable": ALWAYS,
    "operator.make_reset_link": ALWAYS,
    "operator.remove_factors": ALWAYS,
    "operator.set_password": ALWAYS,
    "order.approve": LARGE,
    "order.settle": ALWAYS,
    "passkey.add": ALWAYS,
    "passkey.remove": ALWAYS,
    "payout_user.make_redeem_link": ALWAYS,
    "payout_user.rotate_hash": ALWAYS,
    "rail.accept_nonces": ALWAYS,
    "rail.change": ALWAYS,
    "rail.connect": ALWAYS,
    "rail.disconnect": ALWAYS,
    "rail.enable": ALWAYS,
    "rail.price": ALWAYS,
    "recovery_codes.make": ALWAYS,
    "site.set_host": ALWAYS,
    "site.set_origins": ALWAYS,
    "suspense.resolve": ALWAYS,
    "upload.start": LARGE,
    "webhook.change": ALWAYS,
    "webhook.rotate_token": ALWAYS,
}
"""From how many cents each of them asks. What stops something (a rail, payouts, other sessions) is
not here, or its entry is recorded without: it must be quick."""

_is_fresh: ContextVar[bool] = ContextVar("is_fresh", default=True)


class ProofNeeded(Exception):
    """Somebody has to prove again who they are: the page asks, and leads back."""


@contextlib.contextmanager
def proved(*, is_fresh: bool) -> Iterator[None]:
    """Whatever is done within the block is done in a session whose proof is fresh, or is not.
    Outside of any, somebody else let the actor in: the operating system, a secret key."""
    token = _is_fresh.set(is_fresh)
    try:
        yield
    finally:
        _is_fresh.reset(token)


def require(actor: Actor, act: Right | InstallationAct, amount: object = None) -> None:
    """Raise ProofNeeded where an operator's session needs fresh proof for this act about so many
    cents."""
    least = FRESH_PROOF.get(act)
    if least is None or _is_fresh.get() or operator_of(actor) is None:
        return
    if not (isinstance(amount, int) and amount < least):
        raise ProofNeeded
