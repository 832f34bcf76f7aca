"""What was done to a business and by whom, and what was noticed."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.acts import Act, Alert
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented, listed
from payviox.audit import service as audit
from payviox.audit.model import AuditEntry
from payviox.web.context import Call, business, services
from payviox.web.cursors import (
    Listed,
    Page,
    after_number,
    filter_id,
    page_of,
    read_query,
    unknown_after,
)


class AuditEntryView(msgspec.Struct, kw_only=True):
    """One act, or one alert. `actor` is `operator:<id>`, `key:<last characters>`, `command:<system
    user>`, `payout_user:<id>` or `worker`; `place` is the address or host that it was done from.
    `before` and `after` hold what an act changed."""

    id: str
    kind: Literal["act", "alert"]
    act: str
    actor: str
    created_at: datetime
    detail: dict[str, Any]
    place: str | UnsetType = UNSET
    before: dict[str, Any] | UnsetType = UNSET
    after: dict[str, Any] | UnsetType = UNSET


class AuditFilter(Page, kw_only=True):
    """Which entries to list."""

    act: Act | Alert | None = None
    kind: Literal["act", "alert"] | None = None
    order: Annotated[str | None, msgspec.Meta(description="Those about this order")] = None


EXAMPLE = AuditEntryView(
    id="aud_12",
    kind="act",
    act="business.set",
    actor="command:payviox",
    created_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    detail={},
    place="payouts-1",
    before={"payouts_enabled": False},
    after={"payouts_enabled": True},
)


@get("/payout/audit", guards=[require_business])
@documented("Audit", {200: listed(EXAMPLE)}, query=AuditFilter)
async def list_audit(request: Call) -> Listed[AuditEntryView]:
    """Everything that changed the business's money, rights, settings or secrets, and every alert,
    newest first.

    Allocations and withdrawals stand in the history, not here.
    """
    business_id = business(request).business_id
    wanted = read_query(request, AuditFilter)
    after = after_number(wanted, ids.AUDIT)
    order_id = filter_id(wanted.order, ids.ORDER, "order")
    database = services(request).database
    if after is not None and not await database.fetch(audit.exists, business_id, after):
        raise unknown_after()
    rows = await database.fetch(
        lambda connection: audit.list_page(
            connection,
            business_id,
            act=wanted.act,
            kind=wanted.kind,
            order_id=order_id,
            after=after,
            limit=wanted.limit + 1,
        )
    )
    return page_of(rows, wanted.limit, _view)


def _view(entry: AuditEntry) -> AuditEntryView:
    detail = dict(entry.detail)
    if "order" in detail:
        detail["order"] = ids.show(ids.ORDER, detail["order"])
    return AuditEntryView(
        id=ids.show(ids.AUDIT, str(entry.id)),
        kind=entry.kind,
        act=entry.act,
        actor=entry.actor,
        created_at=entry.created_at,
        detail=detail,
        place=entry.place or UNSET,
        before=UNSET if entry.before is None else entry.before,
        after=UNSET if entry.after is None else entry.after,
    )


ROUTES = [list_audit]
