"""What a business's rules may name."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest

from payviox import wiring
from payviox.businesses import rules
from payviox.db.pool import Database
from payviox.errors import FieldErrors
from payviox.keyring import Keyring
from payviox.rails.orders import Provider


def test_every_provider_and_rail_of_the_product_may_be_reviewed() -> None:
    rails = wiring.rails(Database("postgresql://nowhere"), Keyring("k" * 32))
    assert set(rules.REVIEWABLE) == {*get_args(Provider), *rails.names}
    text = f"review_rails={','.join(rules.REVIEWABLE)}"
    assert rules.parse([text]) == {"review_rails": list(rules.REVIEWABLE)}
    assert rules.parse(["review_rails=none"]) == {"review_rails": []}


@pytest.mark.parametrize("names", ["papal", "paypal,papal", "", "paypal,,crypto"])
def test_a_rail_that_nobody_has_is_refused_with_those_there_are(names: str) -> None:
    with pytest.raises(FieldErrors) as refused:
        rules.parse([f"review_rails={names}"])
    (message,) = refused.value.fields["review_rails"]
    assert ", ".join(rules.REVIEWABLE) in message


@pytest.mark.parametrize(
    ("given", "value"),
    [("yes", True), ("true", True), ("Yes", True), ("no", False), ("FALSE", False), ("0", False)],
)
def test_a_switch_is_read_as_it_is_shown(given: str, value: bool) -> None:
    assert rules.parse([f"review_first_use={given}"]) == {"review_first_use": value}


@pytest.mark.parametrize(
    "changes", [{"code_first": True}, {"code_amount": 100}, {"code_new_device": True}]
)
def test_codes_by_mail_are_not_asked_for_where_no_mail_is_sent(changes: dict[str, object]) -> None:
    business: Any = SimpleNamespace(min_withdrawal=1, max_withdrawal=2)
    rules.check_together(business, changes, sends_mails=True)
    with pytest.raises(FieldErrors) as refused:
        rules.check_together(business, changes, sends_mails=False)
    assert list(refused.value.fields) == list(changes)
    cleared = {"code_first": False, "code_amount": None, "code_new_device": False}
    rules.check_together(business, cleared, sends_mails=False)
