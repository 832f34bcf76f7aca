"""`payviox rates`: what a euro is worth, as payments in euros are priced."""

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from payviox.cli.groups import Group
from payviox.cli.output import as_json, counted, print_json, print_table
from payviox.cli.runtime import ACTOR, run
from payviox.errors import FieldErrors
from payviox.rates import service
from payviox.rates.model import ExchangeRate

LISTED = 30


@click.group(cls=Group)
def rates() -> None:
    """Exchange rates: what a euro is worth, by whom, until when."""


@rates.command(name="list")
@click.option("--limit", type=click.IntRange(1, 1_000), default=LISTED, show_default=True)
@as_json
def list_(limit: int, as_json: bool) -> None:
    """List the newest rates, in US dollars for one unit."""
    listed = run(lambda runtime: runtime.database.fetch(service.list_newest, limit))
    if as_json:
        print_json([shown(rate) for rate in listed])
        return
    print_table(
        ("currency", "rate", "source", "as of", "until"),
        [
            (
                rate.currency,
                f"{rate.rate.normalize():f}",
                rate.source,
                f"{rate.as_of:%Y-%m-%d %H:%M %Z}",
                f"{rate.expires_at:%Y-%m-%d %H:%M %Z}",
            )
            for rate in listed
        ],
        "There are no rates yet: import the European Central Bank's file, or set one.",
    )


@rates.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def import_(file: Path, as_json: bool) -> None:
    """Import FILE of the European Central Bank: eurofxref-daily.xml, or one with more days.

    The same file again changes nothing. Its rates are relied on for five days.
    """
    content = file.read_bytes()
    newest, new = run(lambda runtime: runtime.database.write(service.import_ecb, content, ACTOR))
    if as_json:
        print_json({"new": new, "newest": shown(newest)})
    else:
        day = f"{newest.as_of:%Y-%m-%d}"
        click.echo(f"{counted(new, 'rate')} new; of {day}: {newest.rate.normalize():f} USD a euro")


@rates.command(name="set")
@click.argument("currency")
@click.argument("rate")
@click.option("--hours", type=int, default=24, show_default=True, help="For how long it counts.")
@as_json
def set_(currency: str, rate: str, hours: int, as_json: bool) -> None:
    """Say what a unit of CURRENCY is worth: RATE in US dollars, such as EUR 1.0825.

    Businesses whose bank account takes the fixed rate pay by it from now on.
    """
    try:
        number = Decimal(rate)
    except InvalidOperation:
        raise FieldErrors({"rate": [f"{rate!r} is no number of US dollars."]}) from None
    said = run(
        lambda runtime: runtime.database.write(
            service.set_fixed, currency.upper(), number, hours, ACTOR
        )
    )
    if as_json:
        print_json(shown(said))
    else:
        click.echo(
            f"{said.currency}: {said.rate:f} USD a unit until {said.expires_at:%Y-%m-%d %H:%M %Z}"
        )


def shown(rate: ExchangeRate) -> dict[str, str]:
    """A rate for scripts; the number is text, so that no digit is lost."""
    return {
        "source": rate.source,
        "currency": rate.currency,
        "rate": f"{rate.rate.normalize():f}",
        "as_of": rate.as_of.isoformat(),
        "expires_at": rate.expires_at.isoformat(),
    }
