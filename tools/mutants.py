"""Mutation testing of the money modules: `make mutants`.

mutmut makes the mutants: each changes one thing of one function, and the tests that call that
function have to fail. There are too many for one evening: a random sample is tried, the same one
for the same seed. Each mutant is a fork of a process that has imported everything, beside a
PostgreSQL that runs already. What survives is shown; a run that was stopped goes on where it was,
until build/mutants is removed."""

import argparse
import ast
import contextlib
import difflib
import inspect
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "mutants"
ROOMS = ("ledger", "allocations", "withdrawals")
TESTS = (
    "unit/withdrawals",
    "unit/allocations",
    "integration/ledger/test_model.py",
    "integration/ledger/test_verify.py",
    "integration/ledger/test_seals.py",
    "integration/ledger/test_daily_flows.py",
    "integration/ledger/test_moments.py",
    "integration/allocations/test_groups.py",
    "integration/allocations/test_guilty_requests.py",
    "acceptance/test_batch.py",
    "acceptance/test_contract_create.py",
    "acceptance/test_contract_idempotency.py",
    "acceptance/test_history.py",
    "acceptance/test_users.py",
    "integration/dashboard/test_uploads.py",
    "integration/withdrawals",
    "integration/api/test_order_routes.py",
    "integration/api/test_payout_user_routes.py",
    "integration/redeem/test_codes.py",
    "integration/redeem/test_withdraw.py",
    "integration/reconciliation",
    "integration/treasury",
    "integration/dashboard/test_orders.py",
    "integration/dashboard/test_order_lists.py",
    "integration/dashboard/test_order_page.py",
    "integration/dashboard/test_period.py",
    "integration/dashboard/test_search.py",
    "integration/dashboard/test_settings.py",
    "integration/dashboard/test_users.py",
    "integration/unclaimed/test_expiry.py",
    "integration/approvals",
)
"""Under tests/: what asserts these rooms' behaviour within one process."""
FIRST = 40
"""So many of the quickest tests of a function come first; the others only if these all pass."""
LIMIT_S = 600.0
"""A mutant whose tests have not ended by then hangs, unless the machine is busy: try it again."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def lay_out() -> dict[str, list[str]]:
    """The tree with every mutant in it, in FOLDER; answers the mutants of each module."""
    kept = FOLDER / "names.json"
    if kept.exists():
        return dict(json.loads(kept.read_text("utf-8")))
    for name in ("src", "tests", "tools", "clients", "docs"):
        unwanted = shutil.ignore_patterns("node_modules", "__pycache__", "node")
        shutil.copytree(ROOT / name, FOLDER / name, ignore=unwanted, dirs_exist_ok=True)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, FOLDER)
    made = {}
    for room in ROOMS:
        for file in sorted((FOLDER / "src" / "payviox" / room).rglob("*.py")):
            mutated = mutate_file_contents(str(file), file.read_text("utf-8"))
            file.write_text(mutated.code, "utf-8")
            module = ".".join(file.relative_to(FOLDER / "src").with_suffix("").parts)
            made[module] = list(mutated.mutant_names)
    kept.write_text(json.dumps(made), "utf-8")
    return made


def run_tests(mutant: str, tests: Sequence[str]) -> int:
    """What pytest ends with, in a fork: 0 where the mutant survives, -9 where it hangs."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        os._exit(_pytest(mutant, ["-x", *tests]))
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -signal.SIGKILL


def _pytest(mutant: str, arguments: Sequence[str]) -> int:
    set_mutant_under_test(mutant)
    options = ["-q", "-p", "support.mutants", "-p", "no:cacheprovider", "-W", "ignore"]
    return int(pytest.main([*options, *arguments]))


def calls() -> dict[str, list[str]]:
    """The tests of each function, the quickest first."""
    from support import mutants  # noqa: PLC0415  # the copy beside the mutants

    kept = FOLDER / "calls.jsonl"
    if not kept.exists():
        os.environ[mutants.CALLS] = str(kept.with_suffix(".part"))
        pid = os.fork()
        if pid == 0:
            os._exit(_pytest("stats", [f"tests/{name}" for name in TESTS]))
        _, status = os.waitpid(pid, 0)
        say(f"the tests ended with {os.waitstatus_to_exitcode(status)}")
        kept.with_suffix(".part").rename(kept)
        del os.environ[mutants.CALLS]
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for line in kept.read_text("utf-8").splitlines():
        test, took_s, functions = json.loads(line)
        for function in functions:
            found[function].append((took_s, test))
    return {function: [test for _, test in sorted(tests)] for function, tests in found.items()}


def difference(mutant: str) -> str:
    """What the mutant changes, as a diff."""
    module, _, name = mutant.rpartition(".")
    __import__(module)
    source = inspect.getsource(sys.modules[module])
    original = name.partition("__mutmut_")[0] + "__mutmut_orig"
    before, after = (_function(source, each) for each in (original, name))
    lines = difflib.unified_diff(before, after, mutant, "mutant", n=1, lineterm="")
    return "\n".join(lines)


def _function(source: str, name: str) -> list[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
            return [line.replace(name, "…") for line in lines]
    raise LookupError(name)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sample", type=int, default=200, help="how many; 0: all")
    asked.add_argument("--seed", type=int, default=11)
    asked.add_argument("mutants", nargs="*", help="these alone, such as an earlier run named")
    given = asked.parse_args()
    every = [f"{module}.{name}" for module, names in lay_out().items() for name in names]
    chosen = given.mutants or every
    if given.sample and not given.mutants:
        chosen = random.Random(given.seed).sample(every, given.sample)  # noqa: S311  # no secret
    say(f"{len(chosen)} of {len(every)} mutants, seed {given.seed}")
    os.chdir(FOLDER)
    sys.path[:0] = [str(FOLDER / "src"), str(FOLDER / "tests")]
    os.environ["MUTANT_UNDER_TEST"] = ""
    from support import databases, mutants  # noqa: PLC0415  # as above

    kept = FOLDER / "results.json"
    results: dict[str, str] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    started = databases.server
    with tempfile.TemporaryDirectory() as home, started(Path(home)) as server:
        os.environ[mutants.SERVER] = mutants.described(server)
        tests_of = calls()
        _pytest("", ["--collect-only", "-qq", *(f"tests/{name}" for name in TESTS)])
        for number, mutant in enumerate(chosen, 1):
            if mutant in results and not given.mutants:
                continue
            tests = tests_of.get(mutant.partition("__mutmut_")[0], [])
            status = 0
            for part in (tests[:FIRST], tests[FIRST:]):
                status = status or (run_tests(mutant, part) if part else 0)
            words = {0: "survived" if tests else "not called", 1: "killed", -9: "not done in time"}
            results[mutant] = words.get(status, f"ended with {status}")
            say(f"{number} {results[mutant]} {mutant}")
            if results[mutant] != "killed":
                say(difference(mutant))
            kept.write_text(json.dumps(results, indent=1), "utf-8")
    say(str(Counter(results[mutant] for mutant in chosen)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
