"""The closed sets of acts and alerts."""

from typing import get_args

from payviox.acts import ACTS, Act, Alert


def test_every_act_has_its_meaning() -> None:
    assert set(ACTS) == set(get_args(Act))


def test_no_name_is_an_act_and_an_alert() -> None:
    assert not set(get_args(Act)) & set(get_args(Alert))
