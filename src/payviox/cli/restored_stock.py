"""`payviox giftcards after-restore`: an operator's word on which cards left since the backup."""

import sys
from collections.abc import Iterator
from typing import Any, BinaryIO
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.exit_status import FAILED
from payviox.cli.output import BUSINESS, as_json, counted, print_json, print_table
from payviox.cli.prompts import confirm
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
from payviox.errors import SettingsError
from payviox.giftcards import holds
from payviox.giftcards.csv_file import read_cards
from payviox.giftcards.holds import Left
from payviox.giftcards.model import DoubtfulCard, DoubtfulOrder
from payviox.maintenance import after_restore as maintenance

COLUMNS = ("gift_card_id", "product", "brand", "country", "face_value", "expires_on", "status")


@click.command("after-restore")
@click.argument("business_id", type=BUSINESS)
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--codes", type=click.File("rb"), help="Void the cards of these codes, one a line.")
@click.option("--release", is_flag=True, help="All that left are void: let the others go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def after_restore(
    business_id: UUID,
    file: BinaryIO | None,
    codes: BinaryIO | None,
    *,
    release: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Say which gift cards left since the backup that was restored.

    All of the business's cards are held until then. Without a file this lists the cards that nobody
    had got at the backup, and the orders that may have got one since. Cards of a CSV FILE (as for
    import) or of --codes are taken out of stock for good; with --release the others go on.
    """
    if release:
        confirm("Are all cards that left since the backup void, and their orders settled?", yes=yes)
    result = run(lambda runtime: _decide(runtime, business_id, file, codes, release=release))
    if as_json:
        print_json(result)
    else:
        _print(result)
    if result.get("bad"):
        sys.exit(FAILED)


async def _decide(
    runtime: Runtime,
    business_id: UUID,
    file: BinaryIO | None,
    codes: BinaryIO | None,
    *,
    release: bool,
) -> dict[str, Any]:
    database, keyring = runtime.database, runtime.keyring
    await database.fetch(businesses.get, business_id)
    result: dict[str, Any] = {}
    if file is not None:
        lines = list(read_cards(file))
        left = await database.write(holds.void_left_cards, keyring, business_id, lines, ACTOR)
        result |= _voided(left)
    if codes is not None:
        left = await database.write(
            holds.void_left_codes, keyring, business_id, list(_lines(codes)), ACTOR
        )
        result |= _voided(left)
    if release and not result.get("bad"):
        resumed = await database.write(maintenance.release_stock, business_id, ACTOR)
        result |= {"released": True, "orders_resumed": resumed}
    if not result:
        cards = await database.fetch(_all_cards, business_id)
        orders = await database.fetch(holds.list_doubtful_orders, business_id)
        result = {"cards": [_card(card) for card in cards], "orders": [_order(o) for o in orders]}
    return result


async def _all_cards(connection: Connection, business_id: UUID) -> list[DoubtfulCard]:
    cards: list[DoubtfulCard] = []
    after = UUID(int=0)
    while more := await holds.list_doubtful_cards(connection, business_id, after):
        cards += more
        after = more[-1].id
    return cards


def _lines(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise SettingsError(f"Line {number} is not UTF-8 text. Nothing was changed.") from error


def _voided(left: Left) -> dict[str, Any]:
    return {
        "voided": left.voided,
        "known": left.known,
        "bad": [{"line": line.line, "reason": line.reason} for line in left.bad],
    }


def _card(card: DoubtfulCard) -> dict[str, object]:
    return {
        "gift_card_id": ids.show(ids.GIFT_CARD, card.id),
        "product": card.product,
        "brand": card.brand,
        "country": card.country,
        "currency": card.currency,
        "face_value": card.face_value,
        "price": card.price,
        "expires_on": card.expires_on,
        "status": card.status,
    }


def _order(order: DoubtfulOrder) -> dict[str, object]:
    return {
        "order_id": ids.show(ids.ORDER, order.id),
        "status": order.status,
        "amount": order.amount,
        "created_at": order.created_at,
    }


def _print(result: dict[str, Any]) -> None:
    for line in result.get("bad", []):
        click.echo(f"line {line['line']}: {line['reason']}", err=True)
    if "voided" in result:
        click.echo(f"{result['voided']} taken out of stock, {result['known']} had left before")
    if result.get("released"):
        resumed = counted(result["orders_resumed"], "order")
        click.echo(f"The stock is released; {resumed} that waited for it will be tried now.")
    if "cards" in result:
        rows = [[card[column] for column in COLUMNS] for card in result["cards"]]
        print_table(COLUMNS, rows, "Nobody could have got a card since the backup: there was none.")
        for order in result["orders"]:
            click.echo(
                f"{order['order_id']} ({order['status']}) may have got a card since: see"
                " `payviox order show`, `order cancel` and `order settle`",
                err=True,
            )
