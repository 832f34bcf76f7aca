"""What guards the tables, by the database's own catalogue, compared with what the migrations make:
columns, constraints, unique indexes, triggers, rules, functions, owners, and who may change what.
Further indexes, tables and readers are the operator's affair, jobs' tables procrastinate's."""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

from payviox.db.grants import GROUP_ROLE, JOB_TABLES, granted
from payviox.db.pool import Connection
from payviox.db.role import Held, is_expected

FILE = Path(__file__).parent / "migrations" / "catalogue.txt"
"""What the migrations make, a line each; tests/migration/test_catalogue.py keeps it true."""

MAY_BE_MORE = frozenset({"table", "column", "function"})
"""Kinds of which there may be more than the migrations make. A unique index too many would turn
away rows, without a word where a statement says ON CONFLICT DO NOTHING."""

Line = tuple[str, str, str, str]
"""Kind, table, name and definition."""

_OURS = f"""
  SELECT oid, relname, relowner, relacl, relpersistence, relrowsecurity FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND relname NOT LIKE '{JOB_TABLES}%'
"""  # noqa: S608  # a constant

# The server's own triggers carry numbers in their names: they are there only where one is off.
_STANDING = f"""
WITH ours AS ({_OURS})
SELECT 'table', relname, '', concat_ws(' ', CASE relpersistence WHEN 'p' THEN 'kept' ELSE 'not kept'
       END, CASE WHEN relrowsecurity THEN 'with row security' END) FROM ours
UNION ALL
SELECT 'column', o.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attnotnull THEN 'not null' END,
       CASE a.attidentity WHEN 'a' THEN 'always identity' WHEN 'd' THEN 'default identity' END,
       'default ' || pg_get_expr(d.adbin, d.adrelid))
FROM ours o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint', o.relname, c.conname, pg_get_constraintdef(c.oid)
FROM ours o JOIN pg_constraint c ON c.conrelid = o.oid WHERE c.contype <> 'n'
UNION ALL
SELECT 'index', o.relname, i.indexrelid::regclass::text,
       pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
FROM ours o JOIN pg_index i ON i.indrelid = o.oid WHERE i.indisunique
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')
  -- A copy of another, as while that is built anew, turns nothing away that it does not.
  AND (i.indisvalid OR NOT EXISTS (
    SELECT FROM pg_index v WHERE v.indrelid = i.indrelid AND v.indisvalid AND v.indisunique
      AND (v.indkey::text, v.indclass::text, v.indcollation::text)
        = (i.indkey::text, i.indclass::text, i.indcollation::text)
      AND (pg_get_expr(v.indpred, v.indrelid), pg_get_expr(v.indexprs, v.indrelid))
        IS NOT DISTINCT FROM (pg_get_expr(i.indpred, i.indrelid),
                              pg_get_expr(i.indexprs, i.indrelid))))
UNION ALL
SELECT 'trigger', o.relname, t.tgname, CASE WHEN t.tgisinternal THEN 'the server''s own'
         ELSE pg_get_triggerdef(t.oid) END || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' off' END
FROM ours o JOIN pg_trigger t ON t.tgrelid = o.oid WHERE NOT t.tgisinternal OR t.tgenabled <> 'O'
UNION ALL
SELECT 'rule', o.relname, r.rulename, pg_get_ruledef(r.oid)
FROM ours o JOIN pg_rewrite r ON r.ev_class = o.oid
UNION ALL
SELECT 'policy', o.relname, p.polname, coalesce(pg_get_expr(p.polqual, p.polrelid), '')
FROM ours o JOIN pg_policy p ON p.polrelid = o.oid
UNION ALL
SELECT 'function', '', p.oid::regprocedure::text,
       concat_ws(' ', md5(p.prosrc), CASE WHEN p.prosecdef THEN 'with its owner''s rights' END)
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
  AND p.proname NOT LIKE '{JOB_TABLES}%' AND p.prokind <> 'a'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                  AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 2, 3
"""  # noqa: S608  # constants

# One role owns them all: another owner may do anything to the one that is theirs.
_OWNERS = f"""
SELECT o.relname, format('table %s is owned by %s, not by %s as payviox_schema is', o.relname,
              o.relowner::regrole, s.relowner::regrole)
FROM ({_OURS}) o JOIN pg_class s ON s.oid = 'payviox_schema'::regclass
WHERE o.relowner <> s.relowner ORDER BY 1
"""  # noqa: S608  # a constant

_RIGHTS = f"""
SELECT 'r', o.relname, coalesce(l.part, ''), a.privilege_type, a.is_grantable,
       CASE a.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee) END
FROM ({_OURS}) o
CROSS JOIN LATERAL (
  SELECT NULL AS part, o.relacl AS acl
  UNION ALL SELECT attname, attacl FROM pg_attribute WHERE attrelid = o.oid AND attacl IS NOT NULL
) l
CROSS JOIN LATERAL aclexplode(l.acl) a
WHERE a.grantee <> o.relowner AND a.privilege_type <> 'SELECT' ORDER BY 2, 3, 4, 6
"""  # noqa: S608  # a constant


async def find_differences(connection: Connection) -> list[str]:
    """What stands otherwise than the migrations make it, in words."""
    cursor = await connection.execute("SHOW session_replication_role")
    differences = [] if await cursor.fetchone() == ("origin",) else ["no trigger runs in sessions"]
    lines = expected()
    differences += compare(lines, await standing(connection))
    tables = _tables(lines)
    cursor = await connection.execute(_OWNERS)
    differences += [str(row[1]) for row in await cursor.fetchall() if row[0] in tables]
    return differences + await _rights_too_many(connection, tables)


async def standing(connection: Connection) -> list[Line]:
    """What there is."""
    cursor = await connection.execute(_STANDING)
    return [
        (str(kind), str(table), " ".join(str(name).split()), " ".join(str(definition).split()))
        for kind, table, name, definition in await cursor.fetchall()
    ]


@functools.cache
def expected() -> tuple[Line, ...]:
    """What the migrations make."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split("\t")) for line in lines)  # type: ignore[misc]  # four fields


def write_file(lines: Iterable[Line]) -> None:
    """Make what stands what is expected, after the migrations were changed."""
    FILE.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    expected.cache_clear()


def compare(expected: Sequence[Line], standing: Sequence[Line]) -> list[str]:
    """What is missing, other or too much, a sentence each."""
    wanted = {line[:3]: line[3] for line in expected}
    defined = {line[:3]: line[3] for line in standing}
    differences = []
    for (kind, table, name), definition in wanted.items():
        now = defined.get((kind, table, name))
        if now is None:
            differences.append(f"{_named(kind, table, name)} is missing: {definition}")
        elif now != definition:
            differences.append(f"{_named(kind, table, name)} is {now}, not {definition}")
    tables = _tables(expected)
    return differences + [
        f"{_named(kind, table, name)} is made by no migration: {definition}"
        for (kind, table, name), definition in defined.items()
        if (kind, table, name) not in wanted and table in tables and kind not in MAY_BE_MORE
    ]


def _tables(lines: Iterable[Line]) -> set[str]:
    return {table for kind, table, *_ in lines if kind == "table"}


def _named(kind: str, table: str, name: str) -> str:
    return " ".join(
        part for part in (kind, name or table, table and name and f"of {table}") if part
    )


async def _rights_too_many(connection: Connection, tables: set[str]) -> list[str]:
    """Rights to change our tables that somebody but the owner has and no migration grants."""
    rights = granted()
    cursor = await connection.execute(_RIGHTS)
    surplus = []
    for kind, table, column, privilege, grantable, grantee in await cursor.fetchall():
        held = Held(str(kind), str(table), str(column), str(privilege), bool(grantable), "")
        if held.name not in tables:
            continue
        if grantee != GROUP_ROLE or not is_expected(held, rights):
            of_column = f" on {column}" if column else ""
            more = ", to grant it to others" if grantable else ""
            surplus.append(f"{grantee} has {privilege}{of_column} of table {table}{more}")
    return surplus
