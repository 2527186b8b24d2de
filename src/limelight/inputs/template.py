"""Chat templates of published models: a conversation -> the one text that the model was trained to go on from.

They are Jinja programs that come with a model's folder, so they are code from elsewhere: each is run by `template_child.py`, in a
process that may do nothing else.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import InputError, LimelightError, WeightError
from ..files import believed_table, believed_text
from .confined import Limits, OverrunError, confined

MOST = 64 << 20                         # bytes of a tokenizer's settings, which name thousands of tokens
MOST_TEMPLATE = 1 << 20                 # bytes of a template
OWN = {"messages", "add_generation_prompt", "tools", "documents"}
FILE = "chat_template.jinja"
CHILD = Path(__file__).with_name("template_child.py")
INSTEAD = f"A {FILE} put into the folder is read in its place."


@dataclass(frozen=True)
class Template:
    """A chat template. `text`: the Jinja program; `where`: the folder that it is from, for errors; `marks`: the folder's special
    tokens by name, such as bos_token."""

    text: str
    where: str
    marks: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def render(self, messages: Sequence[Mapping[str, str]], *, answer: bool = True, **marks: str | bool) -> str:
        """The conversation as the model reads it. `messages`: tables of role (system, user, assistant) and content, oldest first;
        `answer`: end where the model's answer begins. `marks`: bos_token and others, in place of the folder's; also what else
        the template asks for by name (enable_thinking=False).

        Raises InputError for a conversation that is empty, too long, or that the template refuses, in its words; WeightError for a template
        that asks for what it may not have: Python's insides, too much time, memory or text.
        """
        if not messages:
            raise InputError("there is no message for the chat template.", "Give at least one.")
        if taken := sorted(OWN & marks.keys()):
            raise InputError(f"{taken[0]} is no mark: the chat template gets it from elsewhere.", "Give messages and answer by themselves.")
        if (size := sum(len(part) for message in messages for part in message.values())) > self.limits.most:
            raise InputError(f"the conversation has {size:,} letters; a chat template takes {self.limits.most:,} at most.", "Give less.")
        said = {"messages": [dict(message) for message in messages], "add_generation_prompt": answer, "tools": None, "documents": None}
        kind, words = self._ask({**self.marks, **marks, **said})
        if kind != "text":
            raise self._complaint(kind, words)
        return words

    def check(self) -> None:
        """Raises WeightError for a template that cannot be read."""
        kind, words = self._ask(None)
        if kind != "text":
            raise WeightError(*_wrong(self.where, kind, words))

    def _ask(self, values: Mapping[str, Any] | None) -> tuple[str, str]:
        request = {"template": self.text, "values": values, "now": datetime.now().isoformat()}
        try:
            found = confined(CHILD, _packages(), request, self.limits)
        except OverrunError as overrun:
            return "overrun", str(overrun)
        return str(found.get("kind")), str(found.get("words"))

    def _complaint(self, kind: str, words: str) -> LimelightError:
        words = " ".join(words.split())
        if kind == "refused":
            return InputError(f"the chat template of {self.where} refuses this conversation: {words}", "Change the roles or their order.")
        if kind == "failed":
            return InputError(f"the chat template of {self.where} fails with this conversation: {words}", "Does it take these roles?")
        return WeightError(*_wrong(self.where, kind, words))


def read_template(folder: Path) -> Template | None:
    """The chat template of a published folder; None for one that has none.

    Raises WeightError for one that is broken, does not compile, or is larger than a megabyte.
    """
    text = _text(folder)
    if text is None:
        return None
    template = Template(text, str(folder), _marks(folder))
    template.check()
    return template


def _text(folder: Path) -> str | None:
    """A file of its own goes before the tokenizer's settings, and those before a processor's."""
    if (path := folder / FILE).is_file():
        return believed_text(path, MOST_TEMPLATE)
    for path in (folder / "tokenizer_config.json", folder / "chat_template.json"):
        if path.is_file() and (found := believed_table(path, MOST).get("chat_template")) is not None:
            return _sized(_chosen(found, path), path)
    return None


def _chosen(found: object, path: Path) -> str:
    """The template itself, or of several that have names the one named default."""
    if isinstance(found, list) and all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in found):
        named = {each["name"]: each.get("template") for each in found}
        if "default" not in named:
            raise WeightError(f"{path} names no default among its chat templates: {', '.join(named)[:200]}.", "Name one of them default.")
        found = named["default"]
    if not isinstance(found, str):
        raise WeightError(f"{path} has a chat_template that is no text.", "The file is damaged: get it again.")
    return found


def _sized(text: str, path: Path) -> str:
    if (size := len(text.encode("utf-8", "surrogatepass"))) > MOST_TEMPLATE:
        raise WeightError(f"{path} has a chat template of {size:,} bytes; at most {MOST_TEMPLATE:,} are believed.", "Is it a model folder?")
    return text


def _marks(folder: Path) -> dict[str, str]:
    """What the folder calls its special tokens: bos_token and every other that it names, as a word or as a table with its content."""
    paths = (folder / "tokenizer_config.json", folder / "special_tokens_map.json")
    told = {key: found for path in paths if path.is_file() for key, found in believed_table(path, MOST).items() if key.endswith("_token")}
    words = {key: found.get("content") if isinstance(found, dict) else found for key, found in told.items()}
    return {key: word for key, word in words.items() if isinstance(word, str) and word}


def _packages() -> list[Path]:
    """The folders that the child imports from: it gets no other path."""
    found = [importlib.util.find_spec(name) for name in ("jinja2", "markupsafe")]
    return [*dict.fromkeys(Path(spec.origin).parents[1] for spec in found if spec is not None and spec.origin)]


def _wrong(where: str, kind: str, words: str) -> tuple[str, str]:
    """What is wrong with a template, and what to do."""
    words = " ".join(words.split()).rstrip(".")
    what = {
        "overrun": words,
        "memory": "needs more memory than a template may have",
        "long": "made more text than a model could read",
        "unsafe": f"asks for what no template may have: {words}",
        "syntax": f"cannot be read: {words}",
    }.get(kind, f"cannot be used: {words}")
    return f"the chat template of {where} {what}.", INSTEAD
