"""PayPal's names of errors, and what each means for us, the account or the payout user. The names
are those of PayPal's list of payout errors; one that is missing here is not guessed at."""

from collections.abc import Mapping

from payviox.rails.failures import Failure, FailureWords, failed, unknown_vendor_reason

FLOAT_EMPTY = frozenset({"INSUFFICIENT_FUNDS", "NEGATIVE_BALANCE"})
"""The sender's balance does not cover the payment: it waits until somebody pays in."""

ACCOUNT_RESTRICTED = frozenset(
    {
        "ACCOUNT_RESTRICTED",
        "ACCOUNT_UNCONFIRMED_EMAIL",
        "AUTHORIZATION_ERROR",
        "CIP_NOT_VERIFIED",
        "GAMER_FAILED_FUNDING_SOURCE_CHECK",
        "GAMING_INVALID_PAYMENT_FLOW",
        "NON_HOLDING_CURRENCY",
        "POS_LIMIT_EXCEEDED",
        "REFUSED_ACCESS_DENIED",
        "REFUSED_ACTION_DENIED",
        "SENDER_ACCOUNT_LOCKED",
        "SENDER_ACCOUNT_UNVERIFIED",
        "SENDER_EMAIL_UNCONFIRMED",
        "SENDER_LOCKED",
        "SENDER_RESTRICTED",
        "SENDER_STATE_RESTRICTED",
        "SPENDING_LIMIT_EXCEEDED",
        "THIRD_PARTY_CALLS_FORBIDDEN",
        "USER_COUNTRY_NOT_ALLOWED",
        "USER_FUNDING_SOURCE_INELIGIBLE",
    }
)
"""PayPal does not let the sender's account pay: no payout user can help it, the operator can."""

TRY_AGAIN = frozenset(
    {
        "DUPLICATE_ITEM",
        "INTERNAL_ERROR",
        "REQUEST_TIMEOUT_EXCEEDED",
        "TRANSACTION_DECLINED_BY_TRAVEL_RULE",
        "UNDEFINED",
    }
)
"""Of an item that failed: PayPal's advice is to send it again in a new batch."""

FAILURES: Mapping[str, Failure] = {
    "APPROVER_DENIED": "approver_denied",
    "CLOSED_MARKET": "foreign_payments_refused",
    "CURRENCY_COMPLIANCE": "currency_refused",
    "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER": "currency_refused",
    "GAMER_FAILED_COUNTRY_OF_RESIDENCE_CHECK": "country_refused",
    "INVALID_EMAIL": "bad_email",
    "INVALID_EMAIL_ID": "bad_email",
    "RECEIVER_ACCOUNT_LIMITATION": "payee_limited",
    "RECEIVER_ACCOUNT_LOCKED": "payee_locked",
    "RECEIVER_COUNTRY_NOT_ALLOWED": "country_refused",
    "RECEIVER_REFUSED": "currency_refused",
    "RECEIVER_STATE_RESTRICTED": "country_refused",
    "RECEIVER_UNCONFIRMED": "payee_email_unconfirmed",
    "RECEIVER_UNREGISTERED": "payee_unregistered",
    "RECEIVER_YOUTH_ACCOUNT": "payee_youth",
    "RECEIVING_LIMIT_EXCEEDED": "payee_receives_too_much",
    "REFUSED_RECEIVER_REFUSED": "currency_refused",
    "REGULATORY_BLOCKED": "legal_reasons",
    "RISK_DECLINE": "risk_declined",
    "SELF_PAY_NOT_ALLOWED": "self_pay",
    "TRANSACTION_LIMIT_EXCEEDED": "limit_of_one_payment",
    "UNVERIFIED_RECIPIENT_NOT_SUPPORTED": "payee_unverified",
    "ZERO_AMOUNT": "bad_amount",
}
"""Of a payment that failed for good: why, as the payout user reads it."""


def failure(name: str | None, otherwise: Failure) -> FailureWords:
    """The words of a failure by this error; one that PayPal does not document is logged."""
    known = FAILURES.get(name or "")
    if known is not None:
        return failed(known)
    return failed(otherwise) if name is None else unknown_vendor_reason("paypal", name, otherwise)
