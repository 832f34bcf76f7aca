"""PayPal's names of errors, and what each means for us, the account or the payout user. The names
are those of PayPal's list of payout errors; one that is missing here is not guessed at."""

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

_NO_ACCOUNT = "There is no PayPal account with this email address."
_BAD_EMAIL = "PayPal does not accept this email address."
_COUNTRY = "PayPal does not pay to the country or state of this PayPal account."
_CURRENCY = "This PayPal account does not accept US dollars."

FOR_THE_USER = {
    "APPROVER_DENIED": "The sender did not approve this payment.",
    "CLOSED_MARKET": "This PayPal account cannot receive payments from abroad.",
    "CURRENCY_COMPLIANCE": _CURRENCY,
    "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER": _CURRENCY,
    "GAMER_FAILED_COUNTRY_OF_RESIDENCE_CHECK": _COUNTRY,
    "INVALID_EMAIL": _BAD_EMAIL,
    "INVALID_EMAIL_ID": _BAD_EMAIL,
    "RECEIVER_ACCOUNT_LIMITATION": "This PayPal account is limited and cannot receive payments.",
    "RECEIVER_ACCOUNT_LOCKED": "This PayPal account is locked or inactive.",
    "RECEIVER_COUNTRY_NOT_ALLOWED": _COUNTRY,
    "RECEIVER_REFUSED": _CURRENCY,
    "RECEIVER_STATE_RESTRICTED": _COUNTRY,
    "RECEIVER_UNCONFIRMED": "This email address is not confirmed at PayPal.",
    "RECEIVER_UNREGISTERED": _NO_ACCOUNT,
    "RECEIVER_YOUTH_ACCOUNT": "This PayPal account is a youth account and cannot be paid to.",
    "RECEIVING_LIMIT_EXCEEDED": "This is more than this PayPal account may receive at present.",
    "REFUSED_RECEIVER_REFUSED": _CURRENCY,
    "REGULATORY_BLOCKED": "PayPal may not make this payment, for legal reasons.",
    "RISK_DECLINE": "PayPal declined this payment.",
    "SELF_PAY_NOT_ALLOWED": "This PayPal account is the sender's own.",
    "TRANSACTION_LIMIT_EXCEEDED": "This is more than PayPal lets one payment be.",
    "UNVERIFIED_RECIPIENT_NOT_SUPPORTED": "This PayPal account is not verified.",
    "ZERO_AMOUNT": "PayPal does not accept this amount.",
}

BAD_EMAIL = _BAD_EMAIL
BAD_AMOUNT = "PayPal does not accept this amount."
REFUSED = "PayPal did not make this payment."
NOT_NOW = "PayPal could not make this payment at this time."
BLOCKED = "PayPal blocked this payment."
NOT_CLAIMED = "The payment was not claimed at PayPal within 30 days and went back."
REFUNDED = "The payment was refunded at PayPal."
REVERSED = "PayPal took the payment back."
CANCELED = "The sender canceled this payment at PayPal."
