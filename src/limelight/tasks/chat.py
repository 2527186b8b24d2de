"""chat: a conversation goes on, in the form that the model was trained with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ..decode import Engine
from ..errors import InputError, TaskError
from ..hub import Opened
from ..inputs.template import Template, read_template
from ..values import value
from .asking import numbered, with_changes
from .fitness import check_fit
from .generate import going_on, prompt_part
from .result import Columns
from .writing.generated import Generated
from .writing.scribe import Answer, Part, Scribe, by_text
from .writing.writer import Writer, Writing

ROLES = ("system", "user", "assistant")
Message = Mapping[str, str]
PIPELINE_KEYS = {"text": "generated_text"}


@value
class ChatOptions(Writing):
    """How to reply: see Writing. `system`: what the model is told before a conversation that does not say so itself. `stop`: texts that
    end a reply and are not part of it."""

    system: str | None = None
    stop: tuple[str, ...] = ()


class Chat:
    """The chat task over one model; call it with a message or a whole conversation, or `begin` one.

        chat = limelight.task("chat", "./smollm2-instruct")
        print(chat("My parcel has not come.", system="You are the help desk of a shop."))

    `template`: the Jinja text of a chat template, for a folder that has none.
    """

    Options = ChatOptions

    def __init__(self, opened: Opened, *, template: str | None = None):
        check_fit(opened, "chat")
        self.opened = opened
        self._writer = Writer(opened, "generate")
        self._template = Template(template, "the template given") if template is not None else _template_of(opened)

    def __call__(self, messages: object, options: ChatOptions | None = None, **changes: Any) -> Any:
        """A message, or a conversation as tables of role and content, oldest first -> the reply. Several of them in a list -> a list.

        What a message says is text: the name of a mark in it neither ends nor begins anything. Raises InputError for what is no
        conversation, for one that the template refuses, in its words, and for one that leaves no room for a reply, with the numbers.
        """
        asked = with_changes("chat", options, ChatOptions, changes)
        several = isinstance(messages, list | tuple) and bool(messages) and not isinstance(messages[0], Mapping)
        given: Sequence[object] = messages if several else [messages]  # pyright: ignore[reportAssignmentType]
        talks = [numbered(i, given, lambda i=i: as_messages(given[i], asked.system)) for i in range(len(given))]
        parts = [numbered(i, given, lambda i=i: self._part(talks[i], asked, i)) for i in range(len(given))]
        scribe = going_on(self._writer, asked, asked.stop)
        answers = by_text(scribe.all(parts), len(talks))
        results = [self._result(scribe, talk, each) for talk, each in zip(talks, answers, strict=True)]
        return results if several else results[0]

    def stream(self, messages: object, options: ChatOptions | None = None, **changes: Any) -> Iterator[str | Generated]:
        """Pieces of the reply as soon as nothing can change them; the result comes last. Raises what a call raises, at once."""
        options = with_changes("chat", options, ChatOptions, changes)
        talk = as_messages(messages, options.system)
        scribe = going_on(self._writer, options, options.stop)
        scribe.check_stream(talk[-1]["content"])
        return scribe.streamed([self._part(talk, options)], lambda answers: self._result(scribe, talk, answers))

    def begin(self, options: ChatOptions | None = None, **changes: Any) -> Talk:
        """A conversation that remembers what was said."""
        return Talk(self, with_changes("chat", options, ChatOptions, changes))

    def engine(self, *, slots: int = 8192, rows: int = 32) -> AbstractContextManager[Engine]:
        """While this is open, calls and streams of one text each, from any threads, are written side by side: `rows` at once at most, in
        room for `slots` tokens. Each is what it is alone. Raises TaskError for a model with an encoder, or where one is open already.

            with chat.engine():
                ...                                                  # chat.stream(text) from as many threads as there are texts
        """
        return self._writer.together(slots=slots, rows=rows)

    def columns(self, options: ChatOptions) -> Columns:
        """What a table gets: a reply to each message, which begins a conversation of its own."""
        return options.columns

    def check(self, message: str, options: ChatOptions | None = None) -> None:
        """Raises InputError for a message that is empty; a template is not asked twice."""
        as_messages(message, (options or ChatOptions()).system)

    def prompt(self, messages: object, options: ChatOptions | None = None, **changes: Any) -> str:
        """The one text that the model goes on from, marks by their names."""
        options = with_changes("chat", options, ChatOptions, changes)
        return self._rendered(as_messages(messages, options.system))

    def _rendered(self, talk: Sequence[Message]) -> str:
        clean = self.opened.text.guarded_names
        return self._template.render([{key: clean(told) for key, told in message.items()} for message in talk])

    def _part(self, talk: Sequence[Message], options: ChatOptions, place: int = 0) -> Part:
        prompt = self._rendered(talk)                                # what the template refuses is told in its own words
        try:
            return prompt_part(self._writer, prompt, options, place=place, named=True, marks=False)
        except InputError as error:
            if len(talk) < 3:                                        # a single message, and what the model was told before it
                raise
            raise InputError(f"the conversation has grown too long: {error.message}", "Begin it anew (/clear).") from None

    def _result(self, scribe: Scribe, talk: Sequence[Message], answers: Sequence[Answer]) -> Generated:
        found = scribe.result("chat", talk[-1]["content"], answers, keys=PIPELINE_KEYS)
        return replace(found, text=found.text.strip(), nbest=tuple(replace(each, text=each.text.strip()) for each in found.nbest))


class Talk:
    """A conversation. `messages`: what was said so far; a reply that was broken off stands there as far as it came."""

    def __init__(self, chat: Chat, options: ChatOptions):
        self.chat, self.options = chat, options
        self.messages: list[Message] = []

    def say(self, text: str) -> Generated:
        """Say something; the reply is remembered."""
        reply = self.chat([*self.messages, {"role": "user", "content": text}], self.options)
        self._remember(text, reply.text)
        return reply

    def stream(self, text: str) -> Iterator[str | Generated]:
        """The same, word by word. Whoever stops listening, by Ctrl-C for instance, leaves the words so far in `messages`."""
        pieces = self.chat.stream([*self.messages, {"role": "user", "content": text}], self.options)
        return self._remembered(text, pieces)

    def _remembered(self, text: str, pieces: Iterator[str | Generated]) -> Iterator[str | Generated]:
        said, whole = "", None
        try:
            for piece in pieces:
                if isinstance(piece, Generated):
                    whole = piece.text
                else:
                    said += piece
                yield piece
        finally:
            if said or whole is not None:
                self._remember(text, said.strip() if whole is None else whole)

    def _remember(self, text: str, reply: str) -> None:
        self.messages += [{"role": "user", "content": text}, {"role": "assistant", "content": reply}]

    def clear(self) -> None:
        """Forget what was said."""
        self.messages.clear()


def as_messages(given: object, system: str | None) -> list[Message]:
    """A message or a conversation -> a conversation, with what the model is told before it. Raises InputError for what is none."""
    talk = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(talk, list | tuple) or not talk:
        raise InputError(f"a message or a list of messages is wanted: got {type(given).__name__}.", 'For instance "Hello".')
    for number, each in enumerate(talk, 1):
        if not isinstance(each, Mapping) or not {"role", "content"} <= each.keys() or not isinstance(each["content"], str):
            raise InputError(f"message {number} of {len(talk)} is no table of role and content: got {each!r:.60}.", "Give both, as text.")
        for key, told in each.items():
            if not isinstance(told, str):
                raise InputError(f"message {number} of {len(talk)} has {key!r:.40}, which is no text: got {told!r:.40}.", "Leave it out.")
        if each["role"] not in ROLES:
            raise InputError(f"message {number} of {len(talk)} is of role {each['role']!r:.40}.", f"Known: {', '.join(ROLES)}.")
    if not talk[-1]["content"].strip():
        raise InputError("the last message is empty.", "Say something.")
    before = [{"role": "system", "content": system}] if system and talk[0]["role"] != "system" else []
    return [*before, *talk]


def _template_of(opened: Opened) -> Template:
    found = read_template(opened.folder)
    if found is None:
        name = opened.manifest.name
        raise TaskError(f'the model "{name}" has no chat template: it was not trained to converse.', "Use generate, or give it a template.")
    return found
