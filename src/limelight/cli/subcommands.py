"""Commands within a command: `limelight claims run`, `limelight claims report`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typer.core import TyperGroup

from ..errors import TaskError, did_you_mean
from .table import HELP


class Subcommands(TyperGroup):
    """A group that does its first command where none is named, and refuses unknown ones with the nearest."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options alone are the first command's."""
        if not args or (args[0].startswith("-") and args[0] not in HELP["help_option_names"]):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order that they were given in."""
        del ctx
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by name. Raises TaskError for an unknown one."""
        if cmd_name not in self.commands:
            raise TaskError(f'no command "{ctx.info_name} {cmd_name}".', did_you_mean(cmd_name, self.commands))
        return self.commands[cmd_name]


def as_group(name: str, about: str, commands: Mapping[str, Any], *, examples: str) -> Any:
    """Commands by name -> one command with them in it; the first is what it does alone."""
    shown = "\b\nExamples:\n" + "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    return Subcommands(name=name, help=about, commands=dict(commands), epilog=shown, rich_markup_mode=None, context_settings=HELP)
