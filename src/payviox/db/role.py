"""Refusing to run as a role that may do more than the migrations grant, by whatever right: what it
is, whom it may become, what it owns, and what was granted to it, to those or to everybody."""

import logging
from typing import NamedTuple

import psycopg

from payviox.db import session
from payviox.db.grants import JOB_TABLES, Right, granted
from payviox.errors import SettingsError

logger = logging.getLogger(__name__)

NAMED = 5
"""How many of the rights too many are named; the others are counted."""

Connection = psycopg.Connection[tuple[object, ...]]


def check_role(application_url: str) -> None:
    """Refuse a role with more rights than the application needs. Raises SettingsError, naming them.

    Settings that the role has of its own (ALTER ROLE … SET) are reset: a role may set its own, and
    so one statement could loosen every later session.
    """
    with psycopg.connect(
        application_url, autocommit=True, options=session.READ_ALIKE
    ) as connection:
        _reset_settings(connection)
        excess = find_excess(connection)
        row = connection.execute("SELECT current_user, current_database()").fetchone()
    if row is None or not excess:
        return
    named = "; ".join(excess[:NAMED])
    if len(excess) > NAMED:
        named += f"; and {len(excess) - NAMED} more"
    raise SettingsError(
        f"The application would connect as {row[0]!r}, which may do more than Payviox needs: "
        f"{named}. Let its owner revoke that (REVOKE … ON … FROM …; what everybody has: FROM "
        "PUBLIC), or give PAYVIOX_DATABASE_URL a lesser role (CREATE ROLE payviox_web LOGIN "
        "PASSWORD '…') and PAYVIOX_MIGRATION_URL the owner's, then run `payviox migrate`, which "
        "grants the lesser role what it needs."
    )


def find_excess(connection: Connection) -> list[str]:
    """What this connection's role may do beyond what the migrations grant, the worst first."""
    for statement in (_ATTRIBUTES, _MEMBERSHIPS):
        # Of a superuser, and of who may become one, nothing else needs to be said.
        if mighty := _texts(connection, statement):
            return mighty
    held = [Held(*row) for row in connection.execute(_RIGHTS).fetchall()]  # type: ignore[arg-type]
    expected = granted()
    return [
        *_texts(connection, _OWNED),
        *(right.text for right in held if not is_expected(right, expected)),
        *_texts(connection, _DEFINERS),
        *_texts(connection, _SETTINGS),
    ]


class Held(NamedTuple):
    """A privilege that somebody granted. `kind` is r (a table or view), S (a sequence), n (a
    schema) or empty for anything else."""

    kind: str
    name: str
    column: str
    privilege: str
    grantable: bool
    text: str


def is_expected(right: Held, expected: frozenset[Right]) -> bool:
    """Whether the migrations grant it."""
    if right.grantable or not right.kind:
        return False
    if right.name.startswith(JOB_TABLES):
        job_rights = {"r": {"SELECT", "INSERT", "UPDATE", "DELETE"}, "S": {"USAGE"}}
        return right.privilege in job_rights.get(right.kind, ())
    return (
        Right(right.name, right.column, right.privilege) in expected
        or Right(right.name, "", right.privilege) in expected
    )


def _texts(connection: Connection, statement: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(statement)]


def _reset_settings(connection: Connection) -> None:
    """Take back what the role has set for its own later sessions; an administrator's stay, and are
    refused."""
    settings = _texts(connection, _SETTINGS)
    if not settings:
        return
    connection.execute("ALTER ROLE CURRENT_USER RESET ALL")
    connection.execute(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I RESET ALL',"
        " current_database()); END $$"
    )
    logger.warning("settings of the database role were reset: %s", "; ".join(settings))


# Each of these looks at the role and at every other that it may become (SET ROLE), directly or not:
# those that pg_has_role calls its own as a member.

_ATTRIBUTES = """
SELECT format('%s has %s', r.oid::regrole, a.name) FROM pg_roles r, LATERAL (VALUES
  ('SUPERUSER', rolsuper), ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb),
  ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)) a(name, held)
WHERE a.held AND pg_has_role(current_user, r.oid, 'MEMBER')
ORDER BY a.name <> 'SUPERUSER', r.rolname <> current_user, r.rolname, a.name
"""

_MEMBERSHIPS = """
SELECT format('it is a member of %s', oid::regrole) FROM pg_roles
WHERE pg_has_role(current_user, oid, 'MEMBER') AND rolname NOT IN (current_user, 'payviox_app')
UNION ALL
SELECT format('it may grant %s to others', roleid::regrole) FROM pg_auth_members
WHERE admin_option AND pg_has_role(current_user, member, 'MEMBER')
"""

# pg_shdepend has every owner but the superuser that the cluster was made with.
_OWNED = """
SELECT format('%s owns %s', d.refobjid::regrole, CASE
  WHEN d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  THEN pg_describe_object(d.classid, d.objid, d.objsubid) ELSE 'something in another database' END)
FROM pg_shdepend d
WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass
  AND pg_has_role(current_user, d.refobjid, 'MEMBER')
ORDER BY d.classid = 'pg_database'::regclass DESC, d.classid, d.objid
"""

# Every privilege granted to those roles or to everybody, less what PostgreSQL or an extension came
# with (that list lacks what everybody may read of information_schema). Everybody may use functions,
# types and languages unless told otherwise, and connect.
_RIGHTS = """
WITH lists AS (
  SELECT 'pg_class'::regclass AS class, oid, 0 AS part, relacl AS acl, NULL::aclitem[] AS usual
  FROM pg_class WHERE relacl IS NOT NULL
  UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, attacl, NULL
  FROM pg_attribute WHERE attacl IS NOT NULL
  UNION ALL SELECT 'pg_namespace'::regclass, oid, 0, nspacl, NULL
  FROM pg_namespace WHERE nspacl IS NOT NULL
  UNION ALL SELECT 'pg_proc'::regclass, oid, 0, proacl, acldefault('f', proowner)
  FROM pg_proc WHERE proacl IS NOT NULL
  UNION ALL SELECT 'pg_type'::regclass, oid, 0, typacl, acldefault('T', typowner)
  FROM pg_type WHERE typacl IS NOT NULL
  UNION ALL SELECT 'pg_language'::regclass, oid, 0, lanacl, acldefault('l', lanowner)
  FROM pg_language WHERE lanacl IS NOT NULL
  UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwacl, NULL
  FROM pg_foreign_data_wrapper WHERE fdwacl IS NOT NULL
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid, 0, srvacl, NULL
  FROM pg_foreign_server WHERE srvacl IS NOT NULL
  UNION ALL SELECT 'pg_largeobject'::regclass, oid, 0, lomacl, NULL
  FROM pg_largeobject_metadata WHERE lomacl IS NOT NULL
  UNION ALL SELECT 'pg_tablespace'::regclass, oid, 0, spcacl, NULL
  FROM pg_tablespace WHERE spcacl IS NOT NULL
  UNION ALL SELECT 'pg_parameter_acl'::regclass, oid, 0, paracl, NULL FROM pg_parameter_acl
  UNION ALL SELECT 'pg_database'::regclass, oid, 0, coalesce(datacl, acldefault('d', datdba)), NULL
  FROM pg_database WHERE datname = current_database()
), held AS (
  SELECT l.class, l.oid, l.part, a.grantee, a.privilege_type, a.is_grantable
  FROM lists l, aclexplode(l.acl) a
  WHERE (a.grantee = 0 OR pg_has_role(current_user, a.grantee, 'MEMBER'))
    AND NOT (l.class = 'pg_database'::regclass AND a.privilege_type = 'CONNECT'
             AND NOT a.is_grantable)
  EXCEPT
  SELECT l.class, l.oid, l.part, a.grantee, a.privilege_type, a.is_grantable
  FROM lists l
  LEFT JOIN pg_init_privs i ON i.classoid = l.class AND i.objoid = l.oid AND i.objsubid = l.part,
  aclexplode(coalesce(i.initprivs, l.usual)) a
)
SELECT CASE WHEN c.relkind = 'S' THEN 'S' WHEN c.oid IS NOT NULL THEN 'r'
            WHEN n.oid IS NOT NULL THEN 'n' ELSE '' END,
       CASE WHEN c.relnamespace = 'public'::regnamespace THEN c.relname::text
            WHEN c.oid IS NOT NULL THEN c.oid::regclass::text
            ELSE coalesce(n.nspname::text, '') END,
       coalesce(t.attname::text, ''), h.privilege_type, h.is_grantable,
       format('%s has %s on %s%s', CASE h.grantee WHEN 0 THEN 'everybody'
                ELSE h.grantee::regrole::text END,
              h.privilege_type, pg_describe_object(h.class, h.oid, h.part),
              CASE WHEN h.is_grantable THEN ', to grant it to others' ELSE '' END)
FROM held h
LEFT JOIN pg_class c ON h.class = 'pg_class'::regclass AND c.oid = h.oid
LEFT JOIN pg_namespace n ON h.class = 'pg_namespace'::regclass AND n.oid = h.oid
LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum = h.part AND h.part > 0
WHERE NOT (coalesce(c.relnamespace, n.oid, 0) = 'information_schema'::regnamespace
           AND h.privilege_type IN ('SELECT', 'USAGE') AND NOT h.is_grantable)
ORDER BY h.class = 'pg_class'::regclass DESC, h.privilege_type = 'SELECT', 6
"""

# A function that runs with its owner's rights lends them to everybody who may call it. Those of
# PostgreSQL and of its extensions are theirs to answer for.
_DEFINERS = """
SELECT format('it may call %s, which has the rights of %s',
              p.oid::regprocedure, p.proowner::regrole)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                  AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY p.oid
"""

_SETTINGS = """
SELECT format('%s has a setting of its own, %s', current_user, setting)
FROM pg_db_role_setting s, unnest(s.setconfig) setting
WHERE s.setrole = current_user::regrole
  AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY 1
"""
