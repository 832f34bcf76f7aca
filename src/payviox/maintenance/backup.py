"""Writing and bringing back a backup of the embedded database. What the backup does not know of is
after_restore.py's."""

from dataclasses import dataclass
from pathlib import Path

from payviox.db import origin, schema
from payviox.db.embedded import backup, database, embedded, exclusive_serve
from payviox.db.embedded.backup import BackupError
from payviox.db.embedded.layout import Layout
from payviox.errors import Conflict, SchemaUnknown, SettingsError
from payviox.keyring import Keyring
from payviox.settings import Settings

DATABASE = "payviox"


@dataclass(frozen=True, slots=True)
class Restored:
    """The backup's schema, and whether it is this version's."""

    schema: str
    newest: bool


def dump(settings: Settings, file: Path) -> int:
    """Write a backup of the embedded database, whatever its schema, to a new file; answers its
    bytes. Raises Conflict, BackupError or SettingsError, which say what to do."""
    _require_embedded(settings)
    with embedded(settings.home, database=DATABASE) as cluster:
        return backup.dump(cluster.owner_url, file)


def restore(settings: Settings, file: Path) -> Restored:
    """Bring a backup back into an installation without businesses and operators, which nobody
    serves. The database is marked as restored before anything is read into it.

    Raises BackupError, Conflict, SettingsError (the backup needs another secret key), SchemaUnknown
    (it is of a newer version) or AlreadyServing; nothing was changed then.
    """
    _require_embedded(settings)
    contents = backup.look_into(file)
    if contents.schema is None:
        raise BackupError(f"{file} is no backup of Payviox. Nothing was changed.")
    if contents.schema not in schema.revisions():
        raise SchemaUnknown(
            f"{file} is at schema {contents.schema}, which this version (newest:"
            f" {schema.newest()}) does not know. Restore it with the version that made it."
        )
    _check_keys(settings, contents.key_ids)
    with exclusive_serve(settings.home), embedded(settings.home, database=DATABASE) as cluster:
        if schema.is_in_use(cluster.owner_url):
            raise Conflict(
                "This installation has businesses or operators. Nothing was changed; restore into"
                " another PAYVIOX_HOME."
            )
        database.recreate(Layout(settings.home), DATABASE)
        origin.mark_restored(cluster.admin_url)
        backup.restore(cluster.owner_url, file)
    return Restored(contents.schema, contents.schema == schema.newest())


def _check_keys(settings: Settings, key_ids: frozenset[str]) -> None:
    keyring = Keyring(settings.secret_key, settings.previous_secret_keys)
    missing = sorted(key_ids - keyring.ids)
    if missing:
        raise SettingsError(
            f"The backup was written with the secret key{'s' if len(missing) > 1 else ''}"
            f" {', '.join(missing)}, and the configured one is {keyring.current.id}. Put the"
            f" secret_key of the installation that was backed up into {settings.home}, or its keys"
            " into PAYVIOX_SECRET_KEY and PAYVIOX_PREVIOUS_SECRET_KEYS, and try again. Nothing was"
            " changed."
        )


def _require_embedded(settings: Settings) -> None:
    if not settings.embedded:
        raise SettingsError(
            "PAYVIOX_DATABASE_URL is set: back that server up with its own tools, such as pg_dump."
        )
