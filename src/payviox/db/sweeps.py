"""What a sweep over all businesses goes out from."""

from typing import LiteralString

EACH_BUSINESS: LiteralString = (
    "businesses b JOIN accounts home"
    " ON home.business_id = b.id AND home.kind = 'payout' AND home.kind <> 'user'"
)
"""Each business `b` with its payout account `home`, which stands where all else of the business
does: so what is asked of `home.business_id` is asked there. `home.kind <> 'user'` is the index's.
"""
