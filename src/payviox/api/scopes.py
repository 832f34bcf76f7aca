"""Which scope each of a business's routes needs of a restricted key. What is not in the table, or
needs None, is for the secret key alone."""

from collections.abc import Mapping

from payviox.auth.restrictions import Scope

NEEDED: Mapping[str, Scope | None] = {
    "GET /balance": "read",
    "GET /payout/accounts": "reports",
    "POST /payout/fund": None,
    "POST /payout/defund": None,
    "POST /payout/create": "allocate",
    "POST /payout/batch": "allocate",
    "GET /payout/users": "read",
    "GET /payout/users/{id}": "read",
    "POST /payout/users/{id}/deactivate": "decide",
    "POST /payout/users/{id}/activate": "decide",
    "POST /payout/users/{id}/revoke": "decide",
    "PUT /payout/users/{id}/tax-note": None,
    "POST /payout/users/{id}/rotate-hash": "hashes",
    "POST /payout/users/{id}/redeem-link": "hashes",
    "GET /payout/orders": "read",
    "GET /payout/orders/{id}": "read",
    "POST /payout/orders/{id}/approve": "decide",
    "POST /payout/orders/{id}/reject": "decide",
    "POST /payout/orders/{id}/cancel": "decide",
    "GET /payout/history": "read",
    "GET /payout/statement": "reports",
    "GET /payout/audit": "reports",
    "GET /payout/taxes": "reports",
    "GET /payout/events": "read",
    "GET /payout/events/{id}": "read",
    "POST /payout/events/{id}/redeliver": "webhooks",
    "GET /payout/keys": None,
    "POST /payout/keys": None,
    "PUT /payout/keys/{id}": None,
    "POST /payout/keys/{id}/revoke": None,
    "GET /payout/webhook": "webhooks",
    "PUT /payout/webhook": "webhooks",
    "POST /payout/webhook/test": "webhooks",
    "POST /payout/webhook/rotate-token": "webhooks",
}
"""By method and path, with `{id}` where the path holds one."""


def needed(method: str, path_template: str) -> Scope | None:
    """The scope of a route as the framework names it, HEAD as GET."""
    return NEEDED.get(f"{method} {path_template}")


def sentence(method: str, path_template: str) -> str:
    """What the route needs, as its documentation says it."""
    scope = needed(method, path_template)
    return f"Restricted keys need the scope `{scope}`." if scope else "Restricted keys may not."
