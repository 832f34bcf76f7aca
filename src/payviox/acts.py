"""Every act that changes money, rights, settings or secrets, and every alert: closed sets, each
with what it says. The service that does it records it, in its transaction.

Allocations and withdrawals are no acts: the ledger and an order's states tell each of them."""

from collections.abc import Mapping
from typing import Literal

Act = Literal[
    "balance.deposit",
    "balance.fund",
    "balance.defund",
    "balance.withdraw_funds",
    "business.create",
    "business.set",
    "gift_cards.hold",
    "gift_cards.import",
    "gift_cards.release",
    "gift_cards.void",
    "key.regenerate",
    "key.revoke",
    "order.approve",
    "order.cancel",
    "order.look_up",
    "order.reject",
    "order.resume",
    "order.settle",
    "payout_user.activate",
    "payout_user.deactivate",
    "payout_user.revoke",
    "payout_user.rotate_hash",
    "payout_user.rotate_hashes",
    "rail.accept_nonces",
    "rail.change",
    "rail.connect",
    "rail.disable",
    "rail.disconnect",
    "rail.enable",
    "rail.owner",
    "rail.price",
    "suspense.resolve",
    "upload.cancel",
    "upload.resume",
    "upload.start",
    "webhook.change",
    "webhook.confirm_token",
    "webhook.rotate_token",
]

ACTS: Mapping[Act, str] = {
    "balance.deposit": "money paid in was credited to the main balance",
    "balance.fund": "money moved from the main to the payout balance",
    "balance.defund": "money moved back from the payout to the main balance",
    "balance.withdraw_funds": "money was taken out of the main balance",
    "business.create": "the business was made",
    "business.set": "switches, review rules, limits or lifetimes were changed",
    "gift_cards.hold": "the stock is held, since the database was restored",
    "gift_cards.import": "gift cards were added to the stock",
    "gift_cards.release": "the stock that was held after a restore is delivered again",
    "gift_cards.void": "gift cards were taken out of the stock",
    "key.regenerate": "an API key was replaced; the old one stopped",
    "key.revoke": "every API key was stopped without new ones",
    "order.approve": "an order in review was let go",
    "order.cancel": "an order was taken back",
    "order.look_up": "an order was looked up at its rail at once",
    "order.reject": "an order was refused",
    "order.resume": "orders that waited were tried at once",
    "order.settle": "a person said how an order ended",
    "payout_user.activate": "a payout user was switched on",
    "payout_user.deactivate": "a payout user was switched off",
    "payout_user.revoke": "unspent money was taken back from a payout user",
    "payout_user.rotate_hash": "a payout user got a new hash; the old one stopped",
    "payout_user.rotate_hashes": "payout users got new hashes after a restore",
    "rail.accept_nonces": "a wallet's transactions made elsewhere were accepted",
    "rail.change": "limits, fees or settings of a rail account were changed",
    "rail.connect": "an account at a rail was connected or replaced",
    "rail.disable": "a rail account takes no more orders",
    "rail.disconnect": "a rail account was forgotten with its credentials",
    "rail.enable": "a rail account takes orders again",
    "rail.owner": "a rail said whose account it is",
    "rail.price": "a coin's price was set by hand",
    "suspense.resolve": "a person explained a suspense item",
    "upload.cancel": "what an upload had not paid yet stays unpaid",
    "upload.resume": "an upload that had stopped goes on",
    "upload.start": "an upload of allocations was confirmed",
    "webhook.change": "the webhook's URL, switch or events were changed",
    "webhook.confirm_token": "the webhook's new token signs from now on",
    "webhook.rotate_token": "the webhook got a new token, which waits to be confirmed",
}

InstallationAct = Literal[
    "operator.create", "operator.join", "operator.set_password", "secrets.rotate"
]
"""Acts that are no single business's."""

Alert = Literal[
    "float.low",
    "gift_cards.low",
    "gift_cards.sold_out",
    "ledger.broken",
    "order.cannot_be_booked",
    "order.changed_after_review",
    "order.contradicted_after_failure",
    "order.contradicted_after_success",
    "order.earlier_attempt_named",
    "order.needs_a_person",
    "order.not_funded",
    "order.paid_after_all",
    "order.waiting",
    "suspense.unexplained",
    "upload.stopped",
]
"""What was noticed and somebody should look at."""
