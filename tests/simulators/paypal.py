"""PayPal: Payouts v1, its token, balances and webhooks. Amounts are US cents."""

import base64
import binascii
import json
import secrets
import time
import zlib
from collections.abc import Callable
from typing import Any

from aiohttp import web

from . import contract
from . import paypal_checks as checks
from . import paypal_events as events
from . import paypal_shapes as shapes
from .callbacks import Callback, Callbacks
from .clock import Agenda
from .money import cents_of
from .paypal_books import Account, Batch, Books, Item
from .paypal_signing import Signer


class PayPal:
    """The vendor: its books behind its HTTP."""

    def __init__(self, agenda: Agenda, books: Books, callbacks: Callbacks, signer: Signer) -> None:
        self.agenda = agenda
        self.books = books
        books.tell = self.tell
        self.callbacks = callbacks
        self.signer = signer
        self.document = contract.paypal_document()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/oauth2/token", self.token, name="paypal.token"),
            web.post("/v1/payments/payouts", self.create, name="paypal.payouts.create"),
            web.get("/v1/payments/payouts/{id}", self.get_batch, name="paypal.payouts.get"),
            web.get("/v1/payments/payouts-item/{id}", self.get_item, name="paypal.items.get"),
            web.post(
                "/v1/payments/payouts-item/{id}/cancel", self.cancel, name="paypal.items.cancel"
            ),
            web.get("/v1/reporting/balances", self.balances, name="paypal.balances"),
            web.get("/v1/notifications/webhooks", self.webhooks, name="paypal.webhooks.list"),
            web.post(
                "/v1/notifications/verify-webhook-signature",
                self.verify,
                name="paypal.webhooks.verify",
            ),
            web.get("/v1/notifications/certs/CERT-{whose}", self.cert, name="paypal.cert"),
        ]

    def tell(self, happening: str, batch: Batch, item: Item | None) -> None:
        """Send the event of a change to the account's callback URL."""
        name, account = events.name_of(happening), batch.account
        if name is None or account.callback_url is None:
            return
        body = events.body(name, batch, item, self.agenda.now())

        # Who receives it compares with a clock that nobody advances.
        async def sign(raw: bytes, forgery: str | None) -> dict[str, str]:
            return self.signer.sign(raw, account.webhook_id, time.time(), forgery)

        self.callbacks.emit(Callback("paypal", name, account.callback_url, body, sign))

    async def token(self, request: web.Request) -> web.Response:
        account = self._basic(request.headers.get("Authorization", ""))
        if account is None:
            found = {
                "error": "invalid_client",
                "error_description": "Client Authentication failed",
            }
            return web.json_response(found, status=401)
        form = await request.post()
        if form.get("grant_type") != "client_credentials":
            found = {
                "error": "unsupported_grant_type",
                "error_description": "unsupported grant_type",
            }
            return web.json_response(found, status=400)
        token = "A21AA" + secrets.token_urlsafe(40)
        account.tokens[token] = self.agenda.now() + account.token_s
        scopes = ["https://uri.paypal.com/payments/payouts"]
        if account.reporting:
            scopes.append("https://uri.paypal.com/services/reporting/search/read")
        return web.json_response(
            {
                "scope": " ".join(scopes),
                "access_token": token,
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": account.token_s,
                "nonce": f"{self.agenda.now()}",
            }
        )

    async def create(self, request: web.Request) -> web.Response:
        account, refusal = self._bearer(request)
        if account is None:
            return refusal
        if self._too_many(account):
            return web.json_response(shapes.error(429), status=429, headers={"Retry-After": "1"})
        if request.content_type != "application/json":
            return web.json_response(shapes.error(415), status=415)
        try:
            body = json.loads(await request.read())
        except ValueError:
            return web.json_response(shapes.error(400), status=400)
        findings = checks.of_body(body)
        if not findings and self.document is not None:
            broken = self.document.body_problems("POST", "/v1/payments/payouts", body)
            findings = [("body", problem) for problem in broken]
        if findings:
            return _invalid(findings)
        return self._accept(account, body)

    def _accept(self, account: Account, body: dict[str, Any]) -> web.Response:
        header, items = body["sender_batch_header"], body["items"]
        if header.get("sender_batch_id") is not None:
            first = self.books.duplicate(account, header["sender_batch_id"])
            if first is not None:
                return _duplicate(first)
        cents = [cents_of(item["amount"]["value"]) or 0 for item in items]
        if account.dry == "refuse" and self.books.cost(account, cents) > account.balance:
            message = "Sender does not have sufficient funds. Please add funds and retry."
            found = shapes.error(422, "INSUFFICIENT_FUNDS", message)
            return web.json_response(found, status=422)
        batch = self.books.accept(account, header, items, cents)
        return web.json_response(shapes.created(batch), status=201)

    async def get_batch(self, request: web.Request) -> web.Response:
        account, refusal = self._bearer(request)
        if account is None:
            return refusal
        batch = self.books.batches.get(request.match_info["id"])
        if batch is None or not self.books.shown(account, batch):
            return web.json_response(shapes.error(404), status=404)
        try:
            page = int(request.query.get("page", "1"))
            size = int(request.query.get("page_size", "1000"))
        except ValueError:
            return _invalid([("page", "must be a number")])
        if not (1 <= page <= 1_000 and 1 <= size <= 1_000):
            return _invalid([("page_size", "must be from 1 to 1000")])
        found: dict[str, Any] = {"batch_header": shapes.batch(batch)}
        # A batch that is still to be looked at has no items to show.
        listed = [] if batch.status == "PENDING" else batch.items
        if request.query.get("total_required") == "true":
            found["total_items"] = len(listed)
            found["total_pages"] = -(-len(listed) // size)
        if listed:
            shown = listed[(page - 1) * size : page * size]
            found["items"] = [shapes.item(item) for item in shown]
        path = f"/v1/payments/payouts/{batch.id}?page_size={size}&page="
        found["links"] = [shapes.link(f"{path}{page}")]
        if page * size < len(listed):
            found["links"].append(shapes.link(f"{path}{page + 1}", rel="next"))
        return web.json_response(found)

    async def get_item(self, request: web.Request) -> web.Response:
        return self._with_item(request, lambda item: web.json_response(_alone(item)))

    async def cancel(self, request: web.Request) -> web.Response:
        return self._with_item(request, self._take_back)

    def _take_back(self, item: Item) -> web.Response:
        if item.batch.status in ("PENDING", "PROCESSING"):
            message = "Batch is in processing. Cannot cancel a payment."
            return web.json_response(shapes.error(400, "BATCH_NOT_COMPLETED", message), status=400)
        if item.status == "RETURNED":
            message = "The payout item has already been cancelled."
            name = "ITEM_ALREADY_CANCELLED"
            return web.json_response(shapes.error(400, name, message), status=400)
        if item.status != "UNCLAIMED":
            message = "The item is in an incorrect status for this request."
            name = "ITEM_INCORRECT_STATUS"
            return web.json_response(shapes.error(400, name, message), status=400)
        item.steps = []
        self.books.move(item, "RETURNED", item.error)
        self.tell("CANCELED", item.batch, item)
        return web.json_response(_alone(item))

    async def balances(self, request: web.Request) -> web.Response:
        account, refusal = self._bearer(request)
        if account is None:
            return refusal
        if not account.reporting:
            return web.json_response(shapes.error(403), status=403)
        return web.json_response(shapes.balances(account, self.agenda.now()))

    async def webhooks(self, request: web.Request) -> web.Response:
        account, refusal = self._bearer(request)
        if account is None:
            return refusal
        url = account.callback_url
        listed = {"id": account.webhook_id, "url": url, "event_types": [{"name": "*"}]}
        return web.json_response({"webhooks": [] if url is None else [listed]})

    async def verify(self, request: web.Request) -> web.Response:
        account, refusal = self._bearer(request)
        if account is None:
            return refusal
        try:
            body = json.loads(await request.read())
        except ValueError:
            return web.json_response(shapes.error(400), status=400)
        path = "/v1/notifications/verify-webhook-signature"
        if self.document is not None and (
            broken := self.document.body_problems("POST", path, body)
        ):
            return _invalid([("body", problem) for problem in broken])
        status = "SUCCESS" if self._is_ours(account, body) else "FAILURE"
        return web.json_response({"verification_status": status})

    def _is_ours(self, account: Account, body: dict[str, Any]) -> bool:
        """Whether we sent it: the event is compared as JSON, for its bytes are lost here."""
        if body["webhook_id"] != account.webhook_id or body["auth_algo"] != "SHA256withRSA":
            return False
        if body["cert_url"] != self.signer.url("paypal"):
            return False
        for sent in self.callbacks.sent:
            if sent.headers.get("PAYPAL-TRANSMISSION-ID") != body["transmission_id"]:
                continue
            raw = sent.body.encode()
            message = (
                f"{body['transmission_id']}|{body['transmission_time']}"
                f"|{account.webhook_id}|{zlib.crc32(raw)}"
            )
            if json.loads(raw) == body["webhook_event"]:
                return self.signer.genuine(body["transmission_sig"], message.encode())
        return False

    async def cert(self, request: web.Request) -> web.Response:
        whose = request.match_info["whose"]
        if whose not in ("paypal", "stranger"):
            return web.json_response(shapes.error(404), status=404)
        return web.Response(body=self.signer.certificate(whose), content_type="text/plain")

    def _with_item(
        self, request: web.Request, answer: Callable[[Item], web.Response]
    ) -> web.Response:
        account, refusal = self._bearer(request)
        if account is None:
            return refusal
        item = self.books.items.get(request.match_info["id"])
        # An item is not told before its batch was looked at.
        if item is None or item.batch.status == "PENDING":
            return web.json_response(shapes.error(404), status=404)
        if not self.books.shown(account, item.batch):
            return web.json_response(shapes.error(404), status=404)
        return answer(item)

    def _basic(self, header: str) -> Account | None:
        scheme, _, given = header.partition(" ")
        try:
            client, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self.books.accounts.get(client)
        known = scheme == "Basic" and account is not None and account.secret == secret
        return account if known else None

    def _bearer(self, request: web.Request) -> tuple[Account | None, web.Response]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return None, web.json_response(shapes.error(401), status=401)
        for account in self.books.accounts.values():
            if account.tokens.get(token, 0.0) > self.agenda.now():
                return account, web.Response()
        found = {"error": "invalid_token", "error_description": "Access Token not found in cache"}
        return None, web.json_response(found, status=401)

    def _too_many(self, account: Account) -> bool:
        if account.posts_per_minute is None:
            return False
        now = self.agenda.now()
        account.posts = [at for at in account.posts if at > now - 60]
        account.posts.append(now)
        return len(account.posts) > account.posts_per_minute


def _alone(item: Item) -> dict[str, Any]:
    return shapes.item(item, alone=True)


def _invalid(findings: list[tuple[str, str]]) -> web.Response:
    details = [{"field": field, "location": "body", "issue": issue} for field, issue in findings]
    found = shapes.error(400, "VALIDATION_ERROR", "Invalid request - see details", details)
    return web.json_response(found, status=400)


def _duplicate(first: Batch) -> web.Response:
    detail = {
        "field": "SENDER_BATCH_ID",
        "location": "body",
        "issue": "Batch with given sender_batch_id already exists",
        # Where PayPal really puts it; its document knows links of the whole error only.
        "link": [shapes.batch_link(first)],
    }
    found = shapes.error(400, "USER_BUSINESS_ERROR", "User business error.", [detail])
    return web.json_response(found, status=400)
