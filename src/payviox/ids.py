"""Identifiers: UUIDs of version 7 inside (they sort by time), prefixed text outside."""

from datetime import datetime
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7

new = uuid7
"""A fresh UUID, later than those before it."""


def new_text() -> str:
    """A fresh UUID as text, at a tenth of what making one and writing it costs."""
    return str(uuid_utils.uuid7())


BUSINESS = "biz"
USER = "usr"
ORDER = "ord"
EVENT = "evt"
DELIVERY = "dlv"
TRANSFER = "trf"
QUOTE = "quo"
SUSPENSE_ITEM = "sus"
PRODUCT = "prd"
GIFT_CARD = "crd"
KEY = "key"
OPERATOR = "op"
INVITATION = "inv"
AUDIT = "aud"
SESSION = "ses"
DEVICE = "dev"
PASSKEY = "psk"
APPROVAL = "apr"
REQUEST = "req"
UPLOAD = "upl"
CARD_IMPORT = "gci"
MAIL = "mail"
DESTINATION = "dst"
BANK_ACCOUNT = "bac"
BANK_FILE = "bfl"
BANK_IMPORT = "bim"
BANK_ENTRY = "ben"


def first_at(moment: datetime) -> UUID:
    """An id not later than any UUID of version 7 that is drawn at this moment or after it."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def show(prefix: str, value: UUID | str) -> str:
    """`("usr", UUID)` → `usr_018f…` with dashes."""
    return f"{prefix}_{value}"


def parse(prefix: str, text: str) -> UUID | None:
    """The UUID in `usr_<uuid>`, or None where the text is anything else."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != 36:
        return None
    try:
        value = UUID(tail)
    except ValueError:
        return None
    return value if str(value) == tail else None


def parse_number(prefix: str, text: str) -> int | None:
    """The number in `trf_123`, or None; for ids that are counted, not drawn."""
    head, _, tail = text.partition("_")
    if head != prefix or not tail.isascii() or not tail.isdigit() or len(tail) > 18:
        return None
    return int(tail)
