"""`…/rails/<rail>`: one account: how it stands, its limits and fees, and what may be done to it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.rails import bank_form
from payviox.dashboard.rails.connect import ROUTE, rail_of
from payviox.dashboard.rails.list import FloatView, float_of
from payviox.dashboard.rails.words import (
    RAILS,
    SECRETS,
    SETTINGS,
    TYPED,
    FeeExample,
    RailWords,
    example,
)
from payviox.dashboard.visits import Visit, act, act_once, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.money import MAX_ALLOCATION, InvalidAmount, decimal, typed_cents
from payviox.rail_accounts import callbacks, checking, rules, service
from payviox.rail_accounts.model import Changes, RailAccount, RailName
from payviox.rails.protocol import Finding, Holding
from payviox.reconciliation import service as reconciliation
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect

CENTS: Mapping[str, tuple[str, str]] = {
    "min_amount": ("Least of one withdrawal", "US dollars; empty for none."),
    "max_amount": ("Most of one withdrawal", "US dollars; empty for none."),
    "low_float": ("Warn when it holds less", "US dollars; empty for never."),
    "fee_fixed": ("Fixed fee", "US dollars, added to the percentage."),
    "fee_cap": ("Most of one fee", "US dollars; empty for no cap."),
}
MAY_BE_ZERO = ("fee_fixed", "fee_cap")
PERCENTAGE = ("fee_percentage", ("Fee percentage", "Of the amount, such as 2.5."))
ORDER = ("min_amount", "max_amount", "low_float", "fee_percentage", "fee_fixed", "fee_cap")
DONE = {
    "changed": "The account is changed. New quotes go by it; those that were given stand.",
    "enabled": "New withdrawals go there again.",
    "paused": "No new withdrawals go there. Those under way go on.",
}


class Question(msgspec.Struct, frozen=True):
    """What is asked before something is done to an account."""

    verb: str
    consequence: str
    keep: str


QUESTIONS: Mapping[str, Question] = {
    "pause": Question(
        "Pause",
        "No new withdrawals go there until it is enabled again. Those under way go on, and people"
        " keep their money.",
        "Go on paying there",
    ),
    "enable": Question(
        "Enable",
        "New withdrawals go there again, and orders that waited for it are tried at once.",
        "Leave it paused",
    ),
    "disconnect": Question(
        "Disconnect",
        "The account is forgotten with its credentials, limits and fees. What was paid stays in the"
        " books. To pay there again it is connected anew.",
        "Keep the account",
    ),
}


class RuleField(msgspec.Struct, frozen=True):
    """A limit, a fee or a setting as it is typed."""

    name: str
    label: str
    hint: str
    value: str


class RailView(msgspec.Struct, frozen=True):
    """One account. `secrets` are which credentials there are, never what they are."""

    words: RailWords
    address: str
    account: RailAccount
    fees: FeeExample
    float: FloatView | None
    settings: list[tuple[str, str]]
    secrets: tuple[str, ...]
    callback_url: str | None
    last_callback: datetime | None
    payer: str
    fields: list[RuleField]
    may_change: bool
    may_switch: bool
    may_connect: bool
    may_disconnect: bool
    done: str | None = None
    refused: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


class CheckView(msgspec.Struct, frozen=True):
    """What the rail said just now."""

    words: RailWords
    address: str
    works: bool
    findings: tuple[Finding, ...]
    holdings: tuple[Holding, ...]
    problem: str | None


@get(ROUTE, include_in_schema=False)
async def show_rail(request: Call) -> Response[Any]:
    """One account."""
    visit = await visit_of(request)
    return await _page(request, visit, done=DONE.get(request.query_params.get("done", "")))


@post(f"{ROUTE}/rules", include_in_schema=False, status_code=200, right="rail.change")
async def change(request: Call) -> Response[Any]:
    """Save the limits, fees and settings that were typed otherwise than they are."""
    visit = await visit_of(request)
    rail = rail_of(request)
    form = await read_form(request)
    account = await read(request, visit, service.get, visit.business.id, rail)
    before = _typed(account)
    typed = {name: form.get(name, "").strip() for name in before}
    try:
        changes = _changes(rail, before, typed)
        if changes.columns or changes.settings:
            await act(
                request,
                visit.session,
                service.change,
                visit.business.id,
                rail,
                changes,
                visit.session.actor,
            )
    except FieldErrors as error:
        return await _page(request, visit, typed=typed, errors=error.fields, status=422)
    except Conflict as error:
        return await _page(request, visit, typed=typed, refused=str(error), status=409)
    return redirect(f"{visit.base}/rails/{rail}?done=changed")


@post(f"{ROUTE}/check", include_in_schema=False, status_code=200, right="rail.connect")
async def check(request: Call) -> Response[Any]:
    """Call something harmless with the account's credentials, and ask what it holds."""
    visit = await visit_of(request)
    rail = rail_of(request)
    found = services(request)
    account = await read(request, visit, service.get, visit.business.id, rail)
    [checked] = await checking.check(
        found.database,
        found.keyring,
        found.rails.connected,
        [account],
        visit.session.actor,
        public_url=found.settings.public_url,
    )
    [held] = await checking.read_float(found.rails.named, [account])
    view = CheckView(
        words=RAILS[rail],
        address=f"{visit.base}/rails/{rail}",
        works=checked.works,
        findings=checked.findings,
        holdings=held.holdings,
        problem=held.problem,
    )
    return show(request, visit, "rails/check.html", view)


@get([f"{ROUTE}/{way}" for way in QUESTIONS], include_in_schema=False)
async def ask(request: Call) -> Response[Any]:
    """Whether to pause, enable or disconnect."""
    visit = await visit_of(request)
    rail = rail_of(request)
    account = await read(request, visit, service.get, visit.business.id, rail)
    way = request.scope["path"].rpartition("/")[2]
    return confirm(request, visit, _question(visit, account, way))


@post(f"{ROUTE}/pause", include_in_schema=False, status_code=200, right="rail.disable")
async def pause(request: Call) -> Response[Any]:
    """Let no new withdrawals go there."""
    return await _switch(request, enabled=False)


@post(f"{ROUTE}/enable", include_in_schema=False, status_code=200, right="rail.enable")
async def enable(request: Call) -> Response[Any]:
    """Let withdrawals go there again."""
    return await _switch(request, enabled=True)


@post(f"{ROUTE}/disconnect", include_in_schema=False, status_code=200, right="rail.disconnect")
async def disconnect(request: Call) -> Response[Any]:
    """Forget the account with its credentials."""
    visit = await visit_of(request)
    rail = rail_of(request)
    form = await read_form(request)

    async def effect(connection: Connection) -> dict[str, str]:
        actor = visit.session.actor
        await service.disconnect(connection, visit.business.id, rail, actor)
        return {"rail": rail}

    try:
        await act_once(request, visit, form, effect)
    except Conflict:
        account = await read(request, visit, service.get, visit.business.id, rail)
        refused = (
            "Orders are under way there, and without the account nobody could ask what becomes of"
            " them. Pause it, and disconnect it when they have ended."
        )
        view = _question(visit, account, "disconnect", refused)
        return confirm(request, visit, view, status=409)
    return redirect(f"{visit.base}/rails?done=disconnected")


async def _switch(request: Call, *, enabled: bool) -> Response[Any]:
    visit = await visit_of(request)
    rail = rail_of(request)

    async def work(connection: Connection) -> None:
        actor = visit.session.actor
        await service.switch(connection, visit.business.id, rail, actor, enabled=enabled)

    await act(request, visit.session, work)
    done = "enabled" if enabled else "paused"
    return redirect(f"{visit.base}/rails/{rail}?done={done}")


def _question(
    visit: Visit, account: RailAccount, way: str, refused: str | None = None
) -> ConfirmView:
    name = RAILS[account.rail].name
    words = QUESTIONS[way]
    heading = f"{words.verb} {name}"
    address = f"{visit.base}/rails/{account.rail}"
    return ConfirmView(
        heading=heading,
        consequence=words.consequence,
        facts=[Fact("Rail", name), Fact("Environment", account.environment)],
        action=f"{address}/{way}",
        button=heading,
        back=address,
        keep=words.keep,
        is_danger=way == "disconnect",
        refused=refused,
    )


async def _page(
    request: Call,
    visit: Visit,
    *,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    **more: Any,
) -> Response[Any]:
    rail = rail_of(request)
    public_url = services(request).settings.public_url
    view = await read(request, visit, _view, visit, rail, public_url, typed, more)
    return show(request, visit, "rails/show.html", view, status=status)


async def _view(
    connection: Connection,
    visit: Visit,
    rail: RailName,
    public_url: str,
    typed: Mapping[str, str] | None,
    more: Mapping[str, Any],
) -> RailView:
    business_id = visit.business.id
    account = await service.get(connection, business_id, rail)
    reports = {each.rail: each for each in await reconciliation.latest(connection, business_id)}
    latest = await callbacks.list_latest(connection, business_id, rail, 1)
    values = typed or _typed(account)
    labels = {**CENTS, PERCENTAGE[0]: PERCENTAGE[1], **SETTINGS}
    names = [*ORDER, *(name for name in values if name in TYPED[rail])]
    return RailView(
        words=RAILS[rail],
        address=f"{visit.base}/rails/{rail}",
        account=account,
        fees=example(account.fees),
        float=float_of(reports.get(rail), account),
        settings=_settings(account),
        secrets=tuple(SECRETS[name][0] for name in rules.CREDENTIALS[rail]),
        callback_url=callbacks.url(public_url, account) if rail in rules.CALLS_BACK else None,
        last_callback=latest[0].received_at if latest else None,
        payer=values["fee_payer"],
        fields=[RuleField(name, *labels[name], value=values[name]) for name in names],
        may_change=visit.may("rail.change"),
        may_switch=visit.may("rail.disable"),
        may_connect=visit.may("rail.connect"),
        may_disconnect=visit.may("rail.disconnect"),
        **more,
    )


def _settings(account: RailAccount) -> list[tuple[str, str]]:
    if account.rail == "bank":
        return bank_form.shown(account)
    return [
        (SETTINGS.get(name, (name, ""))[0], str(value))
        for name, value in account.settings.items()
        if name != "chains" and not name.endswith("_bp")
    ]


def _typed(account: RailAccount) -> dict[str, str]:
    """Everything that may be changed, as it would be typed."""
    texts = {}
    for name in CENTS:
        cents = getattr(account, name)
        texts[name] = "" if cents is None else decimal(cents)
    texts["fee_percentage"] = _percent(account.fee_percentage_bp)
    texts["fee_payer"] = account.fee_payer
    for name, rule in rules.settable(account.rail).items():
        if name in TYPED[account.rail]:
            stored = account.settings.get(f"{name}_bp" if rule.kind == "percentage" else name)
            texts[name] = _percent(stored) if rule.kind == "percentage" else str(stored or "")
    return texts


def _percent(basis_points: int | None) -> str:
    return "" if basis_points is None else rules.percent(basis_points)


def _changes(rail: RailName, before: Mapping[str, str], typed: Mapping[str, str]) -> Changes:
    """What was typed otherwise than it is. Raises FieldErrors."""
    problems: dict[str, list[str]] = {}
    assignments = []
    for name, text in typed.items():
        if text == before[name]:
            continue
        try:
            assignments.append(f"{name}={_value(name, text)}")
        except InvalidAmount as error:
            problems[name] = [str(error)]
    try:
        changes = rules.parse(rail, assignments)
    except FieldErrors as error:
        problems |= error.fields
    if problems:
        raise FieldErrors(problems)
    return changes


def _value(name: str, text: str) -> str:
    """As `rules.parse` reads it. Raises InvalidAmount."""
    if name == "fee_percentage":
        return text or "0"
    if name not in CENTS:
        return text or rules.NONE
    if not text:
        return "0" if name == "fee_fixed" else rules.NONE
    if name in MAY_BE_ZERO and not text.strip("0.$"):
        return "0"
    return str(typed_cents(text, MAX_ALLOCATION))


ROUTES = [show_rail, change, check, ask, pause, enable, disconnect]
