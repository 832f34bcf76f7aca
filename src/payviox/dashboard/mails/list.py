"""`…/mails`: mails to payout users, newest first, with how each stands, and sending one again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard import lists
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.lists import PAGE, Pager, query_of
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.mails.model import TO_PAYOUT_USERS, Message
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.recipient_mails import log
from payviox.recipient_mails.log import STATES, MailRow, MayHaveArrived
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/mails"
FIELDS = ("state", "message", "to")
WORDS: Mapping[Message, str] = {
    message: message.replace("_", " ").capitalize() for message in TO_PAYOUT_USERS
}
"""What each mail says, in short."""
DONE = {"sent": "It is being sent again."}


class Filters(msgspec.Struct, frozen=True):
    """What was asked, as it was typed, and what is wrong with it."""

    state: str
    message: str
    to: str
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @property
    def query(self) -> str:
        """The same again, for an address; empty where nothing was asked."""
        return query_of({name: getattr(self, name) for name in FIELDS})


class MailLine(msgspec.Struct, frozen=True):
    """One line of the table. `again` is the address that sends it again, where that is offered."""

    id: str
    says: str
    recipient: str
    user: str | None
    state: str
    address_state: str | None
    answer: str | None
    attempts: int
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    again: str | None


class MailsView(msgspec.Struct, frozen=True):
    here: str
    filters: Filters
    states: tuple[str, ...]
    messages: tuple[Message, ...]
    words: Mapping[Message, str]
    rows: Sequence[MailLine]
    pager: Pager
    brand: str
    notify: bool
    sends_mails: bool
    done: str | None = None
    refused: str | None = None


@get(ROUTE, include_in_schema=False)
async def list_mails(request: Call) -> Response[Any]:
    """A page of the outbox."""
    visit = await visit_of(request)
    return await _page(request, visit, done=DONE.get(request.query_params.get("done", "")))


@post(
    f"{ROUTE}/{{mail:str}}/again", include_in_schema=False, status_code=200, right="mail.send_again"
)
async def send_again(request: Call) -> Response[Any]:
    """Send one again; asks first where it may have arrived."""
    visit = await visit_of(request)
    mail_id = path_id(request, ids.MAIL, "mail")
    anyway = (await read_form(request)).get("anyway") == "yes"

    async def work(connection: Connection) -> None:
        await log.send_again(
            connection, visit.business.id, mail_id, visit.session.actor, anyway=anyway
        )

    try:
        await act(request, visit.session, work)
    except MayHaveArrived:
        return confirm(request, visit, await _question(request, visit, mail_id))
    except Conflict as error:
        return await _page(request, visit, refused=str(error), status=409)
    return redirect(f"{visit.base}/mails?done=sent")


async def _page(
    request: Call,
    visit: Visit,
    *,
    done: str | None = None,
    refused: str | None = None,
    status: int = 200,
) -> Response[Any]:
    filters = read_filters(request.query_params)
    after = ids.parse(ids.MAIL, request.query_params.get("after", ""))
    rows: list[MailRow] = []
    if not filters.errors:
        rows = await read(request, visit, _rows, visit, filters, after)
    here = f"{visit.base}/mails"
    lines = [line_of(visit, row) for row in rows]
    shown, pager = lists.page_of(lines, here, filters.query, after=after)
    view = MailsView(
        here=here,
        filters=filters,
        states=tuple(STATES),
        messages=TO_PAYOUT_USERS,
        words=WORDS,
        rows=shown,
        pager=pager,
        brand=f"{visit.base}/settings/brand",
        notify=visit.business.notify,
        sends_mails=services(request).settings.smtp_url is not None,
        done=done,
        refused=refused,
    )
    return show(request, visit, "mails/list.html", view, status=422 if filters.errors else status)


def read_filters(query: Mapping[str, str]) -> Filters:
    """What a form asks for; an unknown state or message asks for all."""
    state, message, to = (query.get(name, "").strip() for name in FIELDS)
    errors = {}
    if to and ids.parse(ids.USER, to) is None and _email(to) is None:
        errors["to"] = ["Give a whole email address, or a payout user's id (usr_…)."]
    return Filters(
        state if state in STATES else "",
        message if message in TO_PAYOUT_USERS else "",
        to[:300],
        errors,
    )


async def _rows(
    connection: Connection, visit: Visit, filters: Filters, after: UUID | None
) -> list[MailRow]:
    recipient = _email(filters.to)
    user_id = ids.parse(ids.USER, filters.to)
    if user_id is not None:
        try:
            recipient = (await payout_users.get(connection, visit.business.id, user_id)).email
        except NotFound:
            return []
    return await log.list_page(
        connection,
        visit.business.id,
        state=filters.state or None,
        message=next((each for each in TO_PAYOUT_USERS if each == filters.message), None),
        recipient=recipient,
        after=after,
        limit=PAGE + 1,
    )


def _email(text: str) -> str | None:
    try:
        return canonical(text)
    except InvalidEmail:
        return None


def line_of(visit: Visit, row: MailRow) -> MailLine:
    """A mail as lists show it."""
    shown = ids.show(ids.MAIL, row.id)
    is_out_of_date = row.state == "dropped" and row.answer is None
    may = visit.may("mail.send_again")
    can = may and row.address_state is None and not is_out_of_date
    return MailLine(
        id=shown,
        says=WORDS.get(row.message, row.message),
        recipient=row.recipient,
        user=None
        if row.user_id is None
        else f"{visit.base}/users/{ids.show(ids.USER, row.user_id)}",
        state=row.state,
        address_state=row.address_state,
        answer=row.answer,
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at,
        ended_at=row.ended_at,
        again=f"{visit.base}/mails/{shown}/again" if can else None,
    )


async def _question(request: Call, visit: Visit, mail_id: UUID) -> ConfirmView:
    mail = await read(request, visit, log.get, visit.business.id, mail_id)
    since = mail.handed_at or mail.created_at
    return ConfirmView(
        heading="Send a mail that may have arrived?",
        consequence="The mail server was given this mail and did not say whether it took it. By"
        " itself it goes out again after an hour. Sent now, it may be in their mailbox twice.",
        facts=[
            Fact("To", mail.recipient),
            Fact("Mail", WORDS.get(mail.message, mail.message)),
            Fact("Handed over", f"{since:%Y-%m-%d %H:%M:%S} UTC"),
        ],
        action=f"{visit.base}/mails/{ids.show(ids.MAIL, mail_id)}/again",
        button="Send it again now",
        back=f"{visit.base}/mails",
        keep="Wait",
        fields={"anyway": "yes"},
    )


ROUTES = [list_mails, send_again]
