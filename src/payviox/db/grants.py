"""What the migrations grant the application's role, read from their own SQL, so that there is no
second list to keep. Light: only text is read."""

import functools
import re
from typing import NamedTuple

from payviox.db import schema

GROUP_ROLE = "payviox_app"
JOB_TABLES = "procrastinate"
"""The tables of jobs begin with it; they are made, and granted whole, by migrate.py."""

_COMMENT = re.compile(r"--[^\n]*")
_STATEMENT = re.compile(
    rf"\b(GRANT|REVOKE)\s+([^;]+?)\s+ON\s+([^;]+?)\s+(?:TO|FROM)\s+{GROUP_ROLE}\s*;"
)
_PRIVILEGE = re.compile(r"(\w+)\s*(?:\(([^)]*)\))?")
_RUN = re.compile(r'run_sql\("([^"]+)"\)')


class Right(NamedTuple):
    """A privilege on a table or schema of ours; on one column, unless that is empty."""

    name: str
    column: str
    privilege: str


@functools.cache
def granted() -> frozenset[Right]:
    """Every right that the migrations grant and do not take back."""
    rights = {
        Right("public", "", "USAGE"),
        Right("payviox_schema", "", "SELECT"),  # by migrate.py, as it is Alembic's own table
    }
    for version in sorted(schema.VERSIONS.glob("v*_*.py")):
        for file in _RUN.findall(version.read_text(encoding="utf-8")):
            apply((schema.VERSIONS.parent / file).read_text(encoding="utf-8"), rights)
    return frozenset(rights)


def apply(text: str, rights: set[Right]) -> None:
    """Add to `rights` what the statements of a migration grant and take away what they revoke."""
    for verb, privileges, objects in _STATEMENT.findall(_COMMENT.sub("", text)):
        for name in _names(objects):
            for privilege, columns in _PRIVILEGE.findall(privileges):
                listed = [c.strip() for c in columns.split(",")] if columns else [""]
                if verb == "GRANT":
                    rights.update(Right(name, column, privilege) for column in listed)
                elif columns:
                    rights.difference_update(Right(name, c, privilege) for c in listed)
                else:  # of a table: of its columns too
                    gone = {r for r in rights if (r.name, r.privilege) == (name, privilege)}
                    rights.difference_update(gone)


def _names(objects: str) -> list[str]:
    return [name.strip().removeprefix("SCHEMA ").strip() for name in objects.split(",")]
