"""How a comparison's report is printed: for people, for scripts, for spreadsheets."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from payviox import csv_text, ids
from payviox.businesses.model import Business
from payviox.cli.output import cell, counted, print_table
from payviox.money import dollars
from payviox.reconciliation.model import Report

Compared = tuple[Business, Report, list[dict[str, Any]]]
"""A rail of a business, what comparing it came to, and its open items."""

CLASSES = ("matched", "in_transit", "suspense", "explained", "sum", "told", "difference")
NAMED = 20
"""Items named under a report; the others are counted."""

CSV_HEADER = (
    "business_id",
    "rail",
    "line",
    "our_books",
    "rail_says",
    "item_id",
    "order_id",
    "subject",
    "opened_at",
    "detail",
)
"""Amounts in cents. `detail` says why a rail was not compared, or its float is not known."""


def shown(business: Business, report: Report, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A report with its open items, for scripts."""
    return {
        "business_id": ids.show(ids.BUSINESS, business.id),
        "mode": business.mode,
        **report.as_json(),
        "clean": report.is_clean,
        "open_items": items,
    }


def csv_lines(compared: Sequence[Compared]) -> Iterator[str]:
    """Each class of each rail with both sides' cents, then its open items. Spreadsheets find no
    formula in it."""
    yield _line(CSV_HEADER)
    for business, report, items in compared:
        at = (ids.show(ids.BUSINESS, business.id), report.rail)
        if report.not_compared is not None:
            yield _line((*at, "not_compared", *[None] * 6, report.not_compared))
        else:
            for name, ours, theirs in _classes(report):
                yield _line((*at, name, ours, theirs, *[None] * 5))
            yield _line((*at, "costs", report.costs_booked, report.costs_charged, *[None] * 5))
        yield _line((*at, "float", None, report.float.cents, *[None] * 4, report.float.problem))
        yield _line((*at, "reserved", report.liability.in_transit, *[None] * 6))
        yield _line((*at, "payout_users", report.liability.users, *[None] * 6))
        for item in items:
            yield _line(
                (
                    *at,
                    item["cause"],
                    None,
                    item["amount"],
                    item["item_id"],
                    item["order_id"],
                    item["subject"],
                    item["opened_at"].isoformat(),
                    None,
                )
            )


def _line(cells: Sequence[object]) -> str:
    return csv_text.lines([cells])


def _classes(report: Report) -> list[tuple[str, int, int]]:
    return [(name, getattr(report.ours, name), getattr(report.theirs, name)) for name in CLASSES]


MEANINGS = {
    "matched": "in both books",
    "in_transit": "under way: in one of them so far",
    "suspense": "in one alone, and not explained",
    "explained": "in one alone, explained by a person",
}


def print_report(compared: Sequence[Compared]) -> None:
    """Every rail with its sums, its float and what is open; after a business's last rail what its
    payout users may still ask for."""
    for number, (business, report, items) in enumerate(compared):
        if number:
            click.echo()
        _print(business, report, items)
        if number + 1 == len(compared) or compared[number + 1][0].id != business.id:
            users = dollars(report.liability.users)
            click.echo(
                f"\n{business.name} ({business.mode}): payout users may still ask for {users} in"
                " all, by whichever rail they choose"
            )
    if not compared:
        click.echo("There is nothing to compare: no orders and no accounts.", err=True)


def _print(business: Business, report: Report, items: list[dict[str, Any]]) -> None:
    shown_id = ids.show(ids.BUSINESS, business.id)
    click.echo(f"{business.name} ({business.mode}, {shown_id}): {report.rail}")
    if report.not_compared is not None:
        click.echo(f"not compared: {report.not_compared}")
    else:
        click.echo(
            f"since {report.since:%Y-%m-%d %H:%M} UTC: {counted(report.orders, 'order')} in our"
            f" books, {counted(report.entries, 'payment')} in the rail's"
        )
        print_table(("class", "our_books", "rail_says", "what_it_is"), _rows(report), "")
        booked, charged = dollars(report.costs_booked), dollars(report.costs_charged)
        click.echo(f"costs: {booked} booked, {charged} charged")
        if report.look_ups:
            click.echo(f"{counted(report.look_ups, 'order')} will be looked up at the rail first")
    click.echo(_float(report))
    for item in items[:NAMED]:
        click.echo(
            f"  {item['item_id']}  {item['cause']}  {dollars(item['amount'])}"
            f"  {item['age_hours']} h  {cell(item['order_id'] or item['subject'])}"
        )
    if items:
        click.echo(
            f"{counted(len(items), 'open item')}: `payviox reconcile items` lists them,"
            f" `payviox reconcile show {items[0]['item_id']}` says what to do"
        )
    elif report.not_compared is None:
        click.echo("nothing is unexplained")


def _rows(report: Report) -> list[tuple[str, ...]]:
    """Each class and both totals, in dollars; what was miscounted only where something was."""
    sums = {name: (ours, theirs) for name, ours, theirs in _classes(report)}
    rows = [(name, *map(dollars, sums[name]), meaning) for name, meaning in MEANINGS.items()]
    total = "these together; they differ by what is in one alone"
    rows.append(("total", *map(dollars, sums["sum"]), total))
    if any(sums["difference"]):
        wrong = "missing above: somebody has miscounted"
        rows.append(("difference", *map(dollars, sums["difference"]), wrong))
    return rows


def _float(report: Report) -> str:
    owed = report.liability
    held, coverage = report.float.cents, owed.coverage(report.float.cents)
    if report.float.problem is not None:
        worth = f"unknown ({report.float.problem})"
    elif held is not None:
        worth = dollars(held)
    else:
        assets = ", ".join(f"{h.amount} {h.asset}" for h in report.float.holdings)
        worth = f"unknown in dollars ({assets})" if assets else "none at this rail"
    covers = (
        ""
        if coverage is None
        else f"; of that and what payout users may ask for the float covers {coverage} %"
    )
    return f"float: {worth}; reserved for open orders {dollars(owed.in_transit)}{covers}"
