"""The other end of `template.py`: a chat template made into text, in a process of its own that may do nothing else.

Run as a script, never imported by Limelight: `python -I -S template_child.py FOLDER...`, the folders being those of jinja2 and
markupsafe. One JSON request on standard input, one JSON reply on standard output: {"kind": "text", "words": ...} or what went wrong.

Three walls stand around the template. Jinja's sandbox refuses it Python's insides; limits of the system end it where it takes too
much time or memory, or writes a file; and a hook refuses files, sockets, modules and processes, should it have got past the first.
"""

import importlib
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":
    sys.path.extend(sys.argv[1:])

from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node, Scope
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

for name in ("pprint", "textwrap", "encodings.ascii", "encodings.unicode_escape", "jinja2.constants", "jinja2.debug"):
    importlib.import_module(name)       # jinja2 loads these when they are first asked for, and then nothing can be opened any more

WORDS = 300                     # characters of a complaint that are handed on
NEVER = {"open", "import", "os", "socket", "subprocess", "shutil", "tempfile", "ctypes", "mmap", "fcntl", "pty", "winreg", "_winapi"}


class RefusedError(Exception):
    """The template's own `raise_exception`."""


class TooLongError(Exception):
    """More text than was asked for at most."""


class Generation(Extension):
    """{% generation %}: marks what a model wrote, for training on it; here it is its content."""

    tags = {"generation"}       # noqa: RUF012

    def parse(self, parser: Parser) -> Node:
        line = next(parser.stream).lineno
        return Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(line)


class Names(Namespace):
    """`namespace()`, without names that reach Python's insides."""

    def __init__(self, given: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **more: Any):
        names = dict(given, **more)
        for name in names:
            _plain_name(name)
        Namespace.__init__(self, names)

    def __setitem__(self, name: str, value: Any) -> None:
        _plain_name(name)
        Namespace.__setitem__(self, name, value)


class Tables:
    """`dict`, as something to call rather than as the type itself."""

    def __call__(self, *given: Any, **more: Any) -> dict[Any, Any]:
        return dict(*given, **more)

    def fromkeys(self, keys: Iterable[Any], value: Any = None) -> dict[Any, Any]:
        return dict.fromkeys(keys, value)


def _plain_name(name: object) -> None:
    if str(name).startswith("_"):
        raise SecurityError(f"a namespace may not hold {name!r}")


def refuse(message: object) -> NoReturn:
    raise RefusedError(str(message))


def to_json(value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
    """`tojson`, whose letters stay as they are: jinja2's own writes < and > as escapes, for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment(now: datetime) -> ImmutableSandboxedEnvironment:
    """What published chat templates are written for."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = to_json
    made.globals.update(raise_exception=refuse, strftime_now=now.strftime, dict=Tables(), namespace=Names)
    return made


def confine(memory: int, seconds: int) -> None:
    """No more than `memory` bytes above those in use, `seconds` of the processor, no files; for the rest of the process."""
    with suppress(ImportError):
        import resource

        limits = {"RLIMIT_AS": _in_use() + memory, "RLIMIT_CPU": seconds, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
        for name, most in limits.items():
            with suppress(AttributeError, ValueError, OSError):        # a system without this limit, or with a lower one
                resource.setrlimit(getattr(resource, name), (most, most + (name == "RLIMIT_CPU")))
    sys.addaudithook(_watch)


def _in_use() -> int:
    """Bytes of address space that this process has; a guess on the generous side where the system does not tell."""
    try:
        import resource

        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return 512 << 20


def _watch(event: str, _: tuple[Any, ...]) -> None:
    if event.partition(".")[0] in NEVER:
        raise SecurityError(f"{event} is not for templates")


def rendered(request: Mapping[str, Any]) -> str:
    """The template's text; nothing where there are no values, so that it is only read. Raises TooLongError for too much of it."""
    template = environment(datetime.fromisoformat(request["now"])).from_string(request["template"])
    pieces, size = [], 0
    for piece in template.generate(request["values"]) if request["values"] is not None else ():
        pieces.append(piece)
        size += len(piece)
        if size > request["most"]:
            raise TooLongError
    return "".join(pieces)


def reply(request: Mapping[str, Any]) -> tuple[str, str]:
    """The kind of reply, and its words."""
    try:
        return "text", rendered(request)
    except RefusedError as error:
        return "refused", str(error)[:WORDS]
    except SecurityError as error:
        return "unsafe", str(error)[:WORDS]
    except TemplateSyntaxError as error:
        return "syntax", f"line {error.lineno}: {error.message}"[:WORDS]
    except MemoryError:
        return "memory", ""
    except TooLongError:
        return "long", ""
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"[:WORDS]


def main() -> None:
    """Read the request, shut the doors, answer."""
    request = json.load(sys.stdin.buffer)
    confine(request["memory"], request["seconds"])
    kind, words = reply(request)
    answer = json.dumps({"kind": kind, "words": words}, ensure_ascii=False)
    sys.stdout.buffer.write(answer.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
