"""The EVM node of these tests, and a business that pays from a wallet there."""

from collections.abc import AsyncIterator

import pytest

from payviox.rails.evm import client
from support.anvil import Contract, Node, anvil, anvil_node
from support.businesses import TestBusiness
from support.evm import Paying, paying

__all__ = ["anvil", "anvil_node"]


@pytest.fixture(scope="session")
def tokens(anvil_node: Node) -> tuple[Contract, Contract]:
    """Deployed before the first test with them, whose end would undo it: each has them as new."""
    return anvil_node.tokens


@pytest.fixture
async def pay(
    tokens: tuple[Contract, Contract],  # deployed before `anvil` looks
    anvil: Node,
    business: TestBusiness,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Paying]:
    """Nothing is shared between its look-ups, so that each sees the chain as it is."""
    monkeypatch.setattr(client, "SHARED_S", 0.0)
    ready = await paying(anvil, business)
    yield ready
    await ready.rail.close()
