"""What the benchmarks make of pgbench's report."""

import pytest

from benchmarks import database

REPORT = "number of transactions actually processed: 3\ntps = 12.5 (without initial connection)\n"
EMPTY = "number of transactions actually processed: 0\n"


def test_the_rate_is_what_pgbench_says_and_the_latency_its_logs_median() -> None:
    assert database.reported(REPORT, [9_000, 1_000, 2_000], 16, 4) == (12.5, 0.002)


@pytest.mark.parametrize(("said", "times_us"), [("", []), (EMPTY, []), (REPORT, []), (EMPTY, [1])])
def test_a_run_without_a_transaction_ends_with_a_sentence(said: str, times_us: list[int]) -> None:
    with pytest.raises(SystemExit, match="no transaction with 256 clients in 4 s") as ended:
        database.reported(said, times_us, 256, 4)
    assert "--seconds 8" in str(ended.value)
