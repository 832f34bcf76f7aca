"""Tax facts over the API: what was paid to whom in a year, and what is noted of a payout user."""

from typing import Annotated

import msgspec
from litestar import get, put

from payviox import ids
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented, listed
from payviox.money import MAX_TREASURY
from payviox.taxes import service as taxes
from payviox.taxes.model import Person, State
from payviox.text import MAX_NOTE
from payviox.web.context import Call, business, read, write
from payviox.web.cursors import Listed, Page, after_id, page_of, path_id, read_query
from payviox.web.request_json import read_json

TAG = "Taxes"


class TaxFilter(Page, kw_only=True):
    """Which year, and from how many US cents on."""

    year: Annotated[int, msgspec.Meta(description="A calendar year in UTC")]
    at_least: Annotated[int, msgspec.Meta(ge=1, le=MAX_TREASURY, description="US cents")] = 1


class ByProvider(msgspec.Struct):
    """What came by one provider, in US cents: `paid` in the year, `returned` of that until now;
    `fees` were kept from it before."""

    provider: str
    orders: int
    paid: int
    returned: int
    total: int
    fees: int


class TaxFacts(msgspec.Struct):
    """What a payout user was paid in the year and did not come back (`total`), by the time of
    success, and what the business noted of their tax state."""

    id: str
    email: str
    total: int
    state: State | None
    note: str | None
    providers: list[ByProvider]


class TaxNote(msgspec.Struct):
    """A payout user's tax state as the business knows it. Write no tax number into the note."""

    state: State
    note: Annotated[str, msgspec.Meta(max_length=MAX_NOTE)] | None = None


EXAMPLE = TaxFacts(
    "usr_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70",
    "ada@example.com",
    73_500,
    "w9",
    "received in March",
    [ByProvider("paypal", 3, 76_000, 2_500, 73_500, 900)],
)


@get("/payout/taxes", guards=[require_business])
@documented(TAG, {200: listed(EXAMPLE)}, query=TaxFilter)
async def list_tax_facts(request: Call) -> Listed[TaxFacts]:
    """What was paid to whom in a calendar year (UTC).

    An order counts in the year in which it succeeded; what was returned of it since is taken off
    there. People come in the order of their ids. These are facts from the ledger, no tax advice,
    and nothing is filed.
    """
    wanted = read_query(request, TaxFilter)
    after = after_id(wanted, ids.USER)
    people = await read(
        request,
        lambda connection: taxes.list_page(
            connection,
            business(request).business_id,
            wanted.year,
            at_least=wanted.at_least,
            after=after,
            limit=wanted.limit + 1,
        ),
    )
    return page_of(people, wanted.limit, view)


@put("/payout/users/{id:str}/tax-note", guards=[require_business])
@documented(TAG, {200: TaxNote("w9", "received in March")}, request=TaxNote("w9"))
async def set_tax_note(request: Call) -> TaxNote:
    """Note a payout user's tax state, in place of what was noted before."""
    caller, wanted = business(request), read_json(request, TaxNote)
    user_id = path_id(request, ids.USER)
    await write(
        request,
        caller.business_id,
        taxes.note,
        caller.business_id,
        user_id,
        wanted.state,
        wanted.note,
        caller.actor,
    )
    return wanted


def view(person: Person) -> TaxFacts:
    return TaxFacts(
        ids.show(ids.USER, person.user_id),
        person.email,
        person.total,
        person.state,
        person.note,
        [
            ByProvider(row.provider, row.orders, row.paid, row.returned, row.total, row.fees)
            for row in person.rows
        ],
    )


ROUTES = [list_tax_facts, set_tax_note]
