"""The rails of this installation, for the web process, which quotes and validates, and the worker,
which sends. A concrete rail is imported here and nowhere else.
"""

from payviox.auth.keyring import Keyring
from payviox.db.pool import Database
from payviox.giftcards import rail as stock
from payviox.rails.sandbox import SandboxRail
from payviox.withdrawals.routing import Rails, Route
from payviox.withdrawals.sandbox_books import SandboxBooks


def rails(database: Database, keyring: Keyring) -> Rails:
    """Live businesses have what is real; test businesses the sandbox, and the stock imported
    for them."""
    cards = stock.StockRail(database)
    sandbox = SandboxRail(SandboxBooks(database))
    return Rails(
        live=[Route("gift_card", cards)],
        test=[
            Route("paypal", sandbox),
            Route("crypto", sandbox),
            Route("gift_card", cards, stock.serves),
            Route("gift_card", sandbox),
        ],
    )
