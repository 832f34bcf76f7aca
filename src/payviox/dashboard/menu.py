"""The menu: each page's path under a business, its name and its icon, in order."""

MENU = (
    ("", "Home", "house"),
    ("/balance", "Balance", "wallet"),
    ("/users", "Users", "users"),
    ("/orders", "Orders", "receipt-text"),
    ("/gift-cards", "Gift cards", "gift"),
    ("/reconciliation", "Reconciliation", "scale"),
    ("/webhooks", "Webhooks", "webhook"),
    ("/webhooks/logs", "Webhook logs", "list-checks"),
    ("/developer/keys", "API keys", "key-round"),
    ("/settings", "Settings", "settings"),
    ("/audit", "Audit log", "scroll-text"),
)


def entry_of(path: str) -> str | None:
    """The path of the entry to which a page under a business belongs: the longest that it is or
    lies below."""
    above = [
        entry for entry, *_ in MENU if path == entry or (entry and path.startswith(f"{entry}/"))
    ]
    return max(above, key=len, default=None)
