"""Made by `make clients` from the OpenAPI document: do not edit."""

# mypy: disable-error-code="no-any-return"
from datetime import datetime
from typing import Literal

from payviox_client import models
from payviox_client._transport import NULL, OMIT, AsyncCaller, Omit
from payviox_client.listing import AsyncListing


class AsyncBusinessCalls(AsyncCaller):
    """Every call of a business, which is known by its secret key.

    Amounts are in US cents, times are RFC 3339 in UTC.
    """

    async def create_payout(
        self,
        *,
        email: str,
        amount: int,
        notify: bool | None = None,
        idempotency_key: str | None = None,
    ) -> models.Created:
        """Pay a person by email.

        Creates the payout user or adds to an existing one, and debits the payout balance: all
        or nothing. Without an Idempotency-Key the same call twice adds twice. Restricted keys
        need the scope `allocate`.

        `email`: an email address
        `amount`: US cents
        `notify`: whether they get a mail; left out, as the business has set it
        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            "/payout/create", {"email": email, "amount": amount, "notify": notify}, idempotency_key
        )

    async def get_balance(self, *, at: datetime | str | None = None) -> models.Balances:
        """Main and payout balance, now or `at` a moment.

        At a moment a balance is what the last transfer recorded until then left. An answer
        about the last seconds may still change, by what is being recorded right now. Restricted
        keys need the scope `read`.

        `at`: what was held at this moment (RFC 3339 with its zone), which is past by the
            database's clock; left out: what is held now
        """
        return await self._get("/balance", {"at": at})

    async def list_accounts(self, *, at: datetime | str | None = None) -> models.Accounts:
        """Every account, now or `at` a moment: a trial balance, which comes to zero.

        `payout_users` is what the other accounts leave to zero; that it is the sum of theirs is
        checked by the operator's `payviox ledger verify`, not here. Restricted keys need the
        scope `reports`.

        `at`: what was held at this moment (RFC 3339 with its zone), which is past by the
            database's clock; left out: what is held now
        """
        return await self._get("/payout/accounts", {"at": at})

    async def fund(self, *, amount: int, idempotency_key: str | None = None) -> models.Balances:
        """Move money from the main to the payout balance.

        Restricted keys may not.

        `amount`: US cents
        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post("/payout/fund", {"amount": amount}, idempotency_key)

    async def defund(self, *, amount: int, idempotency_key: str | None = None) -> models.Balances:
        """Move money back from the payout to the main balance.

        Restricted keys may not.

        `amount`: US cents
        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post("/payout/defund", {"amount": amount}, idempotency_key)

    async def pay_batch(
        self,
        *,
        items: list[models.BatchItem],
        mode: Literal["all_or_nothing", "each"] | None = None,
        idempotency_key: str | None = None,
    ) -> models.BatchResults:
        """Pay up to 10,000 people in one call.

        Each item gets a result of its own, in order: a hash, field errors, or an error. In mode
        `each` what can be paid is paid, in chunks of 1,000, one commit each: a call that was
        cut off is completed by repeating it with its Idempotency-Key. In mode `all_or_nothing`
        one refused item means that nothing is paid. The body may have up to 4 MB. Restricted
        keys need the scope `allocate`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post("/payout/batch", {"items": items, "mode": mode}, idempotency_key)

    def list_users(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        email: str | None = None,
        status: Literal["active", "inactive"] | None = None,
        at: datetime | str | None = None,
    ) -> AsyncListing[models.PayoutUserView, models.ListedPayoutUserView]:
        """List payout users, newest first, with what they have or had `at` a moment.

        Restricted keys need the scope `read`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        `email`: an email address
        `at`: what was held at this moment (RFC 3339 with its zone), which is past by the
            database's clock; left out: what is held now
        """
        return self._list(
            "/payout/users",
            {"after": after, "limit": limit, "email": email, "status": status, "at": at},
            "data",
        )

    async def get_user(
        self, user_id: str, *, at: datetime | str | None = None
    ) -> models.PayoutUserView:
        """One payout user, with what they have or had `at` a moment.

        Restricted keys need the scope `read`.

        `at`: what was held at this moment (RFC 3339 with its zone), which is past by the
            database's clock; left out: what is held now
        """
        return await self._get(f"/payout/users/{self._quoted(user_id)}", {"at": at})

    async def deactivate_user(
        self, user_id: str, *, idempotency_key: str | None = None
    ) -> models.PayoutUserView:
        """Deactivate a payout user.

        Their hash opens nothing and nothing can be paid to them until they are activated again.
        Orders that are open go on. Restricted keys need the scope `decide`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/users/{self._quoted(user_id)}/deactivate", {}, idempotency_key
        )

    async def activate_user(
        self, user_id: str, *, idempotency_key: str | None = None
    ) -> models.PayoutUserView:
        """Activate a payout user.

        Restricted keys need the scope `decide`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/users/{self._quoted(user_id)}/activate", {}, idempotency_key
        )

    async def rotate_hash(
        self, user_id: str, *, idempotency_key: str | None = None
    ) -> models.NewHash:
        """Give a payout user a new hash.

        The old one stops at once. Every later payment to them answers the new one. Restricted
        keys need the scope `hashes`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/users/{self._quoted(user_id)}/rotate-hash", {}, idempotency_key
        )

    async def make_redeem_link(
        self, user_id: str, *, idempotency_key: str | None = None
    ) -> models.RedeemLink:
        """Make a link that opens a payout user's redemption page once.

        It opens within ten minutes, for somebody who is signed in at the business already: send
        them there at once, and mail it to nobody. Restricted keys need the scope `hashes`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/users/{self._quoted(user_id)}/redeem-link", {}, idempotency_key
        )

    async def revoke_balance(
        self, user_id: str, *, amount: int, idempotency_key: str | None = None
    ) -> models.Revoked:
        """Take unspent money back from a payout user.

        It goes to the payout balance. What an open order has reserved is out of reach.
        Restricted keys need the scope `decide`.

        `amount`: US cents
        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/users/{self._quoted(user_id)}/revoke", {"amount": amount}, idempotency_key
        )

    def list_orders(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        status: Literal[
            "canceled",
            "created",
            "failed",
            "queued",
            "rejected",
            "returned",
            "review",
            "sending",
            "sent",
            "succeeded",
            "unknown",
        ]
        | None = None,
        provider: Literal["bank", "crypto", "gift_card", "paypal"] | None = None,
        user: str | None = None,
    ) -> AsyncListing[models.BusinessOrderView, models.ListedBusinessOrderView]:
        """List payout orders, newest first.

        Restricted keys need the scope `read`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        `user`: A payout user's id
        """
        return self._list(
            "/payout/orders",
            {"after": after, "limit": limit, "status": status, "provider": provider, "user": user},
            "data",
        )

    async def get_order(self, order_id: str) -> models.BusinessOrderView:
        """One payout order.

        Restricted keys need the scope `read`.
        """
        return await self._get(f"/payout/orders/{self._quoted(order_id)}")

    async def approve_order(
        self, order_id: str, *, idempotency_key: str | None = None
    ) -> models.BusinessOrderView:
        """Approve an order that is in review.

        It is sent for exactly the amount and the destination that it has now. The amount counts
        against a restricted key's limits. Restricted keys need the scope `decide`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/orders/{self._quoted(order_id)}/approve", {}, idempotency_key
        )

    async def reject_order(
        self, order_id: str, *, note: str | None = None, idempotency_key: str | None = None
    ) -> models.BusinessOrderView:
        """Reject an order that is in review or queued.

        The money goes back to the payout user, and the note into the webhook. Restricted keys
        need the scope `decide`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/orders/{self._quoted(order_id)}/reject", {"note": note}, idempotency_key
        )

    async def cancel_order(
        self, order_id: str, *, idempotency_key: str | None = None
    ) -> models.BusinessOrderView:
        """Cancel an order that was not sent yet, or that nobody has claimed.

        What was not sent goes back to the payout user at once. What waits to be claimed
        (`unclaimed`) is still `sent` in the answer, `taking_back`, until the provider has given
        it back. Restricted keys need the scope `decide`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/orders/{self._quoted(order_id)}/cancel", {}, idempotency_key
        )

    def list_history(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        kind: Literal[
            "adjustment",
            "allocation",
            "cost",
            "defund",
            "deposit",
            "expiry",
            "fee",
            "fee_return",
            "fund",
            "funds_withdrawal",
            "paid_after_all",
            "release",
            "reserve",
            "return",
            "revocation",
            "settle",
            "suspense",
        ]
        | None = None,
        user: str | None = None,
        order: str | None = None,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
    ) -> AsyncListing[models.Movement, models.ListedMovement]:
        """Every movement of the business's money, newest first.

        With `Accept: text/csv` or `format=csv` everything that matches comes as one file
        (UTF-8), and `limit` does not count. In it texts are quoted, and one that a spreadsheet
        would take for a formula starts with an apostrophe. Restricted keys need the scope
        `read`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        `user`: A payout user's id
        `order`: an order's id
        `from_`: from this time on (RFC 3339)
        `to`: before this time (RFC 3339)
        """
        return self._list(
            "/payout/history",
            {
                "after": after,
                "limit": limit,
                "kind": kind,
                "user": user,
                "order": order,
                "from": from_,
                "to": to,
            },
            "data",
        )

    async def export_history(
        self,
        *,
        kind: Literal[
            "adjustment",
            "allocation",
            "cost",
            "defund",
            "deposit",
            "expiry",
            "fee",
            "fee_return",
            "fund",
            "funds_withdrawal",
            "paid_after_all",
            "release",
            "reserve",
            "return",
            "revocation",
            "settle",
            "suspense",
        ]
        | None = None,
        user: str | None = None,
        order: str | None = None,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
    ) -> str:
        """Every movement of the business's money, newest first. All that matches, as one CSV file.

        With `Accept: text/csv` or `format=csv` everything that matches comes as one file
        (UTF-8), and `limit` does not count. In it texts are quoted, and one that a spreadsheet
        would take for a formula starts with an apostrophe. Restricted keys need the scope
        `read`.

        `user`: A payout user's id
        `order`: an order's id
        `from_`: from this time on (RFC 3339)
        `to`: before this time (RFC 3339)
        """
        return await self._get_text(
            "/payout/history", {"kind": kind, "user": user, "order": order, "from": from_, "to": to}
        )

    async def get_statement(
        self,
        *,
        from_: datetime | str,
        to: datetime | str,
        after: str | None = None,
        limit: int | None = None,
        account: Literal["main", "payout"] | None = None,
        user: str | None = None,
    ) -> models.Statement:
        """An account's statement between two moments, oldest movement first.

        Opening and every movement come to the closing balance, whatever `limit` shows of them.
        Restricted keys need the scope `reports`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        `user`: A payout user's id: their account instead
        `from_`: from this moment on (RFC 3339)
        `to`: before this moment, which is past
        """
        return await self._get(
            "/payout/statement",
            {
                "after": after,
                "limit": limit,
                "account": account,
                "user": user,
                "from": from_,
                "to": to,
            },
        )

    def list_statement(
        self,
        *,
        from_: datetime | str,
        to: datetime | str,
        after: str | None = None,
        limit: int | None = None,
        account: Literal["main", "payout"] | None = None,
        user: str | None = None,
    ) -> AsyncListing[models.Line, models.Statement]:
        """An account's statement between two moments, oldest movement first. One entry after
        another, over all pages.

        Opening and every movement come to the closing balance, whatever `limit` shows of them.
        Restricted keys need the scope `reports`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        `user`: A payout user's id: their account instead
        `from_`: from this moment on (RFC 3339)
        `to`: before this moment, which is past
        """
        return self._list(
            "/payout/statement",
            {
                "after": after,
                "limit": limit,
                "account": account,
                "user": user,
                "from": from_,
                "to": to,
            },
            "data",
        )

    def list_tax_facts(
        self,
        *,
        year: int,
        after: str | None = None,
        limit: int | None = None,
        at_least: int | None = None,
    ) -> AsyncListing[models.TaxFacts, models.ListedTaxFacts]:
        """What was paid to whom in a calendar year (UTC).

        An order counts in the year in which it succeeded; what was returned of it since is
        taken off there. People come in the order of their ids. These are facts from the ledger,
        no tax advice, and nothing is filed. Restricted keys need the scope `reports`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        `year`: A calendar year in UTC
        `at_least`: US cents
        """
        return self._list(
            "/payout/taxes",
            {"after": after, "limit": limit, "year": year, "at_least": at_least},
            "data",
        )

    async def set_tax_note(
        self,
        user_id: str,
        *,
        state: Literal["exempt", "missing", "vat", "w8", "w9"],
        note: str | None = None,
    ) -> models.TaxNote:
        """Note a payout user's tax state, in place of what was noted before.

        Restricted keys may not.
        """
        return await self._put(
            f"/payout/users/{self._quoted(user_id)}/tax-note", {"state": state, "note": note}
        )

    def list_events(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        type: Literal[
            "payout.canceled",
            "payout.created",
            "payout.failed",
            "payout.processing",
            "payout.rejected",
            "payout.returned",
            "payout.succeeded",
        ]
        | None = None,
        order: str | None = None,
    ) -> AsyncListing[models.Event, models.ListedEvent]:
        """Events, newest first, with their delivery and its last four attempts.

        Restricted keys need the scope `read`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        """
        return self._list(
            "/payout/events", {"after": after, "limit": limit, "type": type, "order": order}, "data"
        )

    async def get_event(self, event_id: str) -> models.Event:
        """One event with its delivery and its last hundred attempts.

        Restricted keys need the scope `read`.
        """
        return await self._get(f"/payout/events/{self._quoted(event_id)}")

    async def redeliver_event(
        self, event_id: str, *, idempotency_key: str | None = None
    ) -> models.Queued:
        """Deliver an event again, or for the first time: up to four attempts from now on, under
        the same `webhook-id`.

        Restricted keys need the scope `webhooks`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/events/{self._quoted(event_id)}/redeliver", {}, idempotency_key
        )

    async def set_webhook(
        self,
        *,
        url: str | Omit | None = OMIT,
        enabled: bool | None = None,
        events: list[
            Literal[
                "payout.canceled",
                "payout.created",
                "payout.failed",
                "payout.processing",
                "payout.rejected",
                "payout.returned",
                "payout.succeeded",
            ]
        ]
        | None = None,
    ) -> models.Webhook:
        """Set the webhook's URL, switch and events. The first time its token is made and shown.

        Restricted keys need the scope `webhooks`.
        """
        return await self._put(
            "/payout/webhook",
            {"url": NULL if url is None else url, "enabled": enabled, "events": events},
        )

    async def get_webhook(self) -> models.Webhook:
        """The webhook's settings, without its token.

        Restricted keys need the scope `webhooks`.
        """
        return await self._get("/payout/webhook")

    async def send_test_webhook(
        self,
        *,
        type: Literal[
            "payout.canceled",
            "payout.created",
            "payout.failed",
            "payout.processing",
            "payout.rejected",
            "payout.returned",
            "payout.succeeded",
        ],
        idempotency_key: str | None = None,
    ) -> models.Queued:
        """Send a sample event, marked `test_mode`, to the webhook: subscribed or not, switched on
        or not.

        Restricted keys need the scope `webhooks`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post("/payout/webhook/test", {"type": type}, idempotency_key)

    async def rotate_webhook_token(
        self,
        *,
        confirm: bool | None = None,
        replace: bool | None = None,
        idempotency_key: str | None = None,
    ) -> models.Rotation:
        """Change the token in two steps, so that no delivery fails for it: ask for a new one,
        teach it to your receiver, then confirm it. Until then the old one signs, and `webhook-
        signature` carries both signatures.

        Restricted keys need the scope `webhooks`.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            "/payout/webhook/rotate-token",
            {"confirm": confirm, "replace": replace},
            idempotency_key,
        )

    async def create_key(
        self,
        *,
        name: str,
        scopes: list[Literal["allocate", "decide", "hashes", "read", "reports", "webhooks"]],
        amount_limit: int | None = None,
        daily_limit: int | None = None,
        networks: list[str] | None = None,
        expires_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> models.NewKeyView:
        """Make a restricted key.

        It does what its scopes say, within its limits, and nothing else. It outlives the secret
        key that made it. Restricted keys may not.

        `amount_limit`: US cents
        `daily_limit`: US cents
        `networks`: addresses or networks (CIDR)
        `expires_at`: RFC 3339
        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            "/payout/keys",
            {
                "name": name,
                "scopes": scopes,
                "amount_limit": amount_limit,
                "daily_limit": daily_limit,
                "networks": networks,
                "expires_at": expires_at,
            },
            idempotency_key,
        )

    async def list_keys(self) -> models.Keys:
        """List the restricted keys, newest first.

        This and the other calls for keys need the secret key. Restricted keys may not.
        """
        return await self._get("/payout/keys")

    async def change_key(
        self,
        key_id: str,
        *,
        name: str,
        scopes: list[Literal["allocate", "decide", "hashes", "read", "reports", "webhooks"]],
        amount_limit: int | None = None,
        daily_limit: int | None = None,
        networks: list[str] | None = None,
        expires_at: str | None = None,
    ) -> models.KeyView:
        """Give a restricted key these bounds in place of those it has.

        They hold at once. What it has spent today still counts. Restricted keys may not.

        `amount_limit`: US cents
        `daily_limit`: US cents
        `networks`: addresses or networks (CIDR)
        `expires_at`: RFC 3339
        """
        return await self._put(
            f"/payout/keys/{self._quoted(key_id)}",
            {
                "name": name,
                "scopes": scopes,
                "amount_limit": amount_limit,
                "daily_limit": daily_limit,
                "networks": networks,
                "expires_at": expires_at,
            },
        )

    async def revoke_key(
        self, key_id: str, *, idempotency_key: str | None = None
    ) -> models.KeyView:
        """Stop a restricted key at once, for good.

        Restricted keys may not.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(f"/payout/keys/{self._quoted(key_id)}/revoke", {}, idempotency_key)

    def list_audit(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        act: str | None = None,
        kind: Literal["act", "alert"] | None = None,
        order: str | None = None,
    ) -> AsyncListing[models.AuditEntryView, models.ListedAuditEntryView]:
        """Everything that changed the business's money, rights, settings or secrets, and every
        alert, newest first.

        Allocations and withdrawals stand in the history, not here. Restricted keys need the
        scope `reports`.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        `order`: those about this order
        """
        return self._list(
            "/payout/audit",
            {"after": after, "limit": limit, "act": act, "kind": kind, "order": order},
            "data",
        )


class AsyncPayoutUserCalls(AsyncCaller):
    """Every call of a payout user, who is known by a payout hash.

    Amounts are in US cents, times are RFC 3339 in UTC.
    """

    async def get_operations(
        self, *, after: str | None = None, limit: int | None = None
    ) -> models.OperationsView:
        """Balance, what can be done, and history, newest first.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        """
        return await self._get("/payout/operations", {"after": after, "limit": limit})

    def list_operations(
        self, *, after: str | None = None, limit: int | None = None
    ) -> AsyncListing[models.OperationView, models.OperationsView]:
        """Balance, what can be done, and history, newest first. One entry after another, over all
        pages.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        """
        return self._list("/payout/operations", {"after": after, "limit": limit}, "operations")

    async def quote(
        self,
        *,
        provider: Literal["bank", "crypto", "gift_card", "paypal"],
        amount: int | None = None,
        net_amount: int | None = None,
        paypal: models.PaypalDestination | None = None,
        crypto: models.CryptoSketch | None = None,
        gift_card: models.GiftCardDestination | None = None,
        bank: models.BankSketch | None = None,
        idempotency_key: str | None = None,
    ) -> models.QuoteView:
        """Quote a withdrawal.

        Say what to spend (`amount`) or what is to arrive (`net_amount`).

        `amount`: US cents
        `net_amount`: US cents
        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            "/payout/quote",
            {
                "provider": provider,
                "amount": amount,
                "net_amount": net_amount,
                "paypal": paypal,
                "crypto": crypto,
                "gift_card": gift_card,
                "bank": bank,
            },
            idempotency_key,
        )

    async def withdraw(
        self,
        *,
        provider: Literal["bank", "crypto", "gift_card", "paypal"],
        amount: int | None = None,
        net_amount: int | None = None,
        paypal: models.PaypalDestination | None = None,
        crypto: models.CryptoDestination | None = None,
        gift_card: models.GiftCardDestination | None = None,
        bank: models.BankDestination | None = None,
        quote_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> models.OrderView:
        """Withdraw all or part of the balance.

        The money is set aside at once; the order is sent in the background, after review where
        the business's rules ask for one.

        `amount`: US cents
        `net_amount`: US cents
        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            "/payout/withdraw",
            {
                "provider": provider,
                "amount": amount,
                "net_amount": net_amount,
                "paypal": paypal,
                "crypto": crypto,
                "gift_card": gift_card,
                "bank": bank,
                "quote_id": quote_id,
            },
            idempotency_key,
        )

    def list_withdrawals(
        self,
        *,
        after: str | None = None,
        limit: int | None = None,
        status: Literal[
            "canceled",
            "created",
            "failed",
            "queued",
            "rejected",
            "returned",
            "review",
            "sending",
            "sent",
            "succeeded",
            "unknown",
        ]
        | None = None,
    ) -> AsyncListing[models.OrderView, models.ListedOrderView]:
        """List one's withdrawals, newest first.

        `after`: continue after the entry with this id
        `limit`: the entries of one page, 1 to 100; more are asked for as they are read
        """
        return self._list(
            "/payout/withdrawals", {"after": after, "limit": limit, "status": status}, "data"
        )

    async def get_withdrawal(self, withdrawal_id: str) -> models.OrderView:
        """One of one's withdrawals."""
        return await self._get(f"/payout/withdrawals/{self._quoted(withdrawal_id)}")

    async def cancel_withdrawal(
        self, withdrawal_id: str, *, idempotency_key: str | None = None
    ) -> models.OrderView:
        """Cancel a withdrawal that was not sent yet, or that nobody has claimed.

        What was not sent is back on the balance at once. What waits to be claimed (`unclaimed`)
        is still `sent` in the answer, `taking_back`, until the provider has given it back.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/withdrawals/{self._quoted(withdrawal_id)}/cancel", {}, idempotency_key
        )

    async def list_gift_cards(self) -> models.Catalogue:
        """The gift cards that can be bought."""
        return await self._get("/payout/gift-cards")

    async def reveal_gift_card(
        self, withdrawal_id: str, *, idempotency_key: str | None = None
    ) -> models.RevealedView:
        """Show the code, or the link, of a gift card that one has bought.

        Every reveal is recorded.

        `idempotency_key`: one of your own, such as an invoice's number, also makes calls of
            other processes and days one effect; left out, it covers this call's own retries.
        """
        return await self._post(
            f"/payout/withdrawals/{self._quoted(withdrawal_id)}/reveal", {}, idempotency_key
        )
