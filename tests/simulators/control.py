"""How tests tell the simulator what to do, and read its books: `/_control/…`, JSON both ways."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import paypal_courses as courses
from . import tremendous_books
from .callbacks import Bend
from .paypal_books import Account, Item
from .paypal_courses import Rule as PayPalRule
from .tremendous_books import Order, Organization
from .tremendous_books import Rule as TremendousRule

if TYPE_CHECKING:
    from .world import World

HIDDEN = {"tokens", "posts", "calls"}


class Control:
    """The routes of `/_control`. A request that cannot be understood is answered 400 with why."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def routes(self) -> list[web.RouteDef]:
        verbs: dict[str, Callable[[Any], Any]] = {
            "account": self.account,
            "script": self.script,
            "rules": self.rules,
            "callbacks": self.bends,
            "release": self.release,
            "replay": self.replay,
            "clock": self.clock,
            "set": self.set_status,
            "tell": self.tell,
            "reset": self.reset,
            "forget": self.forget,
        }
        views = {
            "health": self.health,
            "books": self.books,
            "requests": self.requests,
            "sent": self.sent,
            "faults": self.faults,
        }
        return [
            *(self._post(name, verb) for name, verb in verbs.items()),
            *(self._get(name, view) for name, view in views.items()),
        ]

    def _post(self, name: str, verb: Any) -> web.RouteDef:
        async def handle(request: web.Request) -> web.Response:
            self.world.agenda.run_due()
            try:
                found = verb(await request.json() if request.can_read_body else {})
            except (TypeError, ValueError, KeyError, LookupError) as error:
                return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
            self.world.agenda.run_due()
            return web.json_response({} if found is None else found)

        return web.post(f"/_control/{name}", handle, name=f"control.{name}")

    def _get(self, name: str, view: Any) -> web.RouteDef:
        async def handle(request: web.Request) -> web.Response:
            self.world.agenda.run_due()
            return web.json_response(view(request))

        return web.get(f"/_control/{name}", handle, name=f"control.{name}")

    def account(self, given: dict[str, Any]) -> None:
        """Open or change an account; `add` puts so many cents in."""
        others = ("vendor", "add", "replaces")
        settings = {name: value for name, value in given.items() if name not in others}
        if "replaces" in given:
            self._replace_key(given["replaces"], given["api_key"])
        account = self._open(given["vendor"], settings)
        known = {one.name for one in fields(account)} - HIDDEN
        if unknown := sorted(set(settings) - known):
            raise KeyError(", ".join(unknown))
        before = account.balance
        for name, value in settings.items():
            setattr(account, name, value)
        account.balance += given.get("add", 0)
        account.put_in += account.balance - before

    def _open(self, vendor: str, settings: dict[str, Any]) -> Account | Organization:
        accounts = self.world.paypal.books.accounts
        organizations = self.world.tremendous.books.organizations
        if vendor == "paypal":
            number = settings["client_id"]
            opened = Account(number, settings.get("secret", "secret"))
            opened.put_in = opened.balance
            return accounts.setdefault(number, opened)
        organization = Organization(settings["api_key"])
        organization.put_in = organization.balance
        return organizations.setdefault(organization.api_key, organization)

    def _replace_key(self, old: str, new: str) -> None:
        """Tremendous refuses an organization's key from now on, and takes another."""
        organizations = self.world.tremendous.books.organizations
        organizations[new] = organizations.pop(old)

    def script(self, given: Any) -> None:
        self.world.faults.plan(given)

    def rules(self, given: list[dict[str, Any]]) -> None:
        """Which payments take which course; the first that matches counts."""
        for entry in given:
            rest = {k: v for k, v in entry.items() if k not in ("vendor", "course")}
            if entry["vendor"] == "paypal":
                rule = PayPalRule(courses.read(entry["course"]), **rest)
                self.world.paypal.books.rules.append(rule)
            else:
                course = tremendous_books.read(entry["course"])
                self.world.tremendous.books.rules.append(TremendousRule(course, **rest))

    def bends(self, given: list[dict[str, Any]]) -> None:
        self.world.callbacks.bends += [Bend(**entry) for entry in given]

    def release(self, given: dict[str, Any]) -> dict[str, int]:
        return {"released": self.world.callbacks.release(given.get("order", "reversed"))}

    def replay(self, given: dict[str, Any]) -> None:
        self.world.callbacks.replay(given.get("number", -1), given.get("copies", 1))

    def clock(self, given: dict[str, Any]) -> dict[str, float]:
        if "speed" in given:
            self.world.agenda.clock.set_speed(given["speed"])
        self.world.agenda.clock.advance(given.get("advance_s", 0))
        return {"now": self.world.agenda.now()}

    def set_status(self, given: dict[str, Any]) -> dict[str, int]:
        """The vendor changes its mind about payments with this reference (or our id of it)."""
        changed = 0
        for item in list(self.world.paypal.books.items.values()):
            if given["reference"] in (item.reference, item.id):
                item.steps = []
                self.world.paypal.books.move(item, given["status"], given.get("error"))
                changed += 1
        for order in list(self.world.tremendous.books.orders.values()):
            if given["reference"] in (order.reference, order.id):
                order.steps = []
                self.world.tremendous.books.move(order, given["status"], given.get("delivery"))
                changed += 1
        if not changed:
            raise LookupError(f"no payment {given['reference']}")
        return {"changed": changed}

    def tell(self, given: dict[str, Any]) -> None:
        """Send the callback of a payment's present status once more, as a new event."""
        for item in self.world.paypal.books.items.values():
            if given["reference"] in (item.reference, item.id):
                self.world.paypal.tell(given.get("status", item.status), item.batch, item)
        for order in self.world.tremendous.books.orders.values():
            if given["reference"] in (order.reference, order.id):
                self.world.tremendous.tell(given.get("event", "ORDERS.CREATED"), order)

    def reset(self, given: dict[str, Any]) -> None:
        """What was scripted is forgotten; books and accounts stay."""
        self.world.faults.clear()
        self.world.callbacks.bends.clear()
        self.world.callbacks.held.clear()
        self.world.paypal.books.rules.clear()
        self.world.tremendous.books.rules.clear()

    def forget(self, given: dict[str, Any]) -> None:
        """Recorded requests and sent callbacks are forgotten; `recording` switches the record."""
        self.world.edge.recorded.clear()
        self.world.callbacks.sent.clear()
        self.world.edge.recording = given.get("recording", self.world.edge.recording)

    def health(self, request: web.Request) -> dict[str, Any]:
        document = self.world.paypal.document is not None
        return {"paypal_document": document, "now": self.world.agenda.now()}

    def requests(self, request: web.Request) -> list[dict[str, Any]]:
        return self.world.edge.shown(request.query.get("route"))

    def sent(self, request: web.Request) -> dict[str, Any]:
        held = [callback.event for callback in self.world.callbacks.held]
        return {"sent": self.world.callbacks.shown(), "held": held}

    def faults(self, request: web.Request) -> list[dict[str, Any]]:
        return self.world.faults.shown()

    def books(self, request: web.Request) -> dict[str, Any]:
        paypal, tremendous = self.world.paypal.books, self.world.tremendous.books
        accounts = {
            **{f"paypal {a.client_id}": _account(a) for a in paypal.accounts.values()},
            **{f"tremendous {o.api_key}": _account(o) for o in tremendous.organizations.values()},
        }
        payments = [_of_item(item) for item in paypal.items.values()]
        payments += [_of_order(order) for order in tremendous.orders.values()]
        return {"accounts": accounts, "payments": payments}


def _account(account: Account | Organization) -> dict[str, Any]:
    shown = [one.name for one in fields(account) if one.name not in HIDDEN]
    return {name: getattr(account, name) for name in shown}


def _of_item(item: Item) -> dict[str, Any]:
    return {
        "vendor": "paypal",
        "account": item.batch.account.client_id,
        "reference": item.reference,
        "group": item.batch.sender_batch_id,
        "id": item.id,
        "group_id": item.batch.id,
        "receiver": item.sent["receiver"],
        "amount": item.amount,
        "fee": item.fee_taken,
        "status": item.status,
        "times_paid": item.times_paid,
        "times_returned": item.times_returned,
        "money_out": item.money_out,
        "history": [status for _, status in item.history],
    }


def _of_order(order: Order) -> dict[str, Any]:
    return {
        "vendor": "tremendous",
        "account": order.organization.api_key,
        "reference": order.reference,
        "group": order.reference,
        "id": order.reward_id,
        "group_id": order.id,
        "receiver": order.email,
        "amount": order.amount,
        "fee": order.fee if order.money_out else 0,
        "status": order.status,
        "times_paid": order.times_paid,
        "times_returned": order.times_returned,
        "money_out": order.money_out,
        "history": [status for _, status in order.history],
    }
