"""`payviox database compact`: indexes whose pages stay half empty, built anew."""

import click
import msgspec

from payviox.cli.output import as_json, print_json, print_table
from payviox.cli.runtime import existing_settings
from payviox.db import compact as db_compact
from payviox.installation import database_urls


@click.command()
@as_json
def compact(as_json: bool) -> None:
    """Build anew the ledger's indexes whose pages stay half empty, where it is worth it.

    Beside everything else, at any time; it reads the whole ledger, and needs as much free room as
    the larger of two indexes takes. What was built anew stays so: run it by the clock, such as each
    week. Of a server of your own it needs the tables' owner (PAYVIOX_MIGRATION_URL).
    """
    with database_urls(existing_settings()) as urls:
        done = db_compact.compact(urls.owner)
    if as_json:
        print_json(msgspec.to_builtins(done))
        return
    rows = [list(msgspec.to_builtins(each).values()) for each in done]
    columns = ("index", "before_bytes", "after_bytes")
    print_table(columns, rows, "No index takes much more room than it needs.")
