"""A pytest plugin: a test process that is lost ends the run. Its tests would otherwise wait for a
process of their own, some for ever."""

from typing import Any

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Called where tests are handed out. The other processes are told to stop by the exit."""
    if error is None or error == "keyboard-interrupt":
        return
    lost = f"test process {node.gateway.id} is lost"
    session = node.config.pluginmanager.get_plugin("dsession")
    if node in session.sched.nodes:
        running = session.sched.remove_node(node)
        if running:
            session.handle_crashitem(running, node)
            lost += f"; it ran {running}"
    pytest.exit(lost, returncode=pytest.ExitCode.TESTS_FAILED)
