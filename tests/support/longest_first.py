"""A pytest plugin: the files that take longest are begun first, the longest of all side by side, so
that no test process works alone at the end of a run."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LONGEST = (
    "acceptance/rails/test_random_orders.py",
    "acceptance/rails/test_more_random_orders.py",
    "acceptance/rails/test_random_bank_orders.py",
    "acceptance/test_killed_under_load.py",
    "acceptance/test_documents.py",
    "acceptance/cli/test_backup.py",
    "browser/dashboard/test_orders.py",
    "acceptance/test_serve.py",
    "browser/redeem/test_redeem.py",
    "acceptance/test_demo_crypto.py",
    "browser/redeem/test_wrong_turns.py",
    "browser/redeem/test_journeys.py",
    "acceptance/test_web_processes.py",
    "acceptance/cli/test_commands.py",
    "acceptance/test_serve_external.py",
    "integration/db/test_embedded.py",
    "acceptance/cli/test_upgrade.py",
    "acceptance/cli/test_rails.py",
    "browser/redeem/test_embedding.py",
    "integration/allocations/test_killed.py",
    "acceptance/test_document_against_server.py",
    "browser/dashboard/test_allocate.py",
    "acceptance/test_failover.py",
    "acceptance/cli/test_database.py",
    "acceptance/rails/test_killed_at_every_point.py",
    "acceptance/cli/test_reconcile.py",
    "integration/rails/evm/test_commands.py",
    "acceptance/withdrawals/test_worker_killed.py",
    "acceptance/webhooks/test_worker_killed.py",
)
"""Under tests/, whatever takes more than some fifteen seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test process comes to the same order, which is what tests are handed out by."""
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST)}
    gone = [str(path) for path in ranks if not path.exists()]
    if gone:
        raise pytest.UsageError(f"longest_first names files that are gone: {gone}")
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
