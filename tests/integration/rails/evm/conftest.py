"""The EVM node of these tests."""

from support.anvil import anvil, anvil_node

__all__ = ["anvil", "anvil_node"]
