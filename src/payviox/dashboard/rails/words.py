"""What rails and their settings are called on pages, and a fee policy worked out as an example."""

from collections.abc import Mapping

import msgspec

from payviox.rail_accounts.model import RailName
from payviox.rails.fees import FeePolicy

EXAMPLE = 2_500
"""The amount of the worked example, in cents."""


class RailWords(msgspec.Struct, frozen=True):
    """`needs` is what somebody has to have at hand before connecting."""

    name: str
    pays: str
    needs: tuple[str, ...]


RAILS: Mapping[RailName, RailWords] = {
    "paypal": RailWords(
        "PayPal Payouts",
        "to PayPal accounts, by email",
        (
            "A PayPal business account with Payouts switched on.",
            "A REST app of it: its client id and its secret.",
            "To be told at once: a webhook of the app, at the address that is shown afterwards.",
        ),
    ),
    "tremendous": RailWords(
        "Tremendous",
        "gift cards that Tremendous sells",
        (
            "A Tremendous organization with money in it.",
            "An API key of it, and the id of the funding source that pays.",
            "To be told at once: a webhook, at the address that is shown afterwards.",
        ),
    ),
    "evm": RailWords(
        "Wallet on EVM chains",
        "native coins and stablecoins to wallets",
        (
            "A wallet that nothing else uses: a keystore file on this machine, or a signer.",
            "A node of each chain that it pays on.",
            "Coins in the wallet, also for the network's fees.",
        ),
    ),
    "bank": RailWords(
        "Bank account",
        "bank accounts, by files that your bank takes",
        (
            "A bank that takes SEPA credit transfers (pain.001) or ACH credits (NACHA) as files.",
            "The account's IBAN for SEPA; for ACH the company id that the bank assigned.",
            "Its statements as camt.053, by which payments are known to have been made.",
        ),
    ),
}
SETTINGS: Mapping[str, tuple[str, str]] = {
    "client_id": ("Client id", "Of the REST app."),
    "webhook_id": ("Webhook id", "Of the app's webhook: callbacks are verified by it."),
    "funding_source_id": ("Funding source", "The id of what orders are paid from."),
    "campaign_id": ("Campaign", "The id of the campaign that dresses the rewards."),
    "spread": ("Spread", "Percent by which a coin is made dearer for its payee."),
    "price_tolerance": (
        "Price tolerance",
        "Percent that a coin's price may move once its quote has expired.",
    ),
}
"""Settings that are typed on pages. Where an API is stays a command's business: whoever says that
is believed about what was paid."""
SECRETS: Mapping[str, tuple[str, str]] = {
    "sftp_key": (
        "User's private key",
        "All of its lines, without a passphrase. Empty: the one that was given before stays.",
    ),
    "sftp_password": (
        "User's password",
        "Where there is no key. Empty: the one that was given before stays.",
    ),
    "client_secret": ("Secret", "Of the REST app. It is stored encrypted and never shown."),
    "api_key": ("API key", "It is stored encrypted and never shown."),
    "webhook_key": (
        "Webhook's private key",
        "Callbacks are verified by it. Empty: the one that was given before stays.",
    ),
}
TYPED: Mapping[RailName, tuple[str, ...]] = {
    "bank": (),
    "paypal": ("client_id", "webhook_id"),
    "tremendous": ("funding_source_id", "campaign_id"),
    "evm": ("spread", "price_tolerance"),
}
"""What connecting, or changing, asks for of each rail; of a bank account bank_form.py knows it."""


class FeeExample(msgspec.Struct, frozen=True):
    """What of an amount becomes the fee, and what arrives; in cents."""

    amount: int
    fee: int
    net: int


def example(policy: FeePolicy) -> FeeExample:
    """The policy on $25.00; a fee above the amount leaves nothing."""
    fee = min(policy.of_amount(EXAMPLE), EXAMPLE)
    return FeeExample(EXAMPLE, fee, EXAMPLE - fee)
