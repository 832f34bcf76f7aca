"""Which calls go wrong, and how: planned call by call, or at random rates from a seed."""

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

KINDS = {
    "hang": "never answers, for `seconds` at most; then hangs up",
    "late": "acts and answers after `seconds`, though the caller may be gone",
    "drop": "hangs up",
    "error": "answers `status` in the vendor's shape",
    "rate_limit": "answers 429, with Retry-After where `retry_after` is given",
    "garbage": "answers bytes that are no text",
    "html": "answers a web page",
    "empty": "answers nothing at all with the right status",
    "list": "answers JSON, but no object",
    "cut": "answers JSON that ends in the middle, complete as HTTP",
    "truncated": "hangs up in the middle of the body",
    "huge": "answers 20 MB",
    "slow": "answers rightly, after `seconds`",
}


@dataclass
class Fault:
    """One way to go wrong. `route` is a route's name or pattern (`paypal.*`), `contains` must occur
    in the path or body. `when`: before anything was done, or after all was done. It strikes from
    the `nth` matching call on, `times` times (None: always), and each time with `chance`."""

    route: str
    fault: str
    when: str = "before"
    nth: int = 1
    times: int | None = 1
    chance: float = 1.0
    contains: str | None = None
    status: int = 500
    retry_after: int | None = None
    seconds: float = 3_600.0
    seen: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        if self.fault not in KINDS:
            raise ValueError(f"no such fault: {self.fault}; there are {', '.join(KINDS)}")
        if self.when not in ("before", "after"):
            raise ValueError("when is before or after")


@dataclass
class Faults:
    """What goes wrong with the next calls. Plans come first, then rates."""

    random: Random
    planned: list[Fault] = field(default_factory=list)
    rates: list[Fault] = field(default_factory=list)

    def plan(self, entries: list[dict[str, Any]]) -> None:
        """Entries with a `rate` strike at random, for good."""
        for entry in entries:
            given = dict(entry)
            rate = given.pop("rate", None)
            if rate is None:
                self.planned.append(Fault(**given))
            else:
                self.rates.append(Fault(**{"times": None, "chance": rate, **given}))

    def pick(self, route: str, text: str) -> Fault | None:
        """The fault of this call; each matching plan counts it."""
        struck = None
        for fault in self.planned:
            if not fnmatchcase(route, fault.route) or (fault.contains or "") not in text:
                continue
            fault.seen += 1
            spent = fault.times is not None and fault.struck >= fault.times
            if struck is None and fault.seen >= fault.nth and not spent:
                fault.struck += 1
                struck = fault
        return struck or self._at_random(route, text)

    def _at_random(self, route: str, text: str) -> Fault | None:
        for fault in self.rates:
            if not fnmatchcase(route, fault.route) or (fault.contains or "") not in text:
                continue
            fault.seen += 1
            if self.random.random() < fault.chance:
                fault.struck += 1
                return fault
        return None

    def shown(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in [*self.planned, *self.rates]]

    def clear(self) -> None:
        self.planned.clear()
        self.rates.clear()
