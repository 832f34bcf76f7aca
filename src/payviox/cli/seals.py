"""`payviox ledger seal`: the seals that the worker makes over the ledger, to be kept elsewhere."""

import sys
from pathlib import Path
from uuid import UUID

import click

from payviox import ids
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, as_json, counted, print_json, print_table
from payviox.cli.runtime import Runtime, run
from payviox.errors import PayvioxError
from payviox.ledger import seal_check, seal_text, seals
from payviox.ledger.seal_text import NotASeal, Seal

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SEE = "See `payviox ledger verify`."
OF_BUSINESS = click.option("--business", type=BUSINESS, help="Of this business alone.")


@click.group(cls=Group)
def seal() -> None:
    """What the worker sealed: digests of what was committed, chained and signed.

    A file of them, kept where nobody of this installation can change it, proves what was there.
    """


@seal.command(name="list")
@OF_BUSINESS
@as_json
def list_(business: UUID | None, as_json: bool) -> None:
    """List the newest seal of each business; of one business all of them."""
    listed = run(lambda runtime: _list(runtime, business))
    if as_json:
        print_json([_shown(each) for each in listed])
        return
    print_table(
        ("business", "seal", "sealed_at", "transfers to", "key", "digest"),
        [
            (
                ids.show(ids.BUSINESS, each.business_id),
                each.number,
                f"{each.sealed_at:%Y-%m-%d %H:%M:%S}",
                each.until("transfers"),
                each.key_id,
                each.digest,
            )
            for each in listed
        ],
        "There are no seals yet: a running worker makes them every five minutes.",
    )


@seal.command()
@OF_BUSINESS
def export(business: UUID | None) -> None:
    """Write every seal to standard output, as a file to keep elsewhere.

    Where one cannot be read, those of its business before it and all other businesses' are written;
    it is named, and the exit status is 1.
    """

    async def work(runtime: Runtime) -> bool:
        whole = True
        async with runtime.database.read() as connection:
            for each in [business] if business else await seals.list_sealed(connection):
                try:
                    async for one in seals.list_all(connection, each):
                        click.echo(seal_text.written(one), nl=False)
                except NotASeal:
                    whole = False
                    name = ids.show(ids.BUSINESS, each)
                    click.echo(f"A seal of {name} was changed. {SEE}", err=True)
        return whole

    if not run(work):
        sys.exit(FAILED)


@seal.command()
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Check that the seals of FILE follow each other, are signed, and are this database's.

    Quick: the rows themselves are compared by `ledger verify --seals FILE`. Exit status 1 where
    something is wrong.
    """
    kept = read_seals(file)

    async def work(runtime: Runtime) -> tuple[list[str], frozenset[str]]:
        async with runtime.database.read() as connection:
            found = await seal_check.compare(connection, runtime.keyring, kept)
        return found, runtime.keyring.ids

    found, own = run(work)
    problems = seal_check.check_chain(kept) + found
    for problem in problems:
        click.echo(problem)
    for key_id, public_key in sorted({(each.key_id, each.public_key) for each in kept}):
        known = "" if key_id in own else ", which is not configured: compare it with those you kept"
        click.echo(f"signed with the key {key_id} {public_key}{known}")
    newest = max((each.sealed_at for each in kept), default=None)
    made = f", the newest of {newest:%Y-%m-%d %H:%M} UTC" if newest else ""
    verdict = "NOT in order" if problems else "all is well"
    click.echo(f"{counted(len(kept), 'seal')} checked{made}: {verdict}")
    if problems:
        sys.exit(FAILED)


def read_seals(file: Path) -> list[Seal]:
    """The seals of a file. Raises PayvioxError, naming what cannot be read."""
    try:
        return seal_text.read_file(file.read_text(encoding="utf-8"))
    except (NotASeal, UnicodeDecodeError) as error:
        raise PayvioxError(f"{file} is no file of seals: {error}.") from error


async def _list(runtime: Runtime, business: UUID | None) -> list[Seal]:
    async with runtime.database.read() as connection:
        try:
            if business is None:
                return await seals.list_newest(connection)
            return [each async for each in seals.list_all(connection, business)]
        except NotASeal as error:
            raise PayvioxError(f"A seal was changed. {SEE}") from error


def _shown(each: Seal) -> dict[str, object]:
    return {
        "business_id": ids.show(ids.BUSINESS, each.business_id),
        "number": each.number,
        "sealed_at": each.sealed_at,
        "key_id": each.key_id,
        "public_key": each.public_key,
        "digest": each.digest,
        "before": each.before,
        "parts": {
            name: {"after": p.after, "until": p.until, "rows": p.rows, "digest": p.digest}
            for name, p in each.parts.items()
        },
    }
