"""One simulator for all tests of a file, and clients of accounts that no other test uses."""

from collections.abc import Callable, Iterator

import pytest

from support.simulator import Simulator
from support.vendor_clients import PayPalClient, TremendousClient


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    started = Simulator()
    yield started
    started.close()


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    """What a test scripted is forgotten after it."""
    yield running
    running.reset()
    running.forget()


@pytest.fixture
def paypal(simulator: Simulator) -> Callable[..., PayPalClient]:
    return lambda **settings: PayPalClient(simulator, **settings)


@pytest.fixture
def tremendous(simulator: Simulator) -> Callable[..., TremendousClient]:
    return lambda **settings: TremendousClient(simulator, **settings)
