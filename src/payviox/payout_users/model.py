"""A payout user as a business sees them. Balances are US cents; no hash or digest is ever here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Status = Literal["active", "inactive"]


class PayoutUser(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    status: Status
    balance: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Hashes:
    """How many payout users of a business have a hash that works, and when one was last renewed."""

    business_id: UUID
    count: int
    renewed_at: datetime


class HashSource(msgspec.Struct, frozen=True):
    """What a payout user's hash is made from: the business's code, the generation that is current,
    and the name of the server key under which its digest is stored."""

    hash_code: str
    hash_generation: int
    hash_key_id: str
