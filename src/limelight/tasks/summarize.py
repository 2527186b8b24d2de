"""summarize: a text, however long, in few sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, overload

from ..errors import InputError
from ..hub import Opened
from ..inputs import sentences
from ..values import value
from .asking import as_texts, numbered, with_changes
from .fitness import check_fit
from .reading.windows import windows
from .result import Columns
from .writing.generated import Generated
from .writing.scribe import Part, Scribe, by_text
from .writing.writer import Writer, Writing

PIPELINE_KEYS = {"text": "summary_text"}


@value
class SummarizeOptions(Writing):
    """How to summarize: see Writing; lengths are those of each part's summary. `long`: a text longer than the model reads at once is
    summarized in parts, at sentence ends, and the summaries stand one after the other; or it is refused."""

    long: Literal["parts", "refuse"] = "parts"


class Summarize:
    """The summarization task over one model with an encoder and a decoder.

        summarize = limelight.task("summarize", "./distilbart-cnn")
        print(summarize(article, max_length=60))
    """

    Options = SummarizeOptions
    use = "summarize"

    def __init__(self, opened: Opened):
        check_fit(opened, "summarize")
        self.opened = opened
        self._writer = Writer(opened, "summarize")

    @overload
    def __call__(self, text: str, options: SummarizeOptions | None = None, **changes: Any) -> Generated: ...
    @overload
    def __call__(
        self, text: list[str] | tuple[str, ...], options: SummarizeOptions | None = None, **changes: Any
    ) -> list[Generated]: ...
    def __call__(self, text: object, options: SummarizeOptions | None = None, **changes: Any) -> Generated | list[Generated]:
        """A text -> its summary; several -> a list, in order. `parts` of a result says into how many a long text was divided.

        Raises InputError for what is no text, and, with long="refuse", for a text longer than the model reads, with the numbers.
        """
        asked, texts = with_changes("summarize", options, SummarizeOptions, changes), as_texts(text)
        scribe = Scribe(self._writer, asked)
        parts = [part for i in range(len(texts)) for part in numbered(i, texts, lambda i=i: self._parts(i, texts[i], asked))]
        answers = by_text(scribe.all(parts), len(texts))
        results = [scribe.result("summarize", each, found, keys=PIPELINE_KEYS) for each, found in zip(texts, answers, strict=True)]
        return results[0] if isinstance(text, str) else results

    def columns(self, options: SummarizeOptions) -> Columns:
        """What a table gets."""
        return options.columns

    def check(self, text: str, options: SummarizeOptions | None = None) -> None:
        """Raises InputError, as a call would, for a text that cannot be summarized."""
        self._parts(0, text, options or SummarizeOptions())

    def stream(self, text: str, options: SummarizeOptions | None = None, **changes: Any) -> Iterator[str | Generated]:
        """Pieces of the summary as soon as nothing can change them; the result comes last. See Generate.stream."""
        asked = with_changes("summarize", options, SummarizeOptions, changes)
        scribe = Scribe(self._writer, asked)
        scribe.check_stream(text)
        parts = self._parts(0, text, asked)
        return scribe.streamed(parts, lambda answers: scribe.result("summarize", text, answers, keys=PIPELINE_KEYS))

    def _parts(self, i: int, text: str, options: SummarizeOptions) -> list[Part]:
        writer = self._writer
        room, longest = writer.most_source, writer.longest(0, options)
        whole = self.opened.text.encode(writer.prefix + text)
        if not text.strip():
            return []
        if len(whole.ids) <= room:
            return [Part(i, 0, whole.ids, longest)]
        if options.long == "refuse":
            said = f"a text has {len(whole.ids):,} tokens; {self.opened.manifest.name} reads at most {room:,}."
            raise InputError(said, "Give a shorter one, or let it be summarized in parts.")
        return [Part(i, place, ids, longest, gap=" ") for place, ids in enumerate(self._rows(text, room))]

    def _rows(self, text: str, room: int) -> list[tuple[int, ...]]:
        """The text in rows of as many whole sentences as the model reads; a sentence that is too long alone is cut at a word."""
        spans, prefix, encode = sentences(text), self._writer.prefix, self.opened.text.encode
        sizes = [len(each.ids) for each in self.opened.text.encode_all([text[a:b] for a, b in spans], marks=False)]
        around = len(encode(prefix + "x").ids)                       # the marks, the prefix, and a piece to be on the safe side
        rows, first = list[tuple[int, ...]](), 0
        while first < len(spans):
            last, total = first + 1, around + sizes[first]
            while last < len(spans) and total + sizes[last] + 1 <= room:
                total += sizes[last] + 1
                last += 1
            row = encode(prefix + text[spans[first][0] : spans[last - 1][1]])
            rows += [window.encoded.ids for window in windows(row, room, overlap=0)]
            first = last
        return rows
