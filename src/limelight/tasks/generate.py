"""generate: a text goes on; or, with an encoder, is answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, overload

from ..decode import Draft, Engine
from ..errors import InputError
from ..hub import Opened
from ..values import value
from .asking import as_texts, numbered, with_changes
from .fitness import check_fit
from .result import Columns
from .writing.drafting import drafter
from .writing.generated import Generated
from .writing.scribe import Answer, Part, Scribe, by_text
from .writing.writer import Writer, Writing

PIPELINE_KEYS = {"text": "generated_text"}


@value
class GenerateOptions(Writing):
    """How to go on: see Writing. `stop`: texts that end an answer and are not part of it. `named`: read the names of marks in a prompt
    ("<|endoftext|>") as marks, rather than as text like any other. `draft`: the name or folder of a small model with the same pieces, or
    "lookup"; it guesses tokens ahead, which changes nothing of the answer but how long it takes, for greedy search and draws."""

    stop: tuple[str, ...] = ()
    named: bool = False
    draft: str | None = None


class Generate:
    """The generation task over one model; call it with a prompt or several.

        generate = limelight.task("generate", "./gpt2")
        result = generate("Once upon a time", max_length=40)
    """

    Options = GenerateOptions
    use = "generate"

    def __init__(self, opened: Opened):
        check_fit(opened, "generate")
        self.opened = opened
        self._writer = Writer(opened, "generate")
        self._drafts: dict[str, Draft] = {}

    @overload
    def __call__(self, prompt: str, options: GenerateOptions | None = None, **changes: Any) -> Generated: ...
    @overload
    def __call__(
        self, prompt: list[str] | tuple[str, ...], options: GenerateOptions | None = None, **changes: Any
    ) -> list[Generated]: ...
    def __call__(self, prompt: object, options: GenerateOptions | None = None, **changes: Any) -> Generated | list[Generated]:
        """A prompt -> what the model writes after it; several -> a list, in order. The result's text is what is new, space by space.

        Raises InputError for what is no text, and for a prompt that leaves no room for an answer, with the numbers; RecipeError for an
        option that is unknown or out of range, or a draft that does not go with the others; TaskError for one of other pieces.
        """
        asked, prompts = with_changes("generate", options, GenerateOptions, changes), as_texts(prompt)
        parts = [numbered(i, prompts, lambda i=i: self._part(i, prompts[i], asked)) for i in range(len(prompts))]
        scribe = self._scribe(asked)
        answers = by_text(scribe.all(parts), len(prompts))
        results = [self._result(scribe, text, each) for text, each in zip(prompts, answers, strict=True)]
        return results[0] if isinstance(prompt, str) else results

    def engine(self, *, slots: int = 8192, rows: int = 32) -> AbstractContextManager[Engine]:
        """While this is open, calls and streams of one text each, from any threads, are written side by side: `rows` at once at most, in
        room for `slots` tokens. Each is what it is alone. Raises TaskError for a model with an encoder, or where one is open already.

            with generate.engine():
                ...                                                  # generate.stream(text) from as many threads as there are texts
        """
        return self._writer.together(slots=slots, rows=rows)

    def columns(self, options: GenerateOptions) -> Columns:
        """What a table gets."""
        return options.columns

    def check(self, prompt: str, options: GenerateOptions | None = None) -> None:
        """Raises InputError, as a call would, for a prompt that cannot be gone on from."""
        self._part(0, prompt, options or GenerateOptions())

    def stream(self, prompt: str, options: GenerateOptions | None = None, **changes: Any) -> Iterator[str | Generated]:
        """Pieces of the answer as soon as nothing can change them; the result comes last. The pieces together are its text.

        Raises what a call raises, at once, and RecipeError for several drawn answers.
        """
        options = with_changes("generate", options, GenerateOptions, changes)
        scribe = self._scribe(options)
        scribe.check_stream(prompt)
        return scribe.streamed([self._part(0, prompt, options)], lambda answers: self._result(scribe, prompt, answers))

    def _part(self, i: int, prompt: str, options: GenerateOptions) -> Part:
        return prompt_part(self._writer, prompt, options, place=i, named=options.named)

    def _scribe(self, options: GenerateOptions) -> Scribe:
        draft = None
        if options.draft is not None:
            draft = self._drafts[options.draft] = self._drafts.get(options.draft) or drafter(options.draft, self.opened)
        return going_on(self._writer, options, options.stop, draft)

    def _result(self, scribe: Scribe, prompt: str, answers: Sequence[Answer]) -> Generated:
        found = scribe.result("generate", prompt, answers, keys=PIPELINE_KEYS)
        return found if self.opened.model.encoder is not None else replace(found, led=prompt)


def prompt_part(writer: Writer, prompt: str, options: Writing, *, place: int = 0, named: bool = False, marks: bool = True) -> Part:
    """A prompt, ready for the model. Raises InputError for an empty one where the model has no token to begin with, and for one that
    leaves no room."""
    opened = writer.opened
    ids = opened.text.encode(writer.prefix + prompt, marks=marks, named=named).ids
    if opened.model.encoder is not None:
        if len(ids) > writer.most_source:
            name = opened.manifest.name
            raise InputError(f"a prompt has {len(ids):,} tokens; {name} reads at most {writer.most_source:,}.", "Give a shorter one.")
        return Part(place, 0, ids, writer.longest(0, options))
    ids = ids or ((writer.generation.start,) if writer.generation.start is not None else ())
    if not ids:
        raise InputError("there is no prompt, and the model has no token to begin with.", "Give it a word.")
    return Part(place, 0, ids, writer.longest(len(ids), options))


def going_on(writer: Writer, options: Writing, stop: Sequence[str] = (), draft: Draft | None = None) -> Scribe:
    """A scribe whose answers go on from their prompts: without an encoder, each space and line end counts."""
    text = writer.opened.text
    exact = None if writer.opened.model.encoder is not None else lambda part, ids: text.after(part.ids, ids)
    return Scribe(writer, options, spell=exact, stop=stop, draft=draft)
