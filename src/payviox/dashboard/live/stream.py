"""`…/live`: server-sent events that say that something changed, for pages that follow it."""

from collections.abc import AsyncIterator

from litestar import get
from litestar.response import Stream

from payviox.dashboard.visits import visit_of
from payviox.reporting.changes import KINDS, Kind
from payviox.web.context import Call, services
from payviox.web.pages import HEADERS

BEGIN = b"retry: 3000\n\n"
BEAT = b":\n\n"
END = b"event: ended\ndata:\n\n"
HOW = {"X-Accel-Buffering": "no"}
"""Proxies hand each event on as it comes."""


@get("/dashboard/{business:str}/live", include_in_schema=False)
async def follow(request: Call) -> Stream:
    """A stream until the page closes it, its session ends, or it is time to be let in anew."""
    visit = await visit_of(request)
    asked = request.query_params.get("kinds", "").split(",")
    kinds = frozenset[Kind](kind for kind in KINDS if kind in asked)
    changes = services(request).changes
    changes.require_room(visit.session.digest)

    async def events() -> AsyncIterator[bytes]:
        session = visit.session
        with changes.watch(visit.business.id, session.operator_id, session.digest, kinds) as viewer:
            yield BEGIN
            async for changed in changes.follow(viewer):
                spread_ms = round(changes.spread_s(viewer) * 1000)
                yield b"event: changed\ndata: %d\n\n" % spread_ms if changed else BEAT
            if viewer.is_ended:
                yield END

    return Stream(events(), media_type="text/event-stream", headers=HEADERS | HOW)


ROUTES = [follow]
