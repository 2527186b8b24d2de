"""main: the table of commands, help, versions, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from ran import one_line

COMMANDS = ["translate", "align", "summarize", "generate", "chat", "classify", "answer", "extract", "fill", "embed", "sense", "resolve"]
COMMANDS += ["caption", "detect", "transcribe", "draw", "look", "steps"]
COMMANDS += ["train", "eval", "convert", "prune", "verify", "claims", "mechanisms", "models", "env"]
Run = Callable[..., Any]


def test_help_imports_next_to_nothing() -> None:
    """What a shell waits for; how long that is, is a benchmark (`python -m benchmarks starting`)."""
    loaded = "import sys; from limelight.cli import main; main(['--help']); print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    needed = {"__main__", "limelight", "typer", "annotated_doc", "shellingham", "_distutils_hack"}
    assert set(done.stdout.splitlines()[-1].split()) - sys.stdlib_module_names <= needed


def test_help_lists_every_command_with_its_line(limelight: Run) -> None:
    from limelight.cli.table import COMMANDS as TABLE

    ran = limelight("--help")
    assert ran.code == 0
    assert list(TABLE) == COMMANDS
    said = " ".join(ran.out.split())
    for name, (_, text) in TABLE.items():
        assert f"{name} {text}" in said
    assert limelight().out == ran.out
    assert limelight("-h").out == ran.out


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(limelight: Run, name: str) -> None:
    ran = limelight(name, "--help")
    assert ran.code == 0
    assert f"Usage: limelight {name} " in ran.out
    assert "--json" in ran.out or "COMMAND [ARGS]" in ran.out          # one with commands of its own has it in each of them
    assert "Examples:" in ran.out
    assert f"  limelight {name}" in ran.out.split("Examples:")[1]


def test_version(limelight: Run) -> None:
    import limelight as package

    ran = limelight("--version")
    assert (ran.code, ran.out) == (0, f"limelight {package.__version__}\n")


def test_an_unknown_command_and_an_unknown_option_name_the_nearest(limelight: Run) -> None:
    one_line(limelight("trnslate", "x"), 'no command "trnslate"', 'Did you mean "translate"?', "env, eval")
    one_line(limelight("env", "--jsn"), "no option --jsn", "Did you mean --json?", "limelight env --help")
    one_line(limelight("--vrsion"), "no option --vrsion", "Did you mean --version?")
    one_line(limelight("translate", "-5 degrees"), "no option", 'goes after "--"')
    one_line(limelight("env", "more"), "unexpected extra argument", "limelight env --help")
    one_line(limelight("translate", "--beam", "many"), "--beam", "integer")
    one_line(limelight("eval"), "Missing argument", "limelight eval --help")


def test_who_names_no_model_is_told_which_come_with_the_package(limelight: Run) -> None:
    from limelight.hub import bundled, read_manifest

    mine = [name for name, folder in bundled().items() if read_manifest(folder).task == "detect"]
    told = f"-m {' or '.join(mine)} comes with the package" if mine else "limelight detect --help"
    one_line(limelight("detect", "cells.jpg"), "Missing option", told)
    assert "comes with" not in limelight("summarize", "A text.").err


def test_a_bug_is_one_line_and_a_traceback_with_debug(limelight: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("limelight.cli.env.gather", broken)
    ran = limelight("env")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("limelight: error: RuntimeError: first second")
    assert "--debug" in ran.err
    for args in (("--debug", "env"), ("env", "--debug")):
        shown = limelight(*args)
        assert shown.code == 1
        assert "Traceback" in shown.err
        assert "in broken" in shown.err


def test_debug_shows_the_traceback_of_a_users_error_too(limelight: Run) -> None:
    ran = limelight("models", "--debug", "nothing")
    assert ran.code == 2
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1].startswith('limelight: error: no model "nothing"')


def test_a_panic_of_a_library_is_a_bug_too(limelight: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def broken() -> dict[str, Any]:
        raise PanicException("boom")

    monkeypatch.setattr("limelight.cli.env.gather", broken)
    ran = limelight("env")
    assert (ran.code, ran.out) == (1, "")
    assert "PanicException: boom" in ran.err


def test_what_could_steer_a_terminal_is_shown_as_an_escape(limelight: Run) -> None:
    line = one_line(limelight("models", "\x1b[2Jx\udcff"))
    assert "\\x1b[2Jx\\udcff" in line


def test_env_says_what_a_report_needs(limelight: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    found = json.loads(limelight("env", "--json").out)
    wanted = {"limelight", "python", "torch", "tokenizers", "safetensors", "numpy", "pyarrow", "sacrebleu"}
    wanted |= {"platform", "cpu", "memory", "gpus"}
    assert wanted <= set(found)
    assert found["variables"]["HF_HUB_OFFLINE"] == "1"
    assert found["cpu capability"]
    assert found["cores"]["torch threads"] == 1
    text = limelight("env").out
    assert all(f"{name} " in text for name in wanted)
    assert "hidden" not in text
