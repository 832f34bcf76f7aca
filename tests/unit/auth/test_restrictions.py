"""What a restricted key may do, as a value."""

import ipaddress
from datetime import datetime
from typing import Any

import pytest

from payviox.auth import restrictions
from payviox.auth.restrictions import Restrictions
from payviox.errors import FieldErrors


def test_the_networks_of_a_key_are_read_once_for_all_items_of_a_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parse, parsed = ipaddress.ip_network, []

    def counted(text: str) -> Any:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(ipaddress, "ip_network", counted)
    networks = [f"203.0.113.{n}/32" for n in range(50)]
    refused = [
        restrictions.refusal(["allocate"], list(networks), "allocate", "198.51.100.99")
        for _ in range(1_000)
    ]
    assert len({id(each) for each in refused}) == 1_000
    assert {str(each) for each in refused} == {"This key may not be used from here"}
    assert len(parsed) == 50


@pytest.mark.parametrize(
    "end",
    ["2126-01-31T00:00:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"],
)
def test_an_end_that_the_database_could_not_give_back_is_refused(end: str) -> None:
    wanted = Restrictions("Shop", ("read",), expires_at=datetime.fromisoformat(end))
    with pytest.raises(FieldErrors):
        restrictions.checked(wanted)
