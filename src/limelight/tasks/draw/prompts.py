"""What a model that draws is given of a text: an encoder its tokens, a decoder alone its filled-up text."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError, TaskError
from ...hub import Opened
from ...inputs import Batch, Encoded, pad
from ...nn import Memory
from ...spec import Captioned


class Prompts:
    """How one model reads texts that it draws. Raises TaskError for a model that lacks what it draws with."""

    def __init__(self, opened: Opened):
        m = opened.manifest
        if m.drawing is None or opened.codec is None:
            raise TaskError(f'"{m.name}" has no codec that makes pictures of what it writes.', "Put it beside the others: detoker.pt.")
        self.opened, self.drawing, self.codec = opened, m.drawing, opened.codec
        position = None if m.spec.decoder is None else m.spec.decoder.position
        self.text = position.text if isinstance(position, Captioned) else 0             # positions ahead of the codes

    def read(self, text: object) -> Encoded:
        """Its tokens. Raises InputError for a text that the model has no room for, with the numbers, and for what is none."""
        if not isinstance(text, str):
            raise InputError(f"a text is drawn: got {type(text).__name__}.", 'For instance "a red circle".')
        found, encoder = self.opened.text.encode(text), self.opened.manifest.spec.encoder
        room = self.text - 1 if encoder is None else encoder.room
        if room is not None and len(found.ids) > room:
            name = self.opened.manifest.name
            raise InputError(f"the text has {len(found.ids)} tokens; {name} has room for {room}.", "Say it more briefly.")
        return found

    def source(self, rows: Sequence[Sequence[int]]) -> Batch | Memory:
        """Rows of a text's tokens, as decode.stream takes them."""
        o = self.opened
        if o.model.encoder is None:
            return pad([self.drawing.caption(ids, self.text) for ids in rows], filler=0).to(o.device)
        return o.model.encode(pad(rows, filler=o.manifest.generation.pad).to(o.device))

    def logits(self, source: Batch | Memory, codes: Tensor) -> Float[Tensor, "b n v"]:
        """Log-probabilities of each code (b n) at each place, where these codes were drawn; of nothing but codes."""
        o, d = self.opened, self.drawing
        said = codes[:, :-1] + d.first
        if isinstance(source, Memory):
            hidden = o.model.decode(_begun(said, d.start), memory=source)
        else:
            whole = source.values.expand(len(codes), -1)
            hidden = o.model.decode(_joined(whole, said))[:, self.text - 1 :]
        scores = o.model.logits(hidden)[..., d.first : d.first + d.codec.count]
        return scores.float().log_softmax(-1)


def _begun(said: Tensor, start: int) -> Tensor:
    return _joined(said.new_full((len(said), 1), start), said)


def _joined(first: Tensor, then: Tensor) -> Tensor:
    return torch.cat((first, then), 1)
