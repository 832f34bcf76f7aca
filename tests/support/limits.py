"""A pytest plugin: the time limits of tests.

Setting up, running and tearing down may each take `@pytest.mark.timeout(seconds)`, or LIMIT_S,
stretched by how slow the machine is. Past it the test fails, and the next one runs:

- a coroutine that waits is cancelled, since an event loop that is broken out of cannot go on;
- everything else is broken out of by a signal;
- what neither reaches, because it never comes back to Python, ends its process with its stacks,
  once the test has had the time of all three and more.
"""

import asyncio
import contextlib
import faulthandler
import signal
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import httpx
import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from _pytest.outcomes import OutcomeException
from anyio._backends._asyncio import TestRunner
from hypothesis import HealthCheck, settings

from support.machine import slowness, stretch

LIMIT_S = 120.0
AGAIN_S = 10.0
"""A test that goes on after its limit, with what else it has to close, is broken out of again."""
CALL_S = 30.0
"""What a test's call by HTTP may take that names no limit of its own."""


class Late(OutcomeException):
    """No pytest.fail, of which hypothesis would look for a smaller example."""


class _Limit:
    """Of what runs just now."""

    seconds = LIMIT_S
    until = 0.0

    @classmethod
    def exceeded(cls) -> Late:
        return Late(f"not done in {cls.seconds:.1f} s")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "timeout(seconds): on a quick machine; see support/limits")
    slowness()  # before test processes start, which inherit it
    settings.register_profile(
        "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("patient")
    default = httpx._config.DEFAULT_TIMEOUT_CONFIG  # five seconds
    default.connect = default.read = default.write = default.pool = stretch(CALL_S)


def pytest_report_header() -> str:
    return f"time limits: stretched by {slowness():.1f}, since so much slower is this machine"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    if item.config.getoption("usepdb"):
        return (yield)
    stacks = item.config.stash[fault_handler_stderr_fd_key]
    faulthandler.dump_traceback_later(4 * (_seconds(item) + _again()), exit=True, file=stacks)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    with _limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    with _limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    with _limited(item):
        return (yield)


@contextlib.contextmanager
def _limited(item: pytest.Item) -> Iterator[None]:
    if item.config.getoption("usepdb"):
        yield
        return
    seconds = _seconds(item)
    _Limit.seconds, _Limit.until = seconds, time.monotonic() + seconds
    signal.signal(signal.SIGALRM, _break_off)
    signal.setitimer(signal.ITIMER_REAL, seconds, _again())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _seconds(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return stretch(marker.args[0] if marker else LIMIT_S)


def _again() -> float:
    return stretch(AGAIN_S)


def _break_off(*_: object) -> None:
    with contextlib.suppress(RuntimeError):
        if asyncio.current_task() is None:
            return  # the loop waits, and cancels the test
    faulthandler.dump_traceback(all_threads=True)  # shown with the test
    raise _Limit.exceeded()


_run = TestRunner._call_in_runner_task


async def _run_limited(
    self: TestRunner, function: Callable[..., Awaitable[Any]], /, *arguments: Any, **named: Any
) -> Any:
    """What anyio's plugin calls for each asynchronous test, and for each half of a fixture."""

    async def in_time() -> Any:
        try:
            async with asyncio.timeout(_Limit.until - time.monotonic()) as limit:
                return await function(*arguments, **named)
        except TimeoutError as error:
            if limit.expired():
                raise _Limit.exceeded() from error
            raise

    return await _run(self, in_time)


TestRunner._call_in_runner_task = _run_limited  # type: ignore[method-assign,assignment]
