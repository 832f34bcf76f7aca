"""What a bank account's settings, their groups and their values are called on pages."""

from collections.abc import Mapping

from payviox.rails.bank.settings import Group

GROUPS: Mapping[Group, tuple[str, str]] = {
    "payer": ("Who pays", ""),
    "sepa": ("SEPA", "Payments in euros, by files of ISO 20022."),
    "ach": ("ACH", "Payments in US dollars, by files of NACHA."),
    "files": ("When files are cut, and what counts", ""),
    "release": ("How files get to the bank", ""),
    "rates": (
        "What a euro is worth",
        "Balances are dollars; a rate says what arrives in euros.",
    ),
}
"""Each group's title, and what to know of it."""

LABELS: Mapping[str, tuple[str, str]] = {
    "schemes": ("People are paid by", ""),
    "name": ("Payer's name", "As the bank knows it. ACH files have room for 16 characters."),
    "iban": ("IBAN", "Of the paying account."),
    "bic": ("BIC", "Empty, unless your bank asks for it."),
    "street": ("Street", "The payer's address: needed to pay outside of the EEA, else empty."),
    "postal_code": ("Postal code", ""),
    "city": ("City", ""),
    "country": ("Country", "Two letters, such as DE."),
    "sepa_format": ("Version of the files", "Your bank says which it takes."),
    "company_id": ("Company id", "Ten digits or letters that the bank assigned."),
    "originating_dfi": ("Bank's routing number", "Of the paying bank: nine digits."),
    "bank_name": ("Bank's name", "As files have it; may be empty."),
    "entry_description": ("Description", "What payees read beside the payer's name."),
    "account_number": (
        "Account number",
        "By which statements name the account where it has no IBAN.",
    ),
    "cut_at": (
        "Cut files at",
        "Times of a bank's working day, such as 09:30, 14:00; never: only by hand.",
    ),
    "cut_off": ("Cut-off", "Until when the bank takes files for the same day."),
    "check_float": ("Hold files to what the account has", ""),
    "success": ("An order succeeded once", ""),
    "release": ("Files are", ""),
    "sftp_host": ("Server", "Its name or address."),
    "sftp_port": ("Port", ""),
    "sftp_user": ("User", ""),
    "sftp_host_key": (
        "Server's public key",
        "Such as ssh-ed25519 AAAA…, as the bank gives it. No other server is believed.",
    ),
    "sftp_folder": ("Folder of files", "Where they are put."),
    "sftp_reports": (
        "Folder of reports",
        "Where the bank puts statements. Empty: somebody uploads them here.",
    ),
    "rate_source": ("Rates come from", ""),
    "spread": ("Spread", "Percent by which a euro is made dearer for its payee, such as 1.5."),
}
"""Each setting's label and hint."""

VALUES: Mapping[str, Mapping[str, str]] = {
    "schemes": {
        "sepa": "SEPA: to an IBAN, in euros",
        "ach": "ACH: to a US account, in dollars",
    },
    "sepa_format": {
        "pain.001.001.09": "pain.001.001.09, today's",
        "pain.001.001.03": "pain.001.001.03, for banks that still want it",
    },
    "check_float": {
        "yes": "Yes: a file comes to no more than the last statement leaves",
        "no": "No: the bank lends, or says no",
    },
    "success": {
        "booked": "a statement has booked it",
        "not_returned": "it is booked or accepted, and the days in which banks send back are over",
    },
    "release": {
        "download": "downloaded here, and uploaded at the bank by a person",
        "folder": "put into a folder, which a program of the bank empties",
        "sftp": "sent to the bank's SFTP server",
    },
    "rate_source": {
        "ecb": "the European Central Bank's daily file",
        "fixed": "what somebody of this installation says",
        "http": "a service that this installation asks",
    },
}
"""What the values of those with choices are called."""
