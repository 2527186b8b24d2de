"""What `limelight chat` does, once its options are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, RecipeError
from ..files import believed_text
from ..hub import open_model
from ..inputs.template import MOST_TEMPLATE
from ..tasks.chat import Chat, ChatOptions, Talk
from ..tasks.writing.writer import Writer
from .given import Asked, Given, Shown, answer
from .options import Opening, Search
from .prompt import Command, Prompt, history_file
from .searching import search_options
from .streams import note
from .written import listed, show_stream


@dataclass(frozen=True)
class Job:
    """All that was asked for. `more`: options of this task alone; `template`: the file of a chat template."""

    given: Given
    at: Opening
    search: Search
    more: dict[str, Any]
    template: Path | None


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together."""
    template = None if job.template is None else believed_text(job.template, MOST_TEMPLATE)
    chat = Chat(open_model(job.at.model, device=job.at.device, dtype=job.at.dtype, quant=job.at.quant), template=template)
    options = ChatOptions(**search_options(job.search, Writer(chat.opened, "generate")), **job.more)
    shown = Shown(job.given, listed, told=job.search.max_length is not None)
    if job.given.table.file is not None:
        told = {} if template is None else {"template": template}
        answer(Asked(chat, chat.opened, options, name="reply", doing="replying", made_with=told), job.given, shown)
        return
    if options.nbest > 1:
        raise RecipeError("a conversation goes on from one reply: got --nbest above 1.", "Leave it out, or answer a --file.")
    talk = chat.begin(options)
    if job.given.texts:
        _converse(talk, iter(job.given.texts), shown, kind=False)
    else:
        words = {"clear": Command("forget what was said", _clearing(talk))}
        prompt = Prompt(words, as_json=job.given.as_json, history=history_file("chat"))
        if prompt.typed:
            note(f"{chat.opened.manifest.name} listens. /help tells what else can be typed; Ctrl-D ends.")
        _converse(talk, _each(prompt), shown, kind=prompt.typed)
    shown.end()


def _converse(talk: Talk, messages: Iterator[str], shown: Shown, *, kind: bool) -> None:
    """One message after the other. `kind`: somebody sits there, so that an error or a Ctrl-C ends a reply, not the conversation."""
    for message in messages:
        try:
            show_stream(talk.stream(message), shown, pieces=not shown.given.as_json)
        except InputError as error:
            if not kind:
                raise
            note(f"limelight: error: {error}")
        except KeyboardInterrupt:
            if not kind:
                raise
            note("The reply was ended there; what came of it is remembered.")


def _each(prompt: Prompt) -> Iterator[str]:
    while (text := prompt.read()) is not None:
        yield text


def _clearing(talk: Talk) -> Callable[[], None]:
    def clear() -> None:
        talk.clear()
        note("Forgotten.")

    return clear
