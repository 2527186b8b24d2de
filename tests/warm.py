"""Commands out of one warm process: it has loaded torch and limelight once, and forks for each command that is asked of it.

What a command sees is what it would see started by itself: its arguments, folder, environment and open streams. Run as a script this is
the warm process; the scripts that it writes, `limelight` and `python`, ask it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

LOADED = ("torch", "limelight", "limelight.hub", "limelight.look", "limelight.decode")
ASK = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({door!r})
    socket.send_fds(door, [b"."], [0, 1, 2])
    door.sendall(json.dumps(["{name}", sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    door.shutdown(socket.SHUT_WR)
    said = door.recv(1)
os._exit(said[0] if said else 255)
"""


@contextlib.contextmanager
def commands(folder: Path) -> Iterator[Path]:
    """A folder with `limelight` and `python` to be first on the path, for as long as the block is open."""
    door = folder / "door"
    for name in ("limelight", "python"):
        (folder / name).write_text(ASK.format(python=sys.executable, door=str(door), name=name))
        (folder / name).chmod(0o755)
    with subprocess.Popen(
        [sys.executable, __file__, str(door)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"warm\n"
            yield folder
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def serve(door: str) -> None:
    """Fork for each that asks, for ever."""
    for each in (*LOADED, *(f"limelight.cli.{module}" for module, _ in import_module("limelight.cli.table").COMMANDS.values())):
        import_module(each)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)                    # nobody waits for them but those who asked
    with socket.socket(socket.AF_UNIX) as heard:
        heard.bind(door)
        heard.listen()
        os.write(1, b"warm\n")
        while True:
            asking, _ = heard.accept()
            if os.fork() == 0:
                heard.close()
                answer(asking)
            asking.close()


def answer(asking: socket.socket) -> None:
    """Do what is asked, say how it ended, and end."""
    _, streams, *_ = socket.recv_fds(asking, 1, 3)
    with asking.makefile("rb") as file:
        name, args, folder, environment = json.load(file)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, (stream, of) in enumerate(zip(streams, ("stdin", "stdout", "stderr"), strict=True)):
        os.dup2(stream, number)
        os.close(stream)
        before = getattr(sys, of)
        setattr(sys, of, open(number, before.mode, encoding=before.encoding, errors=before.errors, closefd=False))  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code = done(name, args)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    asking.sendall(bytes([code & 255]))
    os._exit(code)


def done(name: str, args: list[str]) -> int:
    """The exit code of `limelight ...` or `python -c ...`."""
    sys.argv = [name, *args]
    try:
        if name == "limelight":
            from limelight.cli import main

            return main()
        sys.argv = args[:1]
        sys.path[0] = ""
        exec(compile(args[1], "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
