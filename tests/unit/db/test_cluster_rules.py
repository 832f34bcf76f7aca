"""What a Citus cluster refuses of an UPDATE and one server takes (docs/decisions/0049): found in
the text, as few run the tests on a cluster."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import payviox

REFUSED = {
    "a moment in DO UPDATE comes from `excluded`": re.compile(
        r"DO UPDATE\s+SET\b(?:(?!\)\s+(?:UPDATE|SELECT|INSERT|DELETE)\b)[^;])*?"
        r"\b(now|(clock|statement|transaction)_timestamp)\(",
        re.DOTALL,
    ),
    "an UPDATE sets no moment from clock_timestamp()": re.compile(
        r"\bUPDATE\s+\w+.*=\s*clock_timestamp\(|=\s*clock_timestamp\(.*\bUPDATE\s+\w+", re.DOTALL
    ),
}


def statements(source: str) -> Iterator[tuple[str, str]]:
    """The text that each function and each constant of a module has, by its name."""
    for node in ast.parse(source).body:
        name = getattr(node, "name", "a constant")
        texts = (
            each.value
            for each in ast.walk(node)
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        )
        yield name, "; ".join(texts)


def refused(source: str) -> list[str]:
    return [
        f"{name}: {why}"
        for name, text in statements(source)
        for why, pattern in REFUSED.items()
        if pattern.search(text)
    ]


def test_no_statement_breaks_a_clusters_rules() -> None:
    found = {
        str(path.relative_to(Path(payviox.__path__[0]))): problems
        for path in Path(payviox.__path__[0]).rglob("queries/*.py")
        if (problems := refused(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_what_breaks_them_is_found() -> None:
    upsert = 'def f(c):\n    c.execute("INSERT … ON CONFLICT (a) DO UPDATE" " SET b = now()")'
    pieces = 'def g(c):\n    s = "x = clock_timestamp() + y"\n    c.execute("UPDATE t SET {}")'
    assert [found.split(":")[0] for found in refused(f"{upsert}\n{pieces}")] == ["f", "g"]
    taken = '"ON CONFLICT (a) DO UPDATE SET b = excluded.b", "UPDATE t SET a = now()"'
    assert refused(taken) == []
