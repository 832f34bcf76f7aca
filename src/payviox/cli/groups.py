"""How commands are grouped: a group's help names each with a whole sentence, and a command may be
imported only when it is used, so that help is quick and each command loads what it needs."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Part:
    """A command that is not imported yet: `package.module:name`, and its help's first sentence."""

    place: str
    help: str

    def load(self) -> click.Command:
        module, _, name = self.place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


class Group(click.Group):
    """A group whose help cuts no sentence."""

    def __init__(
        self, *arguments: Any, parts: Mapping[str, Part] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.parts: Mapping[str, Part] = parts or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.parts, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        part = self.parts.get(cmd_name)
        return part.load() if part else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if ctx.resilient_parsing or args[0] in self.list_commands(ctx):
                raise
            known = ", ".join(self.list_commands(ctx))
            raise click.UsageError(f"{error.message} There are: {known}.", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._sentence(ctx, name)) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def _sentence(self, ctx: click.Context, name: str) -> str:
        if name in self.parts:
            return self.parts[name].help
        command = super().get_command(ctx, name)
        return first_sentence(command) if command else ""


def first_sentence(command: click.Command) -> str:
    """The first sentence of a command's help."""
    paragraph = " ".join((command.help or "").split("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + stop.strip()
