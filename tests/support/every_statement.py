"""Every function that has SQL, called with made-up arguments: what cannot run says so, though there
is nothing in the database."""

import dataclasses
import importlib
import inspect
import pkgutil
import types
import typing
from collections import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec

import payviox
from payviox.ledger.queries import records, seals

Call = Callable[..., Any]

BUSINESS = UUID("018f0000-0000-7000-8000-000000000001")

SEVERAL: Mapping[str, Sequence[dict[str, object]]] = {
    "ledger.records.broken": [{"statement": text} for _, text in records.STATEMENTS],
    "ledger.seals.digest": [{"stream": name, "after": 0, "until": 9} for name in seals.STREAMS],
    "ledger.seals.until": [{"source": name} for name in seals.SOURCES],
    "ledger.seals.count_below_one": [{"source": name} for name in seals.SOURCES],
    "businesses.businesses.update": [
        {"changes": {"hash_lifetime_days": 3}},
        {"changes": {"balance_lifetime_days": 30, "expiry_notice_days": 10}},
    ],
    "bank.files.update": [
        {"changes": {"status": "released", "released_at": None, "lease_s": None}},
        {"changes": {"step": "writing", "lease_s": 60}},
    ],
    "rail_accounts.accounts.update": [{"changes": {"enabled": True}}],
    "withdrawals.orders.list_of_user": [{"groups": [(["created"], 1), (["failed"], 1)]}],
}
"""Arguments that are not just any of their kind."""


def functions() -> Iterator[tuple[str, Call]]:
    """Each with its name, as `giftcards.stock.find_product`."""
    for module in pkgutil.walk_packages(payviox.__path__, "payviox."):
        if ".queries." not in module.name:
            continue
        room = module.name.removeprefix("payviox.").replace(".queries", "")
        for name, value in vars(importlib.import_module(module.name)).items():
            if (
                inspect.isfunction(value)
                and value.__module__ == module.name
                and not name.startswith("_")
                and next(iter(inspect.signature(value).parameters), None) == "connection"
            ):
                yield f"{room}.{name}", value


def arguments(name: str, function: Call, *, fewest: bool) -> list[dict[str, object]]:
    """What to call it with: one set, or several. `fewest`: with None where that may be."""
    kinds = typing.get_type_hints(function)
    parameters = [*inspect.signature(function).parameters][1:]
    several = SEVERAL.get(name, [{}])
    return [
        {
            each: given[each] if each in given else _make(kinds[each], each, fewest=fewest)
            for each in parameters
        }
        for given in several
    ]


_PLAIN: Mapping[Any, object] = {
    str: "x",
    int: 1,
    float: 1.0,
    bytes: bytes(32),
    Decimal: Decimal(1),
    date: date(2026, 11, 29),
    datetime: datetime(2026, 11, 29, tzinfo=UTC),
    timedelta: timedelta(minutes=1),
    Any: "x",
    object: "x",
    type(None): None,
}


def _make(kind: Any, name: str, *, fewest: bool) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)

    def make(one: Any, called: str = name) -> Any:
        return _make(one, called, fewest=fewest)

    if isinstance(kind, typing.NewType):
        return make(kind.__supertype__)
    if kind is UUID:
        return BUSINESS if name == "business_id" else uuid4()
    if kind is bool:
        return not fewest
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin is typing.Literal:
        return inner[0]
    if origin in (typing.Union, types.UnionType):
        return None if fewest and type(None) in inner else make(inner[0])
    if origin is tuple:
        return tuple(make(each) for each in inner if each is not ...)
    if origin in (dict, abc.Mapping):
        return {make(inner[0], "key"): make(inner[1])}
    if origin in (list, abc.Sequence, abc.Set, abc.Iterable, abc.Collection):
        return [make(inner[0])]
    if dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct):
        fields = inspect.signature(kind).parameters
        kinds = typing.get_type_hints(kind)
        return kind(**{each: make(kinds[each], each) for each in fields})
    raise TypeError(f"what is a {kind}?")
