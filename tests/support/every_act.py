"""What the entry of each act says: the keys of its detail, and those of what was before and is
after."""

from typing import NamedTuple

from payviox import ids
from payviox.acts import Act


class Says(NamedTuple):
    """Names parted by spaces; None where an entry has no such part."""

    detail: str = ""
    before: str | None = None
    after: str | None = None


SAYS: dict[Act, Says] = {
    "approval.ask": Says("act amount approval started_by", after="amount"),
    "approval.cancel": Says("act amount approval started_by"),
    "approval.sign": Says("act amount enough subject"),
    "balance.defund": Says("amount"),
    "balance.deposit": Says("amount reference"),
    "balance.expire": Says("amount payout_users"),
    "balance.fund": Says("amount"),
    "balance.withdraw_funds": Says("amount reason reference"),
    "bank_file.approve": Says("amount currency file name payments sha256 total"),
    "bank_file.cancel": Says("amount currency file name payments sha256 total"),
    "bank_file.cut": Says("amount currency file name payments sha256 total"),
    "bank_file.download": Says("amount currency file name payments sha256 total"),
    "bank_file.end_hold": Says("since"),
    "bank_file.release": Says("amount currency file name payments sha256 total"),
    "bank_file.settle": Says("amount currency file name payments sent sha256 total"),
    "bank_report.import": Says("entries file given_back sha256 unmatched"),
    "business.create": Says(after="mode name"),
    "business.set": Says(before="min_withdrawal", after="min_withdrawal"),
    "gift_cards.hold": Says(),
    "gift_cards.import": Says("cards"),
    "gift_cards.release": Says(),
    "gift_cards.void": Says("cards product"),
    "key.change": Says("hint key name", before="daily_limit scopes", after="daily_limit scopes"),
    "key.create": Says(
        "hint key name", after="amount_limit daily_limit expires_at name networks scopes"
    ),
    "key.regenerate": Says("kind", after="hint"),
    "key.revoke": Says("keys"),
    "mail.allow_address": Says("payout_user was"),
    "mail.send_again": Says("mail message was"),
    "member.change_role": Says("email operator", before="role", after="role"),
    "member.invite": Says("email invitation role"),
    "member.join": Says("email operator", after="role"),
    "member.remove": Says("email operator", before="", after=""),
    "member.withdraw_invitation": Says("email invitation role"),
    "order.approve": Says("amount order rail"),
    "order.cancel": Says("amount order rail"),
    "order.look_up": Says("order"),
    "order.reject": Says("amount note order rail"),
    "order.resume": Says("orders waiting"),
    "order.settle": Says("order outcome reason"),
    "payout_user.activate": Says("payout_user"),
    "payout_user.deactivate": Says("payout_user"),
    "payout_user.give_back": Says("amount payout_user"),
    "payout_user.make_redeem_link": Says("payout_user"),
    "payout_user.remove_destination": Says("change destination payout_user"),
    "payout_user.revoke": Says("amount payout_user"),
    "payout_user.rotate_hash": Says("payout_user", before="generation", after="generation"),
    "payout_user.rotate_hashes": Says("payout_users"),
    "payout_user.save_destination": Says("change destination payout_user"),
    "payout_user.set_automatic": Says("amount change destination payout_user"),
    "rail.accept_nonces": Says("chain_id rail wallet", after="next_nonce"),
    "rail.change": Says("rail", before="max_amount", after="max_amount"),
    "rail.connect": Says("rail", after="client_id environment new"),
    "rail.disable": Says("rail", after=""),
    "rail.disconnect": Says("rail", after="environment"),
    "rail.enable": Says("rail", after=""),
    "rail.owner": Says("rail", after="organization_id"),
    "rail.price": Says("rail", after="chain price"),
    "site.set_host": Says(before="host", after="host"),
    "site.set_origins": Says(before="origins", after="origins"),
    "site.verify_host": Says("host"),
    "suspense.resolve": Says("amount cause item rail reason resolution"),
    "tax.note": Says("payout_user", before="note state", after="note state"),
    "tax.set_threshold": Says("name", before="amount", after="amount"),
    "upload.cancel": Says("file left paid sha256 upload"),
    "upload.discard": Says("file sha256 upload"),
    "upload.resume": Says("file left sha256 stopped_why upload"),
    "upload.start": Says("amount due_at file payments people sha256 upload"),
    "webhook.change": Says(before="enabled url", after="enabled url"),
    "webhook.confirm_token": Says(),
    "webhook.replay": Says("events failed_only left_out since until"),
    "webhook.rotate_token": Says(),
}

NAMED = {
    "file": ids.BANK_FILE,
    "invitation": ids.INVITATION,
    "item": ids.SUSPENSE_ITEM,
    "key": ids.KEY,
    "mail": ids.MAIL,
    "operator": ids.OPERATOR,
    "payout_user": ids.USER,
    "product": ids.PRODUCT,
    "upload": ids.UPLOAD,
}
"""What a detail names by an id, with the id's prefix."""
