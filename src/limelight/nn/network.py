"""A model is encode and decode, whatever is inside; heads read its hidden states; the caller owns the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .. import ops
from ..errors import InputError, SpecError, TaskError
from ..inputs.batch import Batch
from ..spec import OBJECTS, Boxes, Classes, Features, Input, Patches, Recurrent, Slots, Tokens
from ..spec import Model as ModelSpec
from ..spec import Stack as StackSpec
from .attention import Attention
from .cache import Cache, History, Memory
from .cells import Cell
from .draws import Draws
from .heads import Factors, MeetingHead, WordHead, build, firsts, pool
from .packed import Linear
from .paged_cache import PagedCache
from .recurrent import RecurrentDecoder, RecurrentEncoder
from .stack import Stack


class Network(nn.Module):
    """Any model that a spec can describe.

        memory = model.encode(batch);  hidden = model.decode(tokens, memory=memory);  logits = model.logits(hidden)
    """

    def __init__(self, spec: ModelSpec):
        super().__init__()
        self.spec = spec
        self.encoder = _encoder(spec)
        alike = spec.encoder and spec.decoder and spec.encoder.input == spec.decoder.input and isinstance(spec.encoder.input, Tokens)
        lent = self.encoder.embed.table if spec.shared and alike and self.encoder else None
        self.decoder = _decoder(spec, lent)
        self.pictures = None if spec.pictures is None else Stack(spec.pictures, spec.width(spec.pictures))
        self.bridge = Linear(spec.width(spec.encoder), spec.dim) if spec.bridge and spec.encoder else None
        last = self.decoder or self.encoder
        if last is None:
            raise SpecError("a model needs an encoder, a decoder or both: got neither.")
        seen = 0 if spec.pictures is None else spec.width(spec.pictures)
        self.heads = nn.ModuleDict({each.name: build(each, last.embed, last.spec.norm, seen=seen) for each in spec.heads})
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, Cell):
                module.reset()

    def take(self, numbers: Mapping[str, Tensor]) -> None:
        """Have these numbers, and compute what none are kept of: a model made on the meta device has neither."""
        self.load_state_dict(numbers, assign=True)
        for column in self.columns.values():
            column.embed.fill_waves()

    @property
    def columns(self) -> dict[str, Stack | RecurrentEncoder | RecurrentDecoder]:
        """Its columns by name, those that it has."""
        named = {"encoder": self.encoder, "decoder": self.decoder, "pictures": self.pictures}
        return {name: column for name, column in named.items() if column is not None}

    def encode(self, batch: Batch) -> Memory:
        """A batch of rows -> what the encoder makes of them. Raises TaskError for a model without an encoder."""
        if self.encoder is None:
            raise TaskError(f"{self.spec.family} has no encoder to encode with.", "Use decode(tokens) alone.")
        memory = self.encoder.read(batch.values, batch.keep, batch.segments)
        return memory if self.bridge is None else replace(memory, hidden=self.bridge(memory.hidden))

    def view(self, batch: Batch) -> Memory:
        """A batch of pictures -> what the second encoder makes of them. Raises TaskError for a model without one."""
        if self.pictures is None:
            raise TaskError(f"{self.spec.family} has no second encoder, for pictures.", "Use encode(batch).")
        return self.pictures.read(batch.values, batch.keep)

    def decode(
        self,
        tokens: Int[Tensor, "b n"],
        *,
        memory: Memory | None = None,
        keep: Bool[Tensor, "b _"] | None = None,
        cache: History | None = None,
        draws: Draws | None = None,
    ) -> Float[Tensor, "b n m"]:
        """Tokens (b n) -> hidden states (b n m), each place seeing itself and what came before.

        `memory` may have fewer rows than tokens: neighbours share one. `keep` is False on padding and covers the cached slots too
        (b past + n). With a cache, only the new tokens are given. `draws`: see nn.draws. Raises TaskError for a model without a decoder,
        or with one that needs a memory and gets none (or the reverse), and InputError where rows or slots do not fit together.
        """
        if self.decoder is None:
            raise TaskError(f"{self.spec.family} has no decoder.", "Use encode(batch) alone.")
        if self.encoder is not None and memory is None:
            raise TaskError(f"the decoder of {self.spec.family} looks at a memory and got none.", "Give memory=model.encode(batch).")
        if self.encoder is None and memory is not None:
            raise TaskError(f"the decoder of {self.spec.family} looks at no memory and got one.", "Use decode(tokens) alone.")
        _check_rows(tokens, memory, keep, cache)
        return self.decoder(tokens, keep, memory, cache, draws)

    def go_on(self, cache: PagedCache) -> Float[Tensor, "b m"]:
        """Read the new tokens of rows in pages, however many each has -> the hidden state of the last of each.

        Raises TaskError for a model that keeps more of a sequence than keys and values in pages.
        """
        if self.encoder is not None or not isinstance(self.decoder, Stack):
            raise TaskError(f"{self.spec.family} does not write from pages alone.", "Use decode(tokens, cache=model.new_cache()).")
        return self.decoder.go_on(cache)

    def hidden(self, batch: Batch, *, start: int = 0) -> Float[Tensor, "b n m"]:
        """The last hidden states at each place of a batch, whatever the model is made of.

        With both an encoder and a decoder, the decoder reads the same rows once more, one place later and after `start`, looking at
        the encoder's (how BART classifies: Lewis et al. 2020, section 3.1). Raises TaskError where what it reads is no text.
        """
        if self.decoder is None:
            return self.encode(batch).hidden
        if isinstance(self.decoder.spec.input, Slots):
            empty = torch.arange(self.decoder.spec.input.count, device=batch.values.device).expand(len(batch), -1)
            return self.decode(empty, memory=self.encode(batch) if self.encoder else None)
        if self.encoder is None:
            return self.decode(batch.values, keep=batch.keep)
        if self.spec.encoder is not None and not isinstance(self.spec.encoder.input, Tokens):
            reads = self.spec.encoder.input.kind
            raise TaskError(f"the decoder of {self.spec.family} cannot read {reads} again.", "Give decode its tokens.")
        return self.decode(_later(batch, start), memory=self.encode(batch), keep=batch.keep)

    def classify(self, batch: Batch, head: str = "classes", *, start: int = 0) -> Float[Tensor, "b c"]:
        """Scores of each class for each row, read where the head's spec says."""
        spec = next((each for each in self.spec.heads if each.name == head), None)
        if not isinstance(spec, Classes):
            raise TaskError(f'{self.spec.family} has no classes to tell apart: its heads are {", ".join(self.heads) or "none"}.')
        hidden = self.hidden(batch, start=start)
        return self._head(head)(pool(hidden, batch.keep, spec.at) if spec.places == 1 else firsts(hidden, batch.keep, spec.places))

    def text_vectors(self, batch: Batch) -> Float[Tensor, "b d"]:
        """Texts -> their vectors in the space that they share with pictures. Raises TaskError for a model without one."""
        return self._meeting().of_text(self.encode(batch).hidden, batch.values, batch.keep)

    def picture_vectors(self, batch: Batch) -> Float[Tensor, "b d"]:
        """Pictures -> their vectors in the space that they share with texts. Raises TaskError for a model without one."""
        return self._meeting().of_pictures(self.view(batch).hidden)

    def match(self, pictures: Float[Tensor, "p d"], texts: Float[Tensor, "t d"]) -> Float[Tensor, "p t"]:
        """Vectors of that space -> logits of each text for each picture."""
        return self._meeting()(pictures, texts)

    def _meeting(self) -> MeetingHead:
        found = next((each for each in self.heads.values() if isinstance(each, MeetingHead)), None)
        if found is None:
            raise TaskError(f"texts and pictures have no space in common in {self.spec.family}.", "Use a model such as CLIP.")
        return found

    def detect(self, batch: Batch) -> tuple[Float[Tensor, "b q c"], Float[Tensor, "b q 4"]]:
        """Scores of what is seen at each place that looks for an object, and its box there (see spec.Boxes).

        Those places are a decoder's slots, or the last of a picture's. Raises TaskError for a model that finds no objects.
        """
        if not {OBJECTS, "boxes"} <= {each.name for each in self.spec.heads}:
            raise TaskError(f"{self.spec.family} finds no objects: its heads are {', '.join(self.heads) or 'none'}.", "Use a detector.")
        return self.seen(self.hidden(batch), batch)

    def seen(self, hidden: Float[Tensor, "b n m"], batch: Batch) -> tuple[Float[Tensor, "b q c"], Float[Tensor, "b q 4"]]:
        """The same from hidden states of that batch."""
        reads = self.spec.encoder.input if self.spec.encoder and self.decoder is None else None
        if isinstance(reads, Patches) and reads.after:
            hidden = hidden[:, -reads.after :]
        near = any(isinstance(each, Boxes) and each.near for each in self.spec.heads)
        return self.logits(hidden, OBJECTS), self._head("boxes")(hidden, self._places(reads, batch) if near else None)

    @staticmethod
    def _places(reads: Input | None, batch: Batch) -> Float[Tensor, "_ n 2"]:
        """Where the places of the grid stand that a picture is read in, in shares of it without what is around it."""
        rows, columns = batch.values.shape[-2:]
        match reads:
            case Features():
                grid = ops.grid_centres(*reads.grid(rows, columns)).to(batch.values.device)
            case Patches():
                grid = ops.grid_centres(rows // reads.size, columns // reads.size).to(batch.values.device)
            case _:
                raise TaskError("places of a grid are asked for where none is read.")
        if batch.keep is None:
            return grid[None]
        own = torch.stack((batch.keep[:, 0].sum(1), batch.keep[:, :, 0].sum(1)), -1)
        return (grid * (torch.tensor([columns, rows], device=own.device) / own)[:, None]).clamp(max=1 - 1e-6)

    def logits(self, hidden: Float[Tensor, "*n m"], head: str = "lm") -> Float[Tensor, "*n v"]:
        """Hidden states -> unnormalised log-probabilities of the next token."""
        return self._head(head)(hidden)

    def factors(self, hidden: Float[Tensor, "*n m"]) -> Factors:
        """The same, not multiplied out."""
        head = self._head("lm")
        if not isinstance(head, WordHead):
            raise TaskError(f"{self.spec.family} tells no words apart.", "Use logits(hidden).")
        return head.factors(hidden)

    def _head(self, name: str) -> nn.Module:
        if name not in self.heads:
            raise TaskError(f'{self.spec.family} has no head "{name}".', f"It has: {', '.join(self.heads) or 'none'}.")
        return self.heads[name]

    def new_cache(self) -> Cache:
        """An empty cache for this model's decoder."""
        if not isinstance(self.decoder, Stack):
            return Cache(1)
        return Cache(len(self.decoder.blocks), groups=max(block.attn.groups for block in self.decoder.layers))

    def attentions(self) -> dict[str, Attention]:
        """Every attention by name: "encoder.0.self", "decoder.3.cross" ..."""
        return {f"{side}.{name}": each for side, column in self.columns.items() for name, each in column.attentions().items()}


def _encoder(spec: ModelSpec) -> Stack | RecurrentEncoder | None:
    match spec.encoder:
        case StackSpec() as s:
            return Stack(s, spec.width(s))
        case Recurrent() as s:
            return RecurrentEncoder(s, spec.dim)
    return None


def _decoder(spec: ModelSpec, lent: nn.Embedding | None) -> Stack | RecurrentDecoder | None:
    match spec.decoder:
        case StackSpec() as s:
            return Stack(s, spec.dim, lent, spec.source)
        case Recurrent() as s:
            layers = spec.encoder.depth if isinstance(spec.encoder, Recurrent) else 1
            return RecurrentDecoder(s, spec.dim, lent, summary=layers * spec.dim if spec.encoder else 0)
    return None


def _later(batch: Batch, start: int) -> Int[Tensor, "b n"]:
    """The rows one place later, with `start` in the first real one."""
    later = batch.values.roll(1, 1)
    if batch.keep is None:
        return later.index_fill(1, torch.zeros(1, dtype=torch.long, device=later.device), start)
    return later.masked_fill(batch.keep.cumsum(1) <= 1, start)


def _check_rows(tokens: Tensor, memory: Memory | None, keep: Tensor | None, cache: History | None) -> None:
    rows, past = len(tokens), cache.length if cache else 0
    if memory is not None and rows % len(memory):
        raise InputError(f"{rows} rows of tokens cannot share {len(memory)} of memory evenly.", "Give each source as many rows.")
    wanted = (rows, past + tokens.shape[1])
    if keep is not None and keep.shape != wanted:
        raise InputError(f"keep is {tuple(keep.shape)}, the tokens so far are {wanted}.", "Let keep cover the cached slots too.")
