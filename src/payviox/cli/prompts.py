"""Asking a person before what cannot be taken back. A script says `--yes`: nothing is guessed."""

import sys

import click


def confirm(question: str, *, yes: bool) -> None:
    """Go on after a yes, or with `--yes`; end the command otherwise.

    Raises click.UsageError where standard input is no terminal, so that nobody can answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("No terminal to ask on: use --yes.")
    click.confirm(question, abort=True)
