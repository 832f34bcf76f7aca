"""A business and the rules it may set. Amounts are US cents."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Business:
    id: UUID
    organization_id: UUID
    mode: str
    name: str
    hash_code: str
    payouts_enabled: bool
    withdrawals_enabled: bool
    review_amount: int | None
    review_first_use: bool
    review_shared_users: int | None
    review_velocity_orders: int | None
    review_velocity_amount: int | None
    review_rails: list[str]
    min_withdrawal: int
    max_withdrawal: int
    hash_lifetime_days: int | None
    balance_lifetime_days: int | None
    low_stock: int
    suspense_alert_hours: int
    second_person_amount: int | None
    created_at: datetime
    notify: bool = False
    brand_name: str | None = None
    brand_color: str | None = None
    brand_logo_digest: str | None = None
    """Of its logo, where it has one: SHA-256 in hex."""
    support_email: str | None = None
    language: str = "en"
    """In which payout users are written to who were never on the redemption page."""
    methods_off: list[str] = field(default_factory=list)
    reminder_days: list[int] = field(default_factory=list)
    expiry_notice_days: int = 14
    code_first: bool = False
    code_amount: int | None = None
    code_new_device: bool = False
    review_new_bank_account: bool = False
    bank_cooling_hours: int = 0

    @property
    def test(self) -> bool:
        return self.mode == "test"


DEFAULT_LIVE_REVIEW_AMOUNT = 50_000
"""Live orders from this many cents are reviewed unless the business says otherwise."""

DEFAULT_LIVE_BANK_COOLING_HOURS = 24
"""A live bank account is first paid so many hours after it was named unless the business says
otherwise."""

DEFAULT_LIVE_VELOCITY_ORDERS = 20
"""A payout user's live orders are reviewed from this many within 24 hours unless the business says
otherwise."""
