"""A deposit is booked once for each reference."""

import unicodedata
from typing import Any

import pytest

from conftest import MakeBusiness
from payviox.errors import Conflict
from payviox.treasury import service as treasury

pytestmark = pytest.mark.anyio

NAME = "Überweisung Café 7"
FORMS = [unicodedata.normalize(form, NAME) for form in ("NFC", "NFD")]


@pytest.mark.parametrize(("first", "second"), [FORMS, FORMS[::-1]])
async def test_one_reference_in_two_compositions_is_booked_once(
    make_business: MakeBusiness, first: str, second: str
) -> None:
    business = await make_business()

    async def deposit(amount: int, reference: str) -> Any:
        return await business.database.write(
            treasury.deposit, business.business_id, amount, reference, "test"
        )

    assert not (await deposit(700, first)).already_booked
    again = await deposit(700, second)
    assert again.already_booked
    with pytest.raises(Conflict, match="used before"):
        await deposit(701, second)
    assert (await business.ledger())["main"] == 700


async def test_what_was_kept_in_another_composition_is_found(make_business: MakeBusiness) -> None:
    business = await make_business()
    await business.database.write(treasury.deposit, business.business_id, 700, NAME, "test")
    async with business.database.read() as connection:
        kept = await treasury.ledger.find_by_reference(
            connection, business.business_id, "deposit", FORMS
        )
    assert kept is not None
