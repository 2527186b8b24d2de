"""The house rules, held over the syntax trees: who may import whom, and what no file may contain.

Each rule is a function from a parsed file to its complaints, and each is also shown a file that breaks it.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "limelight"

# Bottom to top. A folder (or a single file) imports only from rows above it in this list, and from itself.
LAYERS = (
    {"errors"},
    {"values", "files", "devices"},
    {"measure"},
    {"spec"},
    {"manifest", "ops", "inputs", "weights", "quant"},
    {"native"},
    {"nn", "codecs", "data"},
    {"families"},
    {"hub", "decode", "look", "train"},
    {"tasks"},
    {"claims", "compare", "explore", "pipelines", "zoo"},
    {"serve"},
    {"cli"},
    {"__main__"},
)
HEIGHT = {unit: height for height, row in enumerate(LAYERS) for unit in row}
NEVER = {("families", "nn")}          # a family is a spec and a table: it states, and builds nothing
KNOWS_NAMES = {"families", "hub"}     # the only places that may ask which family a model is of
FAMILIES = {"bert", "gpt2", "llama", "t5", "bart", "marian", "whisper", "vit", "detr", "dalle"}
FOREIGN = {"transformers", "torchvision", "torchaudio", "torchcodec"}
BORROWS = {("tasks", "twin.py"): "transformers"}                # the one file that may, to compare with it; what it imports is optional
BUILT = {"Network", "Attention", "Stack", "Block", "FeedForward", "Embed", "Head", "Residual", "Cache"}
MOST_PARAMETERS, MOST_LINES = 7, 400
MAY_TAKE = {                          # by keyword only beyond the third; nothing else may grow past seven
    ("ops", "attend"): 10,            # the one shape that every mechanism has
    ("ops", "attend_plain"): 10,      # its twin
    ("ops", "attention_weights"): 8,  # the same without values
    ("ops", "windowed"): 8,           # the same in chunks
    ("ops", "flex"): 8,               # the same in blocks, on a GPU
    ("native", "attend"): 10,         # both of them, and where keys stand
    ("spec", "encoder_decoder"): 9,   # the numbers of a whole model
}


@dataclass(frozen=True)
class File:
    """A source file: `unit` is its folder below limelight, or its own name; "" is the package itself."""

    unit: str
    package: tuple[str, ...]
    text: str
    tree: ast.Module
    name: str = ""


def read(path: Path) -> File:
    parts = path.relative_to(SRC).with_suffix("").parts
    unit = "" if parts == ("__init__",) else parts[0]
    text = path.read_text("utf-8")
    return File(unit, ("limelight", *parts[:-1]), text, ast.parse(text), path.name)


def sample(text: str, unit: str = "nn", package: tuple[str, ...] = ("limelight", "nn")) -> File:
    return File(unit, package, text, ast.parse(text))


def imported(file: File) -> Iterator[tuple[str, ...]]:
    """Every module that a file imports, at the top or inside a function, as dotted parts."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = file.package[: len(file.package) - node.level + 1] if node.level else ()
            base = (*base, *(node.module.split(".") if node.module else ()))
            yield from ((*base, alias.name) for alias in node.names)


def looks_up(file: File) -> list[str]:
    """Imports that do not go down."""
    if file.unit == "":
        return []                       # the package's public names, loaded when first asked for
    wrong = []
    for parts in imported(file):
        if parts[0] != "limelight" or len(parts) < 2 or parts[1] == file.unit:
            continue
        lower = HEIGHT.get(parts[1], -1) < HEIGHT[file.unit] and (parts[1] in HEIGHT or parts[1] == "__version__")
        if not lower or (file.unit, parts[1]) in NEVER:
            wrong.append(f"{file.unit} imports {'.'.join(parts)}")
    return wrong


def foreign(file: File) -> list[str]:
    may = BORROWS.get((file.unit, file.name))
    return [".".join(parts) for parts in imported(file) if parts[0] in FOREIGN and parts[0] != may]


def asks_family(file: File) -> list[str]:
    """Comparisons of, or with, a family's name."""
    if file.unit in KNOWS_NAMES:
        return []

    def named(node: ast.AST) -> bool:
        match node:
            case ast.Attribute(attr="family") | ast.Name(id="family"):
                return True
            case ast.Constant(value=str(word)):
                return word in FAMILIES
            case ast.Tuple(elts=inner) | ast.List(elts=inner) | ast.Set(elts=inner):
                return any(map(named, inner))
        return False

    wrong = []
    for node in ast.walk(file.tree):
        match node:
            case ast.Compare():
                parts = [node.left, *node.comparators]
            case ast.Match():
                parts = [node.subject]
            case ast.Call(func=ast.Attribute(value=asked, attr="startswith" | "endswith")):
                parts = [asked]
            case _:
                continue
        if any(map(named, parts)):
            wrong.append(f"line {node.lineno}: {ast.unparse(node)[:80]}")
    return wrong


def takes_much(file: File) -> list[str]:
    """Functions of more than seven parameters; a command's own are its options on the command line."""
    commands = set(file.tree.body) if file.unit == "cli" else set()
    wrong = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node not in commands:
            a = node.args
            names = [each.arg for each in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if each]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > MAY_TAKE.get((file.unit, node.name), MOST_PARAMETERS):
                wrong.append(f"line {node.lineno}: {node.name} takes {count}")
    return wrong


def inherits(file: File) -> list[str]:
    """Classes made by changing one of our modules: a variant is a value or a function handed in."""
    return [
        f"line {node.lineno}: class {node.name}({ast.unparse(base)})"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if ast.unparse(base).rpartition(".")[2] in BUILT
    ]


def asserts(file: File) -> list[str]:
    return [f"line {node.lineno}" for node in ast.walk(file.tree) if isinstance(node, ast.Assert)]


def says_nothing(file: File) -> list[str]:
    return [] if (ast.get_docstring(file.tree) or "").strip() else ["no docstring"]


def too_long(file: File) -> list[str]:
    lines = file.text.count("\n")
    return [] if lines <= MOST_LINES else [f"{lines} lines"]


def public(file: File) -> list[str] | None:
    """The names in `__all__`, where a file has one."""
    for node in file.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets) and isinstance(node.value, ast.List | ast.Tuple):
                return [ast.literal_eval(name) for name in node.value.elts]
    return None


def rank(name: str) -> tuple[int, str]:
    """The order that ruff keeps: CONSTANTS, Classes, functions."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def unsorted(file: File) -> list[str]:
    names = public(file) or []
    return [] if names == sorted(names, key=rank) else [f"__all__ is not sorted: {names}"]


FILES = {str(path.relative_to(SRC)): read(path) for path in sorted(SRC.rglob("*.py"))}
BREACHES: list[tuple[Callable[[File], list[str]], File]] = [
    (looks_up, sample("from ..look import trace")),
    (looks_up, sample("def f():\n    from limelight.decode.loop import stream")),
    (looks_up, sample("from .. import decode", "look", ("limelight", "look"))),
    (looks_up, sample("from . import tasks", "spec", ("limelight",))),
    (looks_up, sample("import limelight.nn", "families", ("limelight", "families"))),
    (looks_up, sample("from ..nowhere import x")),
    (foreign, sample("def f():\n    import transformers.models")),
    (foreign, sample("from torchvision import ops")),
    (asks_family, sample("if spec.family == 'x': pass")),
    (asks_family, sample("if name in ('bart', 'other'): pass")),
    (asks_family, sample("match spec.family:\n    case _: pass")),
    (asks_family, sample("if spec.family.startswith('x'): pass")),
    (takes_much, sample("def f(a, b, /, c, d, *e, g, h, **i): pass")),
    (takes_much, sample("def f(a, b, c, d):\n    def g(a, b, c, d, e, f, g, h): pass", "cli")),
    (inherits, sample("class Mine(nn.Network): pass")),
    (inherits, sample("class Mine(Block): pass")),
    (asserts, sample("def f():\n    assert 1")),
    (says_nothing, sample("x = 1")),
    (too_long, sample('"""Long."""\n' + "\n" * MOST_LINES)),
    (unsorted, sample("__all__ = ['b', 'a']")),
    (unsorted, sample("__all__ = ['a', 'B']")),
]
RULES = list(dict.fromkeys(rule for rule, _ in BREACHES))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps(rule: Callable[[File], list[str]]) -> None:
    wrong = {name: found for name, file in FILES.items() if (found := rule(file))}
    assert not wrong


@pytest.mark.parametrize(("rule", "breach"), BREACHES, ids=lambda part: getattr(part, "__name__", ""))
def test_a_breach_is_seen(rule: Callable[[File], list[str]], breach: File) -> None:
    assert rule(breach)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (looks_up, "from ..ops import attend\nfrom .cache import Cache\nimport torch"),
        (asks_family, "raise TaskError(f'{spec.family} has no decoder.')\nif kind == 'dot': pass"),
        (takes_much, "class A:\n    def f(self, a, b, c, d, e, f, g): pass"),
        (inherits, "class Block(nn.Module): pass"),
    ],
)
def test_what_is_right_passes(rule: Callable[[File], list[str]], text: str) -> None:
    assert rule(sample(text)) == []


def test_every_unit_has_a_layer() -> None:
    units = {file.unit for file in FILES.values()} - {""}
    assert len(units) > 10
    assert units <= set(HEIGHT)


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if public(file)])
def test_public_names_exist(name: str) -> None:
    dotted = ".".join(("limelight", *Path(name).with_suffix("").parts)).removesuffix(".__init__")
    module = importlib.import_module(dotted)
    names = public(FILES[name]) or []
    assert len(set(names)) == len(names)
    assert [each for each in names if not hasattr(module, each)] == []


@pytest.mark.parametrize("module", ["limelight", "limelight.spec", "limelight.values", "limelight.manifest", "limelight.cli"])
def test_describing_and_starting_need_no_torch(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'numpy', 'tokenizers', 'pyarrow'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
