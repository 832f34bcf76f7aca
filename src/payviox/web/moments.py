"""The moment that a balance is asked for, as every route of balances reads it."""

from datetime import datetime
from typing import Annotated

import msgspec

At = Annotated[
    datetime | None,
    msgspec.Meta(
        description="What was held at this moment (RFC 3339 with its zone), which is past by the"
        " database's clock; left out: what is held now"
    ),
]


class AtMoment(msgspec.Struct, kw_only=True):
    """When a balance is asked for."""

    at: At = None
