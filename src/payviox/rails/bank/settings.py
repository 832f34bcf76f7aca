"""Which settings a business's account at a bank has, each once: commands, pages and whatever reads
them go by this table. Pure."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from payviox.rails.bank.model import Scheme
from payviox.rails.bank.writing import FORMATS

Success = Literal["booked", "not_returned"]
Release = Literal["download", "folder", "sftp"]
RateSource = Literal["ecb", "fixed", "http"]
"""One of `payviox.rates.model.SOURCES`."""

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
SUCCESSES: tuple[Success, ...] = get_args(Success)
RELEASES: tuple[Release, ...] = get_args(Release)
RATE_SOURCES: tuple[RateSource, ...] = get_args(RateSource)
SWITCH = ("yes", "no")
NEVER = "never"

Group = Literal["payer", "sepa", "ach", "files", "release", "rates"]
"""What belongs together where somebody is asked for it."""


class Setting(msgspec.Struct, frozen=True):
    """One thing that may be said of an account. `choices` are all that it may be, several of them
    where it is `several`, separated by commas; `default` is what counts where nothing is said;
    `only` is the scheme or the way of handing over without which it says nothing."""

    group: Group
    meaning: str
    default: str = ""
    choices: tuple[str, ...] = ()
    only: Scheme | Release | None = None
    several: bool = False
    optional: bool = True
    kind: Literal["text", "percentage"] = "text"


SETTINGS: Mapping[str, Setting] = {
    "schemes": Setting(
        "payer",
        "how people are paid: sepa, ach, or both",
        choices=SCHEMES,
        several=True,
        optional=False,
    ),
    "name": Setting("payer", "the payer's name, as files have it", optional=False),
    "iban": Setting("sepa", "the paying account's IBAN, for SEPA", only="sepa"),
    "bic": Setting("sepa", "its bank's BIC, where the bank asks for it", only="sepa"),
    "street": Setting("sepa", "the payer's street, for payees outside of the EEA", only="sepa"),
    "postal_code": Setting("sepa", "the payer's postal code", only="sepa"),
    "city": Setting("sepa", "the payer's city", only="sepa"),
    "country": Setting("sepa", "the payer's country, two letters", only="sepa"),
    "sepa_format": Setting(
        "sepa",
        "pain.001.001.09 or, for banks that want it, pain.001.001.03",
        FORMATS["sepa"][0],
        FORMATS["sepa"],
        only="sepa",
    ),
    "company_id": Setting("ach", "what the bank calls the payer in ACH files", only="ach"),
    "originating_dfi": Setting("ach", "the paying bank's routing number, for ACH", only="ach"),
    "bank_name": Setting("ach", "the paying bank's name in ACH files", only="ach"),
    "entry_description": Setting(
        "ach", "what ACH payees read beside the payer's name", "PAYOUT", only="ach"
    ),
    "account_number": Setting(
        "ach", "what statements call the account, where it has no IBAN", only="ach"
    ),
    "cut_at": Setting("files", "times of a bank's working day at which files are cut", NEVER),
    "cut_off": Setting(
        "files", "until when the bank takes files for the day, such as 15:00", "15:00"
    ),
    "check_float": Setting(
        "files", "no file comes to more than the statement leaves: yes or no", "yes", SWITCH
    ),
    "success": Setting(
        "files",
        "an order succeeded once it is booked, or not_returned in time",
        SUCCESSES[0],
        SUCCESSES,
    ),
    "release": Setting(
        "release",
        "how files get to the bank: download, folder or sftp",
        RELEASES[0],
        RELEASES,
    ),
    "sftp_host": Setting("release", "the bank's SFTP server", only="sftp"),
    "sftp_port": Setting("release", "its port", "22", only="sftp"),
    "sftp_user": Setting("release", "the user there", only="sftp"),
    "sftp_host_key": Setting(
        "release", "the server's public key: no other is believed", only="sftp"
    ),
    "sftp_folder": Setting("release", "where files are put there", ".", only="sftp"),
    "sftp_reports": Setting("release", "where the bank puts statements there", only="sftp"),
    "rate_source": Setting(
        "rates",
        "who says what a euro is worth: ecb, fixed or http",
        RATE_SOURCES[0],
        RATE_SOURCES,
        only="sepa",
    ),
    "spread": Setting(
        "rates",
        "percent by which a euro is made dearer for its payee",
        "0",
        only="sepa",
        kind="percentage",
    ),
}
