"""A rail account's row, and what may be wanted of one. Amounts are US cents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from payviox.rails.fees import FeePolicy, Payer
from payviox.rails.protocol import Environment

RailName = Literal["paypal", "tremendous", "evm", "bank"]


@dataclass(frozen=True, slots=True)
class RailAccount:
    """One business's account at one rail, as it is stored: the credentials are encrypted with the
    secret key `key_id`."""

    business_id: UUID
    rail: RailName
    environment: Environment
    enabled: bool
    min_amount: int | None
    max_amount: int | None
    low_float: int | None
    fee_payer: Payer
    fee_percentage_bp: int
    fee_fixed: int
    fee_cap: int | None
    settings: dict[str, Any]
    credentials: bytes = field(repr=False)
    key_id: str
    created_at: datetime
    updated_at: datetime

    @property
    def fees(self) -> FeePolicy:
        return FeePolicy(self.fee_payer, self.fee_percentage_bp, self.fee_fixed, self.fee_cap)

    @property
    def place(self) -> str:
        """What the credentials' encryption is bound to."""
        return place(self.business_id, self.rail)


@dataclass(frozen=True, slots=True)
class Changes:
    """What of an account is to change: `columns` by name, and `settings`, of which None removes
    one. What is not named stays."""

    columns: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account that is to be connected: what is named of it, and its credentials."""

    business_id: UUID
    rail: RailName
    changes: Changes
    credentials: Mapping[str, str] = field(repr=False)


def place(business_id: UUID, rail: str) -> str:
    return f"rail_accounts:{business_id}:{rail}"
