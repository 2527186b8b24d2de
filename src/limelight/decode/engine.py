"""Engine: many answers at once over one model, each joining and leaving between two steps (Yu et al. 2022, section 3.1).

    with Engine(model) as engine:                                    # a thread of its own steps while this is open
        answer = engine.submit(prompt, Sample(seed=3), ending=ending)
        for token in answer: ...
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from ..errors import InputError, TaskError
from ..nn import Network, PagedCache, PagePool
from ..nn.paged import PAGE
from ..nn.stack import Stack
from .choices import Choice, Greedy
from .filters import Filter
from .loop import Step
from .request import Request, Row, check_fits
from .search import tops
from .stops import Ending
from .trails import Hypothesis

State = Literal["waiting", "running", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class Load:
    """How busy an engine is. `read`: tokens that went through the model so far; `shared`: those that did not have to, since a beginning was
    known; `put_back`: how often an answer had to make room and was read again."""

    waiting: int
    running: int
    free: int
    pages: int
    read: int
    shared: int
    put_back: int


@dataclass(frozen=True)
class Told(Step):
    """A step of an answer that another thread may be writing: what was sure when it was told."""

    told: tuple[int, ...] = ()

    def fixed(self, source: int) -> tuple[int, ...]:
        """See Step; there is one source."""
        del source
        return self.told


class Answering:
    """An answer under way; iterate over it for its tokens as soon as nothing can change them.

    Whoever reads waits for the engine's thread; where none runs, the reader does the steps itself.
    """

    def __init__(self, engine: Engine, request: Request):
        self._engine, self._request = engine, request

    @property
    def number(self) -> int:
        """Counts the engine's requests from 0."""
        return self._request.number

    @property
    def tokens(self) -> tuple[int, ...]:
        """What is sure so far."""
        return self._request.told

    @property
    def state(self) -> State:
        """How it stands."""
        r = self._request
        if r.error is not None:
            return "failed"
        if r.done:
            return "done"
        return "cancelled" if r.cancelled else "running" if r.rows else "waiting"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._request.done or self._request.cancelled or self._request.error is not None

    def __iter__(self) -> Iterator[int]:
        """Tokens, one by one; they end where it is cancelled. Raises what a filter or the model raised."""
        shown = 0
        while True:
            self._engine.wait(self, shown)
            over, told = self.over, self.tokens
            yield from told[shown:]
            shown = len(told)
            if over:
                break
        if self._request.error is not None:
            raise self._request.error

    def steps(self) -> Iterator[Told]:
        """The same as steps, as decode.stream tells them; the last has the answers. Whoever stops listening cancels it.

        Raises what `result` raises.
        """
        try:
            while not self.over:
                told = self.tokens
                yield Told(len(told), self._request.search, told=told)
                self._engine.wait(self, len(told))
            self.result()
            yield Told(self._request.index, self._request.search, told=self.tokens)
        finally:
            self.cancel()

    def result(self) -> list[Hypothesis]:
        """Wait for the answers, best first, as decode.generate gives them. Raises TaskError where it was cancelled, and what a filter or
        the model raised."""
        for _ in self:
            pass
        if not self._request.done:
            raise TaskError(f"request {self.number} was cancelled after {len(self.tokens)} tokens.", "Submit it again.")
        return self._request.search.done[0][: self._request.choice.nbest]

    def cancel(self) -> None:
        """Stop, and give its pages back. One that is over stays as it is."""
        self._engine.cancel(self._request)


class Engine:
    """Each answer is what decode.generate gives for its prompt alone, whatever runs beside it.

    `slots`: tokens that the pool has room for, all answers together; `rows`: how many are read in one step at most; `chunk`: tokens of
    prompts that one step reads at most, so that a long one holds up nobody. When the pool is full, the newest answer is put back: its
    pages are given up, and it is read again, with what it has said, when there is room. `submit`, `cancel` and reading are safe from any
    thread; one step is done at a time. Raises TaskError for a model that keeps more of a sequence than keys and values.
    """

    def __init__(self, model: Network, *, slots: int = 8192, rows: int = 32, chunk: int = 256):
        if model.encoder is not None or not isinstance(model.decoder, Stack):
            family = model.spec.family
            raise TaskError(f"an engine writes with a decoder of attentions alone: {family} is of another kind.", "Use decode.generate.")
        if min(slots, rows, chunk) < 1:
            raise InputError(f"slots, rows and chunk are 1 at least: got {slots}, {rows} and {chunk}.", "Give larger numbers.")
        self.model, self._decoder, self._rows, self._chunk = model, model.decoder, rows, chunk
        self.pool = PagePool.of(self._decoder, pages=-(-slots // PAGE) + 1)
        self._changed = threading.Condition()                # over what follows, for moments only
        self._stepping = threading.Lock()                    # over the pool, the model and what runs, for a whole step
        self._waiting: list[Request] = []                    # both in the order of their numbers
        self._running: list[Request] = []
        self._count = self._read = self._shared = self._put_back = 0
        self._thread: threading.Thread | None = None
        self._open = False
        self._last: PagedCache | None = None

    # --- from any thread --------------------------------------------------------------------------------------------
    def submit(self, prompt: Sequence[int], choice: Choice | None = None, *, ending: Ending, filters: Sequence[Filter] = ()) -> Answering:
        """Ask for what comes after token ids; greedily unless told otherwise.

        Raises InputError for an empty prompt, for ids that the model does not know, and for what would not fit, with the numbers.
        """
        with self._changed:
            request = Request(self._count, tuple(prompt), Greedy() if choice is None else choice, ending, tuple(filters))
            check_fits(request, self._decoder.spec, self.pool, self._chunk)
            self._count += 1
            self._waiting.append(request)
            self._changed.notify_all()
        return Answering(self, request)

    def cancel(self, request: Request) -> None:
        """See Answering."""
        with self._changed:
            request.cancelled = not request.done and request.error is None
        if self._stepping.acquire(blocking=False):           # else the step that is under way sees to it at its end
            try:
                self._sweep()
            finally:
                self._stepping.release()

    @property
    def load(self) -> Load:
        """How busy it is."""
        with self._changed:
            count = len(self._waiting), len(self._running), self.pool.free, self.pool.pages
            return Load(*count, self._read, self._shared, self._put_back)

    @property
    def busy(self) -> bool:
        """Whether a step would do something."""
        return bool(self._waiting or self._running)

    def wait(self, answer: Answering, seen: int) -> None:
        """Until an answer is over or has more than `seen` tokens; does the steps where no thread does."""
        while not (answer.over or len(answer.tokens) > seen):
            with self._changed:
                if self._open:
                    self._changed.wait_for(lambda: not self._open or answer.over or len(answer.tokens) > seen)
                    continue
            self.step()

    # --- the thread that steps --------------------------------------------------------------------------------------
    def __enter__(self) -> Engine:
        """Step in a thread of its own. Raises TaskError where it does already."""
        with self._changed:
            if self._open:
                raise TaskError("this engine is running already: got another start.", "Submit to the one that runs.")
            self._open = True
            self._thread = threading.Thread(target=self._run, name="limelight-engine", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        """What is under way stays, for steps to come."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._open:
            with self._changed:
                self._changed.wait_for(lambda: self.busy or not self._open)
            if self._open:
                self.step()

    # --- a step -----------------------------------------------------------------------------------------------------
    def step(self) -> bool:
        """Read one token of each answer and some of new prompts, and choose -> whether there is more to do."""
        with self._stepping, torch.inference_mode():
            self._sweep()
            self._admit()
            if rows := self._planned():
                self._pass(rows)
            for request in [each for each in self._running if each.ready]:
                self._advance(request)
            self._sweep()
            with self._changed:
                self._changed.notify_all()
        return self.busy

    def _sweep(self) -> None:
        """Let go of what is over, and of what a step that was broken off has left."""
        with self._changed:
            over = [each for each in (*self._waiting, *self._running) if each.done or each.cancelled or each.error is not None]
            self._waiting = [each for each in self._waiting if each not in over]
            self._running = [each for each in self._running if each not in over]
            for request in over:
                request.stop()
            if over:
                self._last = None
                self._changed.notify_all()
        for row in (row for request in self._running for row in request.rows if row.read.fresh):
            row.read.trim(row.read.length)
            self._last = None

    def _admit(self) -> None:
        """Let those join who have waited longest, while there is room for what they have to read and for a step of all others."""
        while self._waiting:
            request = self._waiting[0]
            request.start(self.pool)
            self._shared += sum(row.read.share(row.text) for row in request.rows)
            others = [row for each in self._running for row in each.rows]
            wanted = request.promised() + request.width + sum(each.promised() for each in self._running) + len(others)
            if self._running and (len(others) + request.width > self._rows or wanted > self.pool.free):
                self._shared -= sum(row.read.length for row in request.rows)
                request.stop()
                return
            with self._changed:
                self._running = sorted([*self._running, request], key=lambda each: each.number)
                self._waiting.remove(request)

    def _planned(self) -> list[Row]:
        """The rows of this step, with their new tokens. Nobody reads what another is about to read: it waits a step and shares."""
        budget, coming, planned = self._chunk, set[bytes](), list[tuple[Request, Row]]()
        for request in list(self._running):
            for row in [each for each in request.rows if each.scores is None]:
                left = row.left
                if len(left) > 1 and (shared := row.read.share(left)):
                    self._shared, left = self._shared + shared, row.left
                n = len(left) if len(left) == 1 else min(len(left), max(budget, 0))
                if not n or (coming and row.read.next_name(left) in coming):
                    continue
                if not self._has_room(request, row, n):
                    break
                row.read.append(left[:n])
                coming.update(row.read.named[row.read.length // self.pool.page :])
                budget -= 0 if len(left) == 1 else n
                planned.append((request, row))
        return [row for request, row in planned if row in request.rows]

    def _has_room(self, request: Request, row: Row, n: int) -> bool:
        """Whether a row can go on, the newest answers making room where they must."""
        while row.read.needs(n) > self.pool.free:
            newest = self._running[-1]
            if newest is request and len(self._running) == 1:
                request.error = InputError(f"request {request.number} alone has filled the pool.", "Give the engine more slots.")
                return False
            self._give_way(newest)
            if newest is request:
                return False
        return True

    def _give_way(self, request: Request) -> None:
        request.stop()
        with self._changed:
            self._running.remove(request)
            self._waiting = sorted([request, *self._waiting], key=lambda each: each.number)
            self._put_back += 1
            self._last = None

    def _pass(self, rows: list[Row]) -> None:
        """Through the model. What it raises ends the answers that were in this pass, and no others."""
        cache = self._cache(rows)
        self._read += sum(row.read.fresh for row in rows)
        try:
            hidden = self.model.go_on(cache)
            ready = [i for i, row in enumerate(rows) if not row.left]
            hidden = hidden if len(ready) == len(rows) else hidden[ready]
            scores = self.model.logits(hidden).float() if ready else hidden
            found = tops(scores) if ready else []
        except Exception as error:
            for request in self._running:
                if any(row in request.rows for row in rows):
                    request.error = error
            return
        for i, each, top in zip(ready, scores, found, strict=False):
            rows[i].scores, rows[i].top = each, top

    def _cache(self, rows: list[Row]) -> PagedCache:
        """The same while the rows are: a trace can then tell that they go on."""
        read = tuple(row.read for row in rows)
        if self._last is None or self._last.rows != read:
            self._last = PagedCache(read)
        return self._last

    def _advance(self, request: Request) -> None:
        try:
            request.advance()
        except Exception as error:                           # a filter's, or a stop's: the others have nothing to do with it
            request.error = error
