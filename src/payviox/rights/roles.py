"""The roles of an organization and what each may do: one table, for every door.

Whoever is a member may look at everything; what is listed here is what changes something."""

from collections.abc import Mapping
from typing import Literal, get_args

from payviox.acts import Act

Role = Literal["owner", "finance", "approver", "developer", "viewer"]

ROLES: Mapping[Role, str] = {
    "owner": "everything in this organization",
    "finance": "money, payout users, gift cards, orders and suspense items",
    "approver": "approve, reject and cancel orders",
    "developer": "API keys and webhooks",
    "viewer": "look",
}

Right = Act | Literal["allocation.create", "webhook.send"]
"""What a role may allow: an act; or to allocate money, of which the ledger tells; or to send a test
webhook or one event again, of which the webhook log does."""

RIGHTS: Mapping[Role, frozenset[Right]] = {
    "owner": frozenset({*get_args(Act), "allocation.create", "webhook.send"}),
    "finance": frozenset(
        {
            "allocation.create",
            "approval.ask",
            "approval.cancel",
            "approval.sign",
            "balance.deposit",
            "balance.fund",
            "balance.defund",
            "balance.withdraw_funds",
            "bank_file.approve",
            "bank_file.cancel",
            "bank_file.cut",
            "bank_file.download",
            "bank_file.end_hold",
            "bank_file.release",
            "bank_file.settle",
            "bank_report.import",
            "gift_cards.hold",
            "gift_cards.import",
            "gift_cards.release",
            "gift_cards.void",
            "mail.allow_address",
            "mail.send_again",
            "order.approve",
            "order.cancel",
            "order.look_up",
            "order.reject",
            "order.resume",
            "order.settle",
            "payout_user.activate",
            "payout_user.deactivate",
            "payout_user.make_redeem_link",
            "payout_user.revoke",
            "payout_user.rotate_hash",
            "payout_user.rotate_hashes",
            "suspense.resolve",
            "tax.note",
            "tax.set_threshold",
            "upload.cancel",
            "upload.discard",
            "upload.resume",
            "upload.start",
        }
    ),
    "approver": frozenset(
        {
            "approval.sign",
            "bank_file.approve",
            "order.approve",
            "order.cancel",
            "order.look_up",
            "order.reject",
        }
    ),
    "developer": frozenset(
        {
            "key.change",
            "key.create",
            "key.regenerate",
            "key.revoke",
            "webhook.change",
            "webhook.confirm_token",
            "webhook.replay",
            "webhook.rotate_token",
            "webhook.send",
        }
    ),
    "viewer": frozenset(),
}


def who_may(*rights: Right) -> tuple[list[str], list[str]]:
    """Each of these rights with each role that has it, as two columns."""
    pairs = [(right, role) for right in rights for role in ROLES if right in RIGHTS[role]]
    return [right for right, _ in pairs], [role for _, role in pairs]
