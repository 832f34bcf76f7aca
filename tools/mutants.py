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
import itertools
import json
import os
import random
import re
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
    "unit/rails",
    "unit/reporting",
    "integration/ledger",
    "integration/allocations",
    "integration/approvals",
    "integration/bank",
    "integration/giftcards",
    "integration/idempotency",
    "integration/maintenance",
    "integration/mails",
    "integration/operator_mails",
    "integration/rail_accounts",
    "integration/rails",
    "integration/reconciliation",
    "integration/reporting",
    "integration/taxes",
    "integration/treasury",
    "integration/unclaimed",
    "integration/webhooks",
    "integration/withdrawals",
    "integration/worker",
    "integration/api",
    "integration/redeem",
    "integration/dashboard",
    "acceptance/test_batch.py",
    "acceptance/test_contract_balance.py",
    "acceptance/test_contract_create.py",
    "acceptance/test_contract_idempotency.py",
    "acceptance/test_history.py",
    "acceptance/test_users.py",
)
"""Under tests/: what asserts these rooms' behaviour within one process."""
PARTS = (6, 40, 150)
"""So many tests of a function are tried, then up to so many where these pass: what the last ones
do not notice counts as survived."""
_WORDS_OF_SQL = re.compile(
    r"\b(SELECT|FROM|WHERE|AND|OR|ORDER BY|LIMIT|UPDATE|SET|INSERT|ON|EXISTS|FETCH|DECLARE) "
)
_MATTERS = re.compile(r"'[^']*'|%\(\w+\)s|%s")
"""What is another thing in small letters than in large ones."""
PATIENCE = 20
"""A mutant hangs whose tests take so many times as long as without it, and a minute: unless the
machine is busy, so try it again."""


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


def run_tests(mutant: str, tests: Sequence[str], limit_s: float) -> tuple[int, str]:
    """What pytest ends with in a fork, and what it says of the test that fails: 0 where the mutant
    survives, -9 where it hangs."""
    said = FOLDER / "said.txt"
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        with said.open("w") as file, Path(os.devnull).open("w") as nowhere:
            os.dup2(file.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        stop = [] if mutant == "stats" else ["-x"]
        os._exit(_pytest(mutant, [*stop, "--tb=no", *tests]))
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            lines = said.read_text("utf-8").splitlines()
            failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
            return os.waitstatus_to_exitcode(status), " ".join(failed)
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -signal.SIGKILL, ""


def _pytest(mutant: str, arguments: Sequence[str]) -> int:
    set_mutant_under_test(mutant)
    options = ["-q", "-p", "support.mutants", "-p", "no:cacheprovider", "-W", "ignore"]
    return int(pytest.main([*options, *arguments]))


def calls() -> dict[str, dict[str, float]]:
    """The tests of each function and their seconds; those first that are quick and call little
    else."""
    from support import mutants  # noqa: PLC0415  # the copy beside the mutants

    found: dict[str, list[tuple[float, str, float]]] = defaultdict(list)
    for name in TESTS:
        kept = FOLDER / "calls" / f"{name.replace('/', '.')}.jsonl"
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            part = kept.with_suffix(".part")
            part.write_text("", "utf-8")
            os.environ[mutants.CALLS] = str(part)
            status, failed = run_tests("stats", [f"tests/{name}"], 3_600)
            say(f"{name} ended with {status} {failed}")
            part.rename(kept)
            del os.environ[mutants.CALLS]
        for line in kept.read_text("utf-8").splitlines():
            test, took_s, functions = json.loads(line)
            for function in functions:
                found[function].append((took_s * len(functions), test, took_s))
    return {
        function: {test: took_s for _, test, took_s in sorted(tests)}
        for function, tests in found.items()
    }


def difference(mutant: str) -> str:
    """What the mutant changes, as a diff."""
    module, _, name = mutant.rpartition(".")
    __import__(module)
    source = inspect.getsource(sys.modules[module])
    original = name.partition("__mutmut_")[0] + "__mutmut_orig"
    before, after = (_function(source, each) for each in (original, name))
    lines = difflib.unified_diff(before, after, mutant, "mutant", n=1, lineterm="")
    return "\n".join(lines)


def is_the_same_sql(mutant: str, changes: str) -> bool:
    """Whether the mutant only writes a statement in small or large letters: to a server these are
    the same outside quotes, and outside parameters."""
    old, new = (
        [line for line in changes.splitlines()[2:] if line.startswith(sign)] for sign in "-+"
    )
    if ".queries." not in mutant or len(old) != 1 or len(new) != 1:
        return False
    texts, others = (re.findall(r'"([^"]*)"', line) for [line] in (old, new))
    pairs = [pair for pair in zip(texts, others, strict=False) if pair[0] != pair[1]]
    if len(texts) != len(others) or len(pairs) != 1:
        return False
    [(before, after)] = pairs
    return (
        _WORDS_OF_SQL.search(before) is not None
        and before.lower() == after.lower()
        and _MATTERS.findall(before) == _MATTERS.findall(after)
    )


def _function(source: str, name: str) -> list[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
            return [line.replace(name, "…") for line in lines]
    raise LookupError(name)


def by_file(tests: Sequence[str]) -> list[str]:
    """Those of one file one after the other: each file has a database of its own."""
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    return sorted(tests, key=lambda test: files.index(test.partition("::")[0]))


def try_out(number: int, mutant: str, tests_of: dict[str, dict[str, float]]) -> str:
    """One word on what became of it; what was not noticed is shown."""
    changes = difference(mutant)
    tests = tests_of.get(mutant.partition("__mutmut_")[0], {})
    if is_the_same_sql(mutant, changes):
        say(f"{number} the same {mutant}")
        return "the same"
    status, failed, every = 0, "", list(tests)
    for begin, end in itertools.pairwise((0, *PARTS)):
        part = by_file(every[begin:end])
        if part and status == 0:
            limit_s = 60 + PATIENCE * sum(tests[test] for test in part)
            status, failed = run_tests(mutant, part, limit_s)
    words = {0: "survived" if tests else "not called", 1: "killed", -9: "not done in time"}
    word = words.get(status, f"ended with {status}")
    say(f"{number} {word} {mutant} {failed}")
    if word != "killed":
        say(changes)
    return word


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
    from support import databases, homes, mutants  # noqa: PLC0415  # as above

    kept = FOLDER / "results.json"
    results: dict[str, str] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    _pytest("", ["--collect-only", "-qq", *(f"tests/{name}" for name in TESTS)])
    with (
        tempfile.TemporaryDirectory() as disk,
        homes.in_memory(Path(disk)) as home,
        databases.embedded_server(homes.made(home)) as server,
    ):
        os.environ |= mutants.environment(server)
        tests_of = calls()
        for number, mutant in enumerate(chosen, 1):
            if mutant not in results or given.mutants:
                results[mutant] = try_out(number, mutant, tests_of)
                kept.write_text(json.dumps(results, indent=1), "utf-8")
    say(str(Counter(results[mutant] for mutant in chosen)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
