"""`…/audit`: acts and alerts of a business, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.acts import ACTS, Alert
from payviox.audit import service as audit
from payviox.audit.model import AuditEntry
from payviox.dashboard import lists
from payviox.dashboard.lists import PAGE, Pager, query_of
from payviox.dashboard.people import emails_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.money import dollars
from payviox.web.context import Call

NAMES = (*ACTS, *get_args(Alert))
AMOUNTS = ("amount", "_withdrawal")
"""What has a name that ends so is US cents."""

MEANINGS: dict[str, str] = dict(ACTS.items())


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: `details` are its facts, `changes` what was before and is now."""

    id: str
    at: datetime
    act: str
    meaning: str
    is_alert: bool
    who: str
    place: str | None
    details: list[tuple[str, str]]
    changes: list[tuple[str, str, str]]


class AuditView(msgspec.Struct, frozen=True):
    here: str
    names: tuple[str, ...]
    act: str
    rows: Sequence[Line]
    pager: Pager


@get("/dashboard/{business:str}/audit", include_in_schema=False)
async def list_audit(request: Call) -> Response[Any]:
    """A page of entries, of one act or alert where it is chosen."""
    visit = await visit_of(request)
    act = request.query_params.get("act", "")
    act = act if act in NAMES else ""
    after = ids.parse_number(ids.AUDIT, request.query_params.get("after", ""))
    entries, people = await read(request, visit, _page, visit, act, after)
    here = f"{visit.base}/audit"
    lines = [_line(entry, people) for entry in entries]
    rows, pager = lists.page_of(lines, here, query_of({"act": act}), after=after)
    view = AuditView(
        here=here,
        names=NAMES,
        act=act,
        rows=rows,
        pager=pager,
    )
    return show(request, visit, "audit_log/list.html", view)


async def _page(
    connection: Connection, visit: Visit, act: str, after: int | None
) -> tuple[list[AuditEntry], dict[str, str]]:
    """Entries, and the addresses of the operators among those who acted."""
    entries = await audit.list_page(
        connection, visit.business.id, act=act or None, after=after, limit=PAGE + 1
    )
    return entries, await emails_of(connection, [entry.actor for entry in entries])


def _line(entry: AuditEntry, people: dict[str, str]) -> Line:
    before, after = entry.before or {}, entry.after or {}
    return Line(
        id=ids.show(ids.AUDIT, str(entry.id)),
        at=entry.created_at,
        act=entry.act,
        meaning=MEANINGS.get(entry.act, ""),
        is_alert=entry.kind == "alert",
        who=people.get(entry.actor, entry.actor),
        place=entry.place,
        details=[(name, _text(name, value)) for name, value in entry.detail.items()],
        changes=[
            (name, _text(name, before.get(name)), _text(name, after.get(name)))
            for name in sorted(before.keys() | after.keys())
        ],
    )


def _text(name: str, value: object) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith(AMOUNTS):
        return dollars(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


ROUTES = [list_audit]
