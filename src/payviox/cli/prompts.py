"""Asking a person, and never a script: where standard input is no terminal, nothing is asked."""

import sys

import click


def confirm(question: str, *, yes: bool) -> None:
    """Go on after a yes, from `--yes`, or where nobody could answer; end the command otherwise."""
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True)
