"""`payviox doctor`: look at the whole installation, and say what to do."""

import sys
from collections import Counter

import click

from payviox.cli.exit_status import FAILED
from payviox.cli.output import as_json, print_json
from payviox.cli.runtime import ACTOR, Runtime, run

SIGNS = {"ok": "ok", "warning": "WARNING", "problem": "PROBLEM", "not checked": "NOT CHECKED"}


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Look at the whole installation and say what to do: settings, database, clock, disk, mail,
    rails, address and backups.

    Nothing is changed, no mail is sent and no money moves; rails are asked something harmless.
    Exit status 1 where there is a problem.
    """
    rows: list[dict[str, str]] = []

    async def work(runtime: Runtime) -> None:
        from payviox.monitoring.checkup import examine  # noqa: PLC0415  # vendors: seconds

        async with runtime.rails() as rails:
            async for finding in examine(
                runtime.settings, runtime.database, runtime.keyring, rails, ACTOR
            ):
                rows.append(
                    {
                        "subject": finding.subject,
                        "verdict": finding.verdict,
                        "detail": finding.detail,
                        "advice": finding.advice,
                    }
                )
                if not as_json:
                    _show(rows[-1])

    run(work)
    if as_json:
        print_json(rows)
    else:
        found = Counter(row["verdict"] for row in rows)
        click.echo(
            f"\nProblems: {found['problem']}. Warnings: {found['warning']}."
            f" Not checked: {found['not checked']}."
        )
    if any(row["verdict"] in ("problem", "not checked") for row in rows):
        sys.exit(FAILED)


def _show(row: dict[str, str]) -> None:
    """One finding, as soon as it is known: some take a while."""
    click.echo(f"{SIGNS[row['verdict']]:<12} {row['subject']}: {row['detail']}")
    if row["advice"]:
        click.echo(f"{'':<12} {row['advice']}")
