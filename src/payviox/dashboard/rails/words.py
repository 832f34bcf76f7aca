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
    "schemes": ("Schemes", "How people are paid: sepa, ach, or both, separated by a comma."),
    "name": ("Payer's name", "As files have it."),
    "iban": ("IBAN", "Of the paying account, for SEPA."),
    "bic": ("BIC", "Where the bank asks for it."),
    "street": ("Street", "The payer's address is needed to pay outside of the EEA."),
    "postal_code": ("Postal code", ""),
    "city": ("City", ""),
    "country": ("Country", "Two letters."),
    "company_id": ("Company id", "Ten characters that the bank assigned, for ACH."),
    "originating_dfi": ("Bank's routing number", "Of the paying bank, for ACH."),
    "bank_name": ("Bank's name", "In ACH files."),
    "entry_description": ("Description", "What ACH payees read beside the payer's name."),
    "account_number": ("Account number", "What statements call the account without an IBAN."),
    "sepa_format": ("SEPA format", "pain.001.001.09, or pain.001.001.03 where the bank wants it."),
    "success": (
        "An order succeeded once it is",
        "booked, by a statement; or not_returned within the days in which banks send back.",
    ),
    "cut_at": ("Cut files at", "Times of a banking day, such as 09:30, 14:00. Empty: by hand."),
    "cut_off": ("Cut-off", "Until when the bank takes files for the day, such as 15:00."),
    "check_float": ("Check the float", "yes: no file comes to more than the statement leaves."),
    "release": ("Files get to the bank by", "download, folder or sftp."),
    "sftp_host": ("SFTP server", "The bank's."),
    "sftp_port": ("SFTP port", "22 where it is empty."),
    "sftp_user": ("SFTP user", ""),
    "sftp_host_key": ("SFTP host key", "The server's public key. No other is believed."),
    "sftp_folder": ("SFTP folder", "Where files are put."),
    "sftp_reports": ("SFTP folder of reports", "Where the bank puts statements."),
    "spread": ("Spread", "Percent by which a coin is made dearer for its payee."),
    "price_tolerance": (
        "Price tolerance",
        "Percent that a coin's price may move once its quote has expired.",
    ),
}
"""Settings that are typed on pages. Where an API is stays a command's business: whoever says that
is believed about what was paid."""
SECRETS: Mapping[str, tuple[str, str]] = {
    "sftp_key": ("SFTP private key", "Empty: the one that was given before stays."),
    "sftp_password": ("SFTP password", "Empty: the one that was given before stays."),
    "client_secret": ("Secret", "Of the REST app. It is stored encrypted and never shown."),
    "api_key": ("API key", "It is stored encrypted and never shown."),
    "webhook_key": (
        "Webhook's private key",
        "Callbacks are verified by it. Empty: the one that was given before stays.",
    ),
}
TYPED: Mapping[RailName, tuple[str, ...]] = {
    "paypal": ("client_id", "webhook_id"),
    "tremendous": ("funding_source_id", "campaign_id"),
    "evm": ("spread", "price_tolerance"),
    "bank": (
        *("schemes", "name", "iban", "bic", "street", "postal_code", "city", "country"),
        *("company_id", "originating_dfi", "bank_name", "entry_description", "account_number"),
        *("sepa_format", "success", "cut_at", "cut_off", "check_float", "release"),
        *("sftp_host", "sftp_port", "sftp_user", "sftp_host_key", "sftp_folder", "sftp_reports"),
    ),
}
"""What connecting, or changing, asks for of each rail."""


class FeeExample(msgspec.Struct, frozen=True):
    """What of an amount becomes the fee, and what arrives; in cents."""

    amount: int
    fee: int
    net: int


def example(policy: FeePolicy) -> FeeExample:
    """The policy on $25.00; a fee above the amount leaves nothing."""
    fee = min(policy.of_amount(EXAMPLE), EXAMPLE)
    return FeeExample(EXAMPLE, fee, EXAMPLE - fee)
