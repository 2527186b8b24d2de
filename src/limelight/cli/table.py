"""The commands, as a table of names and one-line helps: a command's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import TaskError, did_you_mean
from .groups import ungrouped

COMMANDS = {
    "translate": ("translate", "Translate texts, standard input or a file, and see every word's attention."),
    "align": ("align", "Tell which words of a translation come from which of its source."),
    "summarize": ("summarize", "Summarize texts, however long."),
    "generate": ("generate", "Go on with a text."),
    "chat": ("chat", "Talk with a model."),
    "classify": ("classify", "Tell which class a text is of, and which words decided it."),
    "answer": ("answer", "Find the answer to a question in a text, however long."),
    "extract": ("extract", "Find the names of persons, places, drugs ... in a text."),
    "fill": ("fill", "Guess a word that is left out."),
    "embed": ("embed", "Turn texts into vectors."),
    "sense": ("sense", "Show how far apart a word's meanings lie in several sentences, layer by layer."),
    "resolve": ("resolve", "Tell what a pronoun stands for."),
    "caption": ("caption", "Say what is on pictures, and where each word looked."),
    "detect": ("detect", "Find objects on pictures, with their boxes."),
    "transcribe": ("transcribe", "Write down what is said in recordings, with times."),
    "draw": ("draw", "Draw a text, and see which of its words stand behind each patch."),
    "look": ("look", "Show where the heads of a model look, in the terminal or on a page."),
    "steps": ("steps", "Show the way from a text to what a model says of it, with its own numbers."),
    "train": ("train", "Train a model from a recipe."),
    "eval": ("evaluate", "Score a model on held-out or your own examples."),
    "convert": ("convert", "Write a model folder that other libraries open, or one of limelight's own."),
    "prune": ("prune", "Take heads out of a model for good."),
    "verify": ("verify", "Compare published folders with transformers: token ids, logits, and what is written."),
    "claims": ("claims", "Measure what is said of attention, and see whether it is so."),
    "mechanisms": ("mechanisms", "List the kinds of attention, with equation, source and what they cost by length."),
    "models": ("models", "List the models that are there, with size, licence and scores."),
    "env": ("env", "Print what a bug report needs."),
}
HELP = {"help_option_names": ["-h", "--help"]}


class Commands(TyperGroup):
    """A group that knows its commands by name and imports only the one that runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the table's order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by name; None where the name starts with a dash. Raises TaskError for an unknown one."""
        del ctx
        if cmd_name.startswith("-"):
            return None
        if cmd_name not in COMMANDS:
            raise TaskError(f'no command "{cmd_name}".', did_you_mean(cmd_name, COMMANDS))
        return import_module(f"{__package__}.{COMMANDS[cmd_name][0]}").command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list for --help, out of the table, so that nothing is imported for it."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def as_command(function: Callable[..., object], *, name: str, examples: str) -> Any:
    """A function with typer's annotations, and with groups of them -> a command whose --help ends with examples, a line each."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    shown = "\b\nExamples:\n" + "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    app.command(name=name, epilog=shown, context_settings=HELP)(ungrouped(function))
    return typer.main.get_command(app)
