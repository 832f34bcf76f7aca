"""Callbacks to whoever listens: signed by their vendor, sent once or as badly as it is told to."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

import aiohttp

Sign = Callable[[bytes, str | None], Awaitable[dict[str, str]]]
"""Headers for a body; the second argument names a forgery, None signs rightly."""

IDS = re.compile(rb'("id": ?")')
WAYS = ("drop", "duplicate", "delay", "hold", "forge")


@dataclass
class Bend:
    """What happens to callbacks of an `event` (a name or pattern), `times` times (None: always),
    each with `chance`: dropped, sent in `copies`, delayed by `seconds` (or a random part of it),
    held until released, or forged (`forge` names how)."""

    do: str
    event: str = "*"
    times: int | None = 1
    chance: float = 1.0
    seconds: float = 0.2
    at_random: bool = False
    copies: int = 2
    forge: str = "signature"
    struck: int = 0

    def __post_init__(self) -> None:
        if self.do not in WAYS:
            raise ValueError(f"no such way: {self.do}; there are {', '.join(WAYS)}")


@dataclass
class Sent:
    """A callback as it was sent, and how it was answered; status None: not at all."""

    vendor: str
    event: str
    url: str
    headers: dict[str, str]
    body: str
    status: int | None = None
    forged: str | None = None
    at: float = field(default_factory=time.time)


@dataclass
class Callback:
    """One that is to be sent."""

    vendor: str
    event: str
    url: str
    body: bytes
    sign: Sign = field(repr=False)


@dataclass
class Callbacks:
    """The post office. What is not answered with 2xx is tried again `retries` times."""

    random: Random
    retries: int = 2
    bends: list[Bend] = field(default_factory=list)
    held: list[Callback] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    def emit(self, callback: Callback) -> None:
        """Send it, or do to it what was planned."""
        bend = self._bend(callback.event)
        if bend is None:
            self._start(callback)
        elif bend.do == "hold":
            self.held.append(callback)
        elif bend.do == "duplicate":
            for _ in range(bend.copies):
                self._start(callback)
        elif bend.do == "delay":
            part = self.random.random() if bend.at_random else 1.0
            self._start(callback, wait_s=bend.seconds * part)
        elif bend.do == "forge":
            self._start(callback, forge=bend.forge)

    def release(self, order: str = "reversed") -> int:
        """Send what was held, in the order of events or reversed."""
        held, self.held = self.held, []
        for callback in reversed(held) if order == "reversed" else held:
            self._start(callback)
        return len(held)

    def replay(self, number: int, copies: int = 1) -> None:
        """Send again, byte for byte, what was sent as the `number`th (-1: last)."""
        again = self.sent[number]
        for _ in range(copies):
            self._run(self._post(again.vendor, again.event, again.url, again.headers, again.body))

    def shown(self) -> list[dict[str, Any]]:
        return [asdict(one) for one in self.sent]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._session is not None:
            await self._session.close()

    def _bend(self, event: str) -> Bend | None:
        for bend in self.bends:
            spent = bend.times is not None and bend.struck >= bend.times
            if spent or not fnmatchcase(event, bend.event):
                continue
            if bend.chance < 1.0 and self.random.random() >= bend.chance:
                continue
            bend.struck += 1
            return bend
        return None

    def _start(self, callback: Callback, wait_s: float = 0, forge: str | None = None) -> None:
        self._run(self._deliver(callback, wait_s, forge))

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, callback: Callback, wait_s: float, forge: str | None) -> None:
        await asyncio.sleep(wait_s)
        for attempt in range(self.retries + 1):
            body = callback.body
            if forge == "body":
                signed = await callback.sign(body, None)
                body = IDS.sub(rb"\1X", body)
            else:
                signed = await callback.sign(body, forge)
            found = await self._post(
                callback.vendor, callback.event, callback.url, signed, body.decode(), forge
            )
            if forge is not None or (found is not None and 200 <= found < 300):
                return
            await asyncio.sleep(0.1 * 2**attempt)

    async def _post(
        self,
        vendor: str,
        event: str,
        url: str,
        headers: dict[str, str],
        body: str,
        forge: str | None = None,
    ) -> int | None:
        if self._session is None:
            # A connection each: a receiver that hangs up between two would lose the second.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=20),
                timeout=aiohttp.ClientTimeout(total=10),
            )
        entry = Sent(vendor, event, url, headers, body, forged=forge)
        self.sent.append(entry)
        given = {"Content-Type": "application/json", **headers}
        try:
            async with self._session.post(url, data=body.encode(), headers=given) as answer:
                await answer.read()
                entry.status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None
        return entry.status
