"""What a test webhook tells of: an order that could have been, of no payout user."""

from uuid import UUID

from payviox import ids
from payviox.webhooks.events import EventType, OrderEvent


def sample(business_id: UUID, event_type: EventType) -> OrderEvent:
    """A PayPal payout of $50.00 with a fee; its ids are new each time, so that a receiver which
    deduplicates takes every test for a new one."""
    known_to_rail = event_type in ("payout.succeeded", "payout.failed", "payout.returned")
    return OrderEvent(
        business_id=business_id,
        type=event_type,
        order_id=ids.new(),
        rail_order_id="PP-TEST-0001" if known_to_rail else None,
        provider="paypal",
        payout_user_id=ids.new(),
        email="payout.user@example.com",
        amount=5_000,
        fees=50,
        net_amount=4_950,
        destination={"email": "payout.user@example.com"},
        details={},
        reason="This is a test." if event_type == "payout.rejected" else None,
        test_mode=True,
    )
