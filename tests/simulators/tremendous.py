"""Tremendous v2: orders, rewards, products, funding sources, webhooks. Amounts are US cents."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any
from uuid import uuid4

from aiohttp import web

from . import tremendous_catalogue as catalogue
from . import tremendous_checks as checks
from . import tremendous_shapes as shapes
from .callbacks import Callback, Callbacks
from .clock import Agenda, text_of
from .tremendous_books import Books, Order, Organization

BASE = "/api/v2"


class Tremendous:
    """The vendor: its books behind its HTTP."""

    def __init__(self, agenda: Agenda, books: Books, callbacks: Callbacks) -> None:
        self.agenda = agenda
        self.books = books
        books.tell = self.tell
        self.callbacks = callbacks

    def routes(self) -> list[web.RouteDef]:
        def get(path: str, handler: Any, name: str) -> web.RouteDef:
            return web.get(f"{BASE}{path}", handler, name=f"tremendous.{name}")

        def post(path: str, handler: Any, name: str) -> web.RouteDef:
            return web.post(f"{BASE}{path}", handler, name=f"tremendous.{name}")

        return [
            post("/orders", self.create, "orders.create"),
            get("/orders", self.orders, "orders.list"),
            get("/orders/{id}", self.order, "orders.get"),
            post("/order_approvals/{id}/{verdict:approve|reject}", self.decide, "orders.decide"),
            get("/rewards", self.rewards, "rewards.list"),
            get("/rewards/{id}", self.reward, "rewards.get"),
            post("/rewards/{id}/generate_link", self.link, "rewards.link"),
            post("/rewards/{id}/cancel", self.cancel, "rewards.cancel"),
            get("/products", self.products, "products.list"),
            get("/products/{id}", self.product, "products.get"),
            get("/funding_sources", self.sources, "funding_sources.list"),
            get("/funding_sources/{id}", self.source, "funding_sources.get"),
            get("/webhooks", self.webhooks, "webhooks.list"),
            get("/campaigns", self.campaigns, "campaigns.list"),
            get("/organizations", self.organizations, "organizations.list"),
        ]

    def tell(self, event: str, order: Order) -> None:
        """Send an event to the organization's webhook."""
        organization = order.organization
        if organization.callback_url is None:
            return
        about_reward = event.startswith("REWARDS")
        resource = {
            "id": order.reward_id if about_reward else order.id,
            "type": "rewards" if about_reward else "orders",
        }
        body = {
            "event": event,
            "uuid": str(uuid4()),
            "created_utc": text_of(self.agenda.now()),
            "payload": {"resource": resource, "meta": {}},
        }
        raw = json.dumps(body).encode()

        async def sign(given: bytes, forgery: str | None) -> dict[str, str]:
            if forgery == "unsigned":
                return {}
            key = "another key" if forgery == "signature" else organization.webhook_key
            digest = hmac.new(key.encode(), given, hashlib.sha256).hexdigest()
            scheme = "sha1" if forgery == "algorithm" else "sha256"
            return {"Tremendous-Webhook-Signature": f"{scheme}={digest}"}

        self.callbacks.emit(Callback("tremendous", event, organization.callback_url, raw, sign))

    async def create(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        try:
            body = json.loads(await request.read())
        except ValueError:
            return _refuse(400, "The body is no JSON")
        problems = checks.of_order(body, organization)
        if problems:
            return _refuse(422, "Failed to create order", problems)
        external = body.get("external_id")
        first = self.books.by_reference.get((organization.id, external or ""))
        if first is not None:
            if first.sent != body:
                return _refuse(409, "An order with this external_id has other parameters")
            return web.json_response({"order": shapes.order(first, link=True)}, status=201)
        amount = checks.cents_of(body["reward"]["value"]["denomination"]) or 0
        price = self.books.cost(organization, amount)
        if organization.dry == "refuse" and price > organization.balance:
            return _refuse(402, "Insufficient funds", {"payment": "The balance is too low"})
        order = self.books.accept(organization, body, amount)
        return web.json_response({"order": shapes.order(order, link=True)})

    async def orders(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        query = request.query
        try:
            start, limit = int(query.get("offset", "0")), int(query.get("limit", "10"))
            since = _moment(query.get("created_at[gte]"))
            until = _moment(query.get("created_at[lte]"))
        except ValueError:
            return _refuse(422, "A parameter is wrong")
        found = [
            order
            for order in reversed(self.books.orders.values())
            if self.books.shown(organization, order)
            and query.get("external_id") in (None, order.reference)
            and query.get("campaign_id") in (None, order.sent["reward"].get("campaign_id"))
            and (since is None or order.created >= since)
            and (until is None or order.created <= until)
        ]
        shown = [shapes.order(order) for order in found[start : start + min(limit, 500)]]
        return web.json_response({"orders": shown, "total_count": len(found)})

    async def order(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        order = self._find(organization, request.match_info["id"])
        return _missing() if order is None else web.json_response({"order": shapes.order(order)})

    async def decide(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        order = self._find(organization, request.match_info["id"])
        if order is None:
            return _missing()
        if order.status != "PENDING APPROVAL":
            return _refuse(422, "The order is not pending approval")
        if request.match_info["verdict"] == "approve":
            self.books.move(order, "EXECUTED", "SUCCEEDED")
            self.tell("ORDERS.APPROVED", order)
        else:
            self.books.move(order, "CANCELED")
        return web.json_response({"order": shapes.order(order)})

    async def rewards(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        try:
            start = int(request.query.get("offset", "0"))
            limit = int(request.query.get("limit", "100"))
        except ValueError:
            return _refuse(422, "A parameter is wrong")
        newest = reversed(self.books.orders.values())
        mine = [order for order in newest if self.books.shown(organization, order)]
        shown = [shapes.reward(order) for order in mine[start : start + min(limit, 500)]]
        return web.json_response({"rewards": shown, "total_count": len(mine)})

    async def reward(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        order = self._find_reward(organization, request)
        return _missing() if order is None else web.json_response({"reward": shapes.reward(order)})

    async def link(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        order = self._find_reward(organization, request)
        if order is None:
            return _missing()
        if order.status != "EXECUTED" or order.method != "LINK":
            return _refuse(403, "There is no link of this reward")
        found = {"id": order.reward_id, "link": self.books.new_link(order)}
        return web.json_response({"reward": found})

    async def cancel(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        order = self._find_reward(organization, request)
        if order is None:
            return _missing()
        if order.status != "EXECUTED" or order.delivery != "FAILED":
            return _refuse(422, "Only rewards with a delivery failure can be canceled")
        self.books.move(order, "CANCELED")
        self.tell("REWARDS.CANCELED", order)
        return web.json_response({})

    async def products(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        wanted = {
            name: given.split(",") if (given := request.query.get(name)) else None
            for name in ("id", "country", "currency", "subcategory")
        }
        shown = [
            product
            for product in catalogue.PRODUCTS
            if _wanted(wanted["id"], [product["id"]])
            and _wanted(wanted["country"], [one["abbr"] for one in product["countries"]])
            and _wanted(wanted["currency"], product["currency_codes"])
            and _wanted(wanted["subcategory"], [product.get("subcategory", "")])
        ]
        return web.json_response({"products": shown})

    async def product(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        product = catalogue.find(request.match_info["id"])
        return _missing() if product is None else web.json_response({"product": product})

    async def sources(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        return web.json_response({"funding_sources": [shapes.source(organization)]})

    async def source(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        if request.match_info["id"] != organization.funding_source_id:
            return _missing()
        return web.json_response({"funding_source": shapes.source(organization)})

    async def webhooks(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        if organization.callback_url is None:
            return web.json_response({"webhooks": []})
        listed = {
            "id": organization.webhook_id,
            "url": organization.callback_url,
            "private_key": organization.webhook_key,
        }
        return web.json_response({"webhooks": [listed]})

    async def campaigns(self, request: web.Request) -> web.Response:
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        products = [product["id"] for product in catalogue.PRODUCTS]
        found = {"id": "CAMPAIGN0001", "name": "Choose", "products": products}
        return web.json_response({"campaigns": [found]})

    async def organizations(self, request: web.Request) -> web.Response:
        """Only the one that the key belongs to."""
        organization, refusal = self._enter(request)
        if organization is None:
            return refusal
        found = {
            "id": organization.id,
            "name": "Somebody",
            "website": "https://somebody.example",
            "currency_code": "USD",
            "status": "APPROVED",
        }
        return web.json_response({"organizations": [found]})

    def _enter(self, request: web.Request) -> tuple[Organization | None, web.Response]:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        organization = self.books.organizations.get(key)
        if scheme != "Bearer" or organization is None:
            return None, _refuse(401, "Invalid access token")
        if organization.per_second is not None:
            now = self.agenda.now()
            organization.calls = [at for at in organization.calls if at > now - 1]
            organization.calls.append(now)
            if len(organization.calls) > organization.per_second:
                return None, _refuse(429)
        return organization, web.Response()

    def _find(self, organization: Organization, number: str) -> Order | None:
        """An order by its id, or by the customer's."""
        order = self.books.orders.get(number)
        order = order or self.books.by_reference.get((organization.id, number))
        return order if order is not None and self.books.shown(organization, order) else None

    def _find_reward(self, organization: Organization, request: web.Request) -> Order | None:
        order = self.books.by_reward.get(request.match_info["id"])
        return order if order is not None and self.books.shown(organization, order) else None


def _refuse(status: int, message: str = "", payload: Any = None) -> web.Response:
    return web.json_response(shapes.error(status, message, payload), status=status)


def _missing() -> web.Response:
    return _refuse(404, "Not found")


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.timestamp()


def _wanted(wanted: list[str] | None, has: list[str]) -> bool:
    return wanted is None or any(one in wanted for one in has)
