"""main: run a command and end the process as a well-behaved tool does.

Exit codes: 0 done, 1 a bug of ours, 2 something the user can put right (one line, with a hint), 130 Ctrl-C; a closed pipe ends
the process as SIGPIPE ends others. Data go to standard output, everything else to standard error.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from .. import __version__
from ..errors import LimelightError
from . import streams
from .table import HELP, Commands

EPILOG = """\b
Examples:
  limelight translate "The black cat ate the mouse." --look
  limelight translate --file reviews.csv --column text --output reviews.fr.csv
  limelight models

--debug, anywhere on the line, shows the traceback of an error."""

root = typer.Typer(cls=Commands, rich_markup_mode=None, context_settings=HELP, epilog=EPILOG)


def _version(asked: bool) -> bool:
    if asked:
        streams.say(f"limelight {__version__}")
        raise typer.Exit
    return asked


@root.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Attention and transformer models: build, train, run and look inside them."""
    del version


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is given back. `argv` is without the program's name, by default that of the process."""
    args, debug = _without_debug(list(sys.argv[1:] if argv is None else argv))
    streams.prepare()
    try:
        code = _run(args or ["--help"])
        streams.flush()
    except BrokenPipeError:
        return streams.hang_up()
    except BaseException as error:      # a panic of the tokenizers library is no Exception
        if isinstance(error.__context__, BrokenPipeError) and isinstance(error, SystemExit):     # typer's way with a closed pipe
            return streams.hang_up()
        code = _explain(error, debug)
    return streams.close(code)


def _without_debug(args: list[str]) -> tuple[list[str], bool]:
    """The arguments without --debug; what stands after "--" is text."""
    end = args.index("--") if "--" in args else len(args)
    kept = [a for a in args[:end] if a != "--debug"]
    return kept + args[end:], len(kept) < end


def _run(args: list[str]) -> int:
    found = typer.main.get_command(root).main(args, prog_name="limelight", standalone_mode=False)
    return found if isinstance(found, int) else 0


def _explain(error: BaseException, debug: bool) -> int:
    """Say what went wrong, in one line, and choose the exit code."""
    if debug and not isinstance(error, KeyboardInterrupt | SystemExit):
        streams.note("".join(traceback.format_exception(error)).rstrip(), whole=True)
    match error:
        case KeyboardInterrupt() | typer.Abort():
            return 130
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
        case LimelightError():
            streams.note(f"limelight: error: {error}")
            return 2
        case typer.TyperException():
            streams.note(f"limelight: error: {_usage(error)}")
            return 2
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            streams.note(f"limelight: error: {streams.cut_short(error)}")
            return 2
        case _:
            kind = type(error).__name__
            more = "" if debug else "   This is a bug: run with --debug for the traceback, and report it with `limelight env`."
            streams.note(f"limelight: error: {kind}: {error}{more}")
            return 1


def _usage(error: typer.TyperException) -> str:
    """What was wrong with the words on the line, and where help is."""
    context = getattr(error, "ctx", None)
    hint = f"Try '{context.command_path if context is not None else 'limelight'} --help'."
    if context is not None and getattr(getattr(error, "param", None), "name", None) == "model":
        hint = f"{_carried(context.info_name)}{hint}"
    option = getattr(error, "option_name", None)
    if type(error).__name__ != "NoSuchOption" or option is None:
        return f"{error.format_message()}   {hint}"
    near = getattr(error, "possibilities", None)
    guess = f"Did you mean {near[0]}?   " if near else 'A text that begins with "-" goes after "--".   '
    return f"no option {option}.   {guess}{hint}"


def _carried(task: str | None) -> str:
    """The models for a task that come with the package."""
    from ..hub import bundled, read_manifest

    names = [name for name, folder in bundled().items() if read_manifest(folder).task == task]
    return f"-m {' or '.join(names)} comes with the package.   " if names else ""
