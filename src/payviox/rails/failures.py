"""Why an order failed or came back: a closed set of names, each with its meaning, the payout user's
words and what to do. A rail names one; what a person wrote when settling by hand has no name."""

from collections.abc import Mapping
from typing import Literal, NewType

from payviox.event_log import EventLogger
from payviox.rails.reasons import Reason, Who

logger = EventLogger(__name__)

Failure = Literal[
    "approver_denied",
    "bad_amount",
    "bad_email",
    "bank_account_blocked",
    "bank_account_closed",
    "bank_account_refuses",
    "bank_account_unknown",
    "bank_amount_refused",
    "bank_called_back",
    "bank_file_refused",
    "bank_holder_differs",
    "bank_holder_refused",
    "bank_legal_reasons",
    "bank_needs_address",
    "bank_refused",
    "bank_returned",
    "bank_unreachable",
    "blocked",
    "country_refused",
    "currency_refused",
    "foreign_payments_refused",
    "gift_card_canceled",
    "gift_card_failed",
    "gift_card_gone",
    "gift_card_refused",
    "legal_reasons",
    "limit_of_one_payment",
    "network_refused",
    "network_refuses_address",
    "not_claimed",
    "not_now",
    "payee_email_unconfirmed",
    "payee_limited",
    "payee_locked",
    "payee_receives_too_much",
    "payee_unregistered",
    "payee_unverified",
    "payee_youth",
    "price_moved",
    "refunded",
    "refused",
    "replaced",
    "reversed",
    "risk_declined",
    "sandbox_failed",
    "sandbox_returned",
    "self_pay",
    "sender_canceled",
]
"""Why an order failed or came back; the payout user reads its words (`reason`)."""

FailureWords = NewType("FailureWords", str)
"""What a payout user reads of an order that failed or came back."""


def _failed(meaning: str, recipient: str, advice: str, who: Who = "payout_user") -> Reason:
    return Reason(meaning, recipient, advice, who, "final")


_ANOTHER = "Withdraw to another account."
_ANOTHER_BANK = "Withdraw to another bank account, or in another way."
_ASK_RAIL = "Ask the rail with the attempt's reference."
_NO_MORE = "Nothing: the money is back on the balance."

FAILURES: Mapping[Failure, Reason] = {
    "approver_denied": _failed(
        "The payment was not approved at PayPal.",
        "The sender did not approve this payment.",
        "Approve payments at PayPal.",
        "operator",
    ),
    "bad_amount": _failed(
        "PayPal refuses the amount.", "PayPal does not accept this amount.", "Withdraw another one."
    ),
    "bad_email": _failed(
        "PayPal refuses the email address.",
        "PayPal does not accept this email address.",
        "Correct the address and withdraw again.",
    ),
    "bank_account_blocked": _failed(
        "The payee's account is blocked or frozen.",
        "This bank account is blocked and cannot receive payments.",
        _ANOTHER_BANK,
    ),
    "bank_account_closed": _failed(
        "The payee's account is closed.", "This bank account is closed.", _ANOTHER_BANK
    ),
    "bank_account_refuses": _failed(
        "The payee's account takes no payments of this kind.",
        "This bank account does not accept payments of this kind.",
        _ANOTHER_BANK,
    ),
    "bank_account_unknown": _failed(
        "The payee's bank has no account with this number.",
        "There is no bank account with this number.",
        "Correct the account's number and withdraw again.",
    ),
    "bank_amount_refused": _failed(
        "A bank does not take the amount.",
        "The bank does not accept this amount.",
        "Withdraw another one.",
    ),
    "bank_called_back": _failed(
        "The payment was called back at the bank.",
        "The sender called this payment back at the bank.",
        "Ask who called it back at the bank; withdraw again.",
        "operator",
    ),
    "bank_file_refused": _failed(
        "The bank does not accept the file, or the paying account.",
        "The sender's bank did not accept this payment.",
        "Ask the bank with the code of its answer, then withdraw again.",
        "operator",
    ),
    "bank_holder_differs": _failed(
        "The account belongs to somebody else than the name says.",
        "This bank account has another holder's name.",
        "Correct the name and withdraw again.",
    ),
    "bank_holder_refused": _failed(
        "The account's holder sent the payment back.",
        "The payment was sent back by the holder of the bank account.",
        _NO_MORE,
    ),
    "bank_legal_reasons": _failed(
        "A bank may not make the payment.",
        "The bank may not make this payment, for legal reasons.",
        _ANOTHER_BANK,
    ),
    "bank_needs_address": _failed(
        "The payee's bank asks for the payee's full name and address.",
        "The bank asks for the full name and address of the account's holder.",
        "Give the name and the address and withdraw again.",
    ),
    "bank_refused": _failed(
        "The bank refused the payment for a reason that it does not explain.",
        "The bank did not make this payment.",
        "Ask the bank with the code of its answer.",
        "operator",
    ),
    "bank_returned": _failed(
        "The payee's bank sent the payment back for a reason that it does not explain.",
        "The bank sent this payment back.",
        _ANOTHER_BANK,
    ),
    "bank_unreachable": _failed(
        "The payee's bank does not take payments of this scheme.",
        "This bank cannot be paid in this way.",
        _ANOTHER_BANK,
    ),
    "blocked": _failed(
        "PayPal blocked the payment.", "PayPal blocked this payment.", _ASK_RAIL, "operator"
    ),
    "country_refused": _failed(
        "PayPal does not pay to the payee's country or state.",
        "PayPal does not pay to the country or state of this PayPal account.",
        _ANOTHER,
    ),
    "currency_refused": _failed(
        "The payee's account takes no US dollars.",
        "This PayPal account does not accept US dollars.",
        "Accept US dollars at PayPal, or withdraw to another account.",
    ),
    "foreign_payments_refused": _failed(
        "The payee's account takes nothing from abroad.",
        "This PayPal account cannot receive payments from abroad.",
        _ANOTHER,
    ),
    "gift_card_canceled": _failed(
        "The gift card was canceled at its seller.",
        "The gift card was canceled by its seller.",
        "Buy another one, or ask the seller.",
    ),
    "gift_card_failed": _failed(
        "The seller could not order the gift card.",
        "The gift card could not be ordered.",
        "Try again, or choose another one.",
    ),
    "gift_card_gone": _failed(
        "The product is not in the stock any more.",
        "This gift card does not exist any more.",
        "Choose another one.",
    ),
    "gift_card_refused": _failed(
        "The seller refused the order.",
        "The gift card was refused by its seller.",
        "Choose another one; the attempt's evidence has the seller's words.",
    ),
    "legal_reasons": _failed(
        "PayPal may not make the payment.",
        "PayPal may not make this payment, for legal reasons.",
        _ANOTHER,
    ),
    "limit_of_one_payment": _failed(
        "The amount is above PayPal's limit of one payment.",
        "This is more than PayPal lets one payment be.",
        "Withdraw less at once.",
    ),
    "network_refused": _failed(
        "The transaction was mined and reverted.",
        "The network refused the payment.",
        "Try again, or withdraw to another address.",
    ),
    "network_refuses_address": _failed(
        "The transaction would revert: the address takes no payment.",
        "The network refuses a payment to this address.",
        "Withdraw to another address.",
    ),
    "not_claimed": _failed(
        "Nobody claimed the payment within 30 days.",
        "The payment was not claimed at PayPal within 30 days and went back.",
        "Withdraw to an address that has a PayPal account.",
    ),
    "not_now": _failed(
        "PayPal failed at every attempt.",
        "PayPal could not make this payment at this time.",
        "Withdraw again later.",
    ),
    "payee_email_unconfirmed": _failed(
        "The payee has not confirmed the address at PayPal.",
        "This email address is not confirmed at PayPal.",
        "Confirm the address at PayPal, then withdraw again.",
    ),
    "payee_limited": _failed(
        "PayPal has limited the payee's account.",
        "This PayPal account is limited and cannot receive payments.",
        _ANOTHER,
    ),
    "payee_locked": _failed(
        "The payee's account is locked or inactive.",
        "This PayPal account is locked or inactive.",
        _ANOTHER,
    ),
    "payee_receives_too_much": _failed(
        "The payee's account may not receive so much now.",
        "This is more than this PayPal account may receive at present.",
        "Withdraw less, or later.",
    ),
    "payee_unregistered": _failed(
        "The payee has no PayPal account.",
        "There is no PayPal account with this email address.",
        "Open a PayPal account with this address, or withdraw to another.",
    ),
    "payee_unverified": _failed(
        "The payee's account is not verified.",
        "This PayPal account is not verified.",
        "Verify the account at PayPal, then withdraw again.",
    ),
    "payee_youth": _failed(
        "The payee's account is a youth account.",
        "This PayPal account is a youth account and cannot be paid to.",
        _ANOTHER,
    ),
    "price_moved": _failed(
        "The coin's price left the tolerance between quote and payment.",
        "The price changed before the payment could be sent. Please ask for a new quote.",
        "Ask for a new quote.",
    ),
    "refunded": _failed(
        "The payee sent the payment back.", "The payment was refunded at PayPal.", _NO_MORE
    ),
    "refused": _failed(
        "PayPal refused the payment for a reason that it does not explain to us.",
        "PayPal did not make this payment.",
        "Ask PayPal with the error in the attempt's evidence.",
        "operator",
    ),
    "replaced": _failed(
        "Another transaction of the wallet used the payment's nonce.",
        "The payment was replaced by another transaction of the paying wallet.",
        "Find out who else uses the wallet.",
        "operator",
    ),
    "reversed": _failed("PayPal reversed the payment.", "PayPal took the payment back.", _NO_MORE),
    "risk_declined": _failed(
        "PayPal's risk check declined the payment.", "PayPal declined this payment.", _ANOTHER
    ),
    "sandbox_failed": _failed(
        "The sandbox was asked for this ending.",
        "The sandbox was told to fail this payment.",
        _NO_MORE,
        "nobody",
    ),
    "sandbox_returned": _failed(
        "The sandbox was asked for this ending.",
        "The sandbox was told to return this payment.",
        _NO_MORE,
        "nobody",
    ),
    "self_pay": _failed(
        "The payee is the sending account itself.",
        "This PayPal account is the sender's own.",
        _ANOTHER,
    ),
    "sender_canceled": _failed(
        "Somebody canceled the payment at PayPal.",
        "The sender canceled this payment at PayPal.",
        "Ask who canceled it at PayPal; withdraw again.",
        "operator",
    ),
}

UNEXPLAINED: frozenset[Failure] = frozenset({"refused", "bank_refused", "bank_returned"})
"""What stands for a vendor's reasons that nobody has documented."""

_BY_WORDS: dict[str, Failure] = {reason.recipient: name for name, reason in FAILURES.items()}


def failure(words: str) -> Failure | None:
    """The reason that has these words; None where a person wrote them."""
    return _BY_WORDS.get(words)


def failed(name: Failure) -> FailureWords:
    """The words of a failure, as the payout user reads them."""
    return FailureWords(FAILURES[name].recipient)


def unknown_vendor_reason(rail: str, word: str | None, otherwise: Failure) -> FailureWords:
    """The words of a failure whose reason the vendor does not document; its word is logged."""
    logger.warning("unknown reason of a rail", rail=rail, reason=word, shown_as=otherwise)
    return failed(otherwise)
