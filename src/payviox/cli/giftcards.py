"""`payviox giftcards`: importing, counting and voiding gift cards. Codes are never printed."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, Id, as_json, print_json, print_table
from payviox.cli.progress import progress_bar
from payviox.cli.prompts import confirm
from payviox.cli.restored_stock import after_restore
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.giftcards import importing, service
from payviox.giftcards.csv_file import read_cards
from payviox.giftcards.importing import Imported
from payviox.giftcards.model import OUT_OF_STOCK, BadLine, Stock
from payviox.withdrawals import service as withdrawals

PRODUCT = Id(ids.PRODUCT)
of_business = click.option(
    "--business", "business_id", type=BUSINESS, required=True, help="Whose stock it is."
)


@click.group(cls=Group)
def giftcards() -> None:
    """The stock of gift cards: import, count, take out."""


@giftcards.command("import")
@click.argument("file", type=click.File("rb"))
@of_business
@as_json
def import_(file: BinaryIO, business_id: UUID, as_json: bool) -> None:
    """Import the cards of a CSV FILE (`-`: standard input).

    Its first line names the columns: product, brand, country (2 letters), code, pin, face value
    (such as 25.00, in the card's currency), currency (3 letters), price (in US cents), expiry (such
    as 2030-12-31); pin and expiry may be missing or empty.

    Good lines are imported whatever is wrong with others; bad ones are named and make the exit
    status 1. The same file again imports what is missing.
    """

    async def work(runtime: Runtime) -> Imported:
        await runtime.database.fetch(businesses.get, business_id)
        with _reading(file) as advance:
            return await importing.import_cards(
                runtime.database,
                runtime.keyring,
                business_id,
                read_cards(file),
                ACTOR,
                advance,
                # Orders that were waiting for a card need not wait for their next try.
                lambda db: withdrawals.stop_waiting(db, business_id, OUT_OF_STOCK),
            )

    sums = run(work)
    if as_json:
        bad = [{"line": line.line, "reason": line.reason} for line in sums.bad]
        print_json({"imported": sums.imported, "duplicates": sums.duplicates, "bad": bad})
    else:
        _name(sums.bad)
        click.echo(
            f"{sums.imported} imported, {sums.duplicates} duplicates left out, {len(sums.bad)} bad"
        )
    if sums.bad:
        sys.exit(FAILED)


@giftcards.command()
@click.argument("business_id", type=BUSINESS)
@as_json
def stock(business_id: UUID, as_json: bool) -> None:
    """Count a business's cards, product by product.

    `expired` counts those that are good for less than 7 days more, too: they are not delivered.
    """

    async def work(runtime: Runtime) -> list[Stock]:
        await runtime.database.fetch(businesses.get, business_id)
        return await runtime.database.fetch(service.stock, business_id)

    rows = [_shown(product) for product in run(work)]
    if as_json:
        print_json(rows)
        return
    columns = [name for name in rows[0] if name != "brand"] if rows else []
    print_table(
        columns,
        [[row[column] for column in columns] for row in rows],
        "There are no gift cards: `payviox giftcards import FILE.csv --business ID` adds some.",
    )


@giftcards.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--product", "product_id", type=PRODUCT, help="Void every card of this product.")
@of_business
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def void(
    file: BinaryIO | None, product_id: UUID | None, business_id: UUID, yes: bool, as_json: bool
) -> None:
    """Take cards out of stock for good: those of a CSV FILE (as for import), or a product's.

    Cards that somebody has got already are left alone.
    """
    if (file is None) == (product_id is None):
        raise click.UsageError("Give either a FILE or --product.")
    confirm("Voided cards are never delivered. Go on?", yes=yes)

    async def work(runtime: Runtime) -> tuple[int, list[BadLine]]:
        await runtime.database.fetch(businesses.get, business_id)
        if file is not None:
            lines = read_cards(file)
            return await importing.void_cards(
                runtime.database, runtime.keyring, business_id, lines, ACTOR
            )
        assert product_id is not None  # noqa: S101  # one of the two was given
        count = await runtime.database.write(service.void_product, business_id, product_id, ACTOR)
        return count, []

    count, bad = run(work)
    if as_json:
        lines = [{"line": line.line, "reason": line.reason} for line in bad]
        print_json({"voided": count, "bad": lines})
    else:
        _name(bad)
        click.echo(f"{count} voided")
    if bad:
        sys.exit(FAILED)


giftcards.add_command(after_restore)


def _name(bad: list[BadLine]) -> None:
    for line in bad:
        click.echo(f"line {line.line}: {line.reason}", err=True)


def _shown(product: Stock) -> dict[str, object]:
    return {
        "product_id": ids.show(ids.PRODUCT, product.product_id),
        "product": product.name,
        "brand": product.brand,
        "country": product.country,
        "currency": product.currency,
        "face_value": product.face_value,
        "price": product.price,
        "available": product.available,
        "expired": product.expired,
        "reserved": product.reserved,
        "delivered": product.delivered,
        "void": product.void,
        "low": product.low,
    }


@contextmanager
def _reading(file: BinaryIO) -> Iterator[Callable[[Imported], Awaitable[None]]]:
    """A bar of how much of the file was read, where its size is known."""
    size = os.fstat(file.fileno()).st_size if file.seekable() else 0
    with progress_bar("importing") as progress:

        async def advance(_: Imported) -> None:
            progress(file.tell() if size else 0, size)

        yield advance
