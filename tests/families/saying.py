"""What ours and theirs say of one batch: what the suite compares, and what docs/families.md has its figures from."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from limelight.inputs import Batch, pad
from limelight.spec import OBJECTS, Classes, Features, Frames, Labels, Meeting, Patches, Tokens, Words
from published import Pair

Side = Literal["left", "right"]
READS = {"tokens": "input_ids", "patches": "pixel_values", "features": "pixel_values", "frames": "input_features"}
POSITIONED = {"gpt2", "gpt_neo", "llama", "mistral", "qwen2", "qwen3", "xglm"}    # what must be told of positions under left padding
COUNTS_PADDING = {"bert", "distilbert", "clip"}                                         # theirs have no other way: positions are slots
READS_PADDING = {("roberta", "ForSequenceClassification"), ("xlm-roberta", "ForSequenceClassification")}
READS_PADDING |= {("camembert", "ForSequenceClassification")}                     # theirs read the first slot, whatever is in it


def batch(both: Pair, side: Side = "right") -> Batch:
    """Three rows of what the model reads: pictures, or texts of different lengths with an end token each, where BART reads a text."""
    dice = torch.Generator().manual_seed(1)
    match next(iter(both.ours.spec.columns.values())).input:
        case Patches(rows=rows, columns=columns, channels=channels):
            return Batch(torch.randn(3, channels, rows, columns, generator=dice))
        case Features(channels=channels):
            sizes = torch.tensor([[70, 100], [64, 33], [40, 96]])
            keep = (torch.arange(70) < sizes[:, :1])[:, :, None] & (torch.arange(100) < sizes[:, 1:])[:, None]
            return Batch(torch.randn(3, channels, 70, 100, generator=dice) * keep[:, None], keep)
        case Frames(mels=mels, length=length):
            return Batch(torch.randn(3, mels, length, generator=dice))
    end = next((head.end for head in both.ours.spec.heads if isinstance(head, Meeting) and head.end is not None), 2)
    rows = [[*torch.randint(3, 36, (n,), generator=dice).tolist(), end] for n in (8, 6, 3)]
    return pad(rows, filler=1, side=side)


def alone(given: Batch) -> list[Batch]:
    """Its rows one by one, without padding."""
    if given.keep is None:
        return [Batch(values[None]) for values in given.values]
    if given.keep.ndim == 3:                                     # what is around a picture is seen at its edges, here and in theirs
        return [Batch(values[None], keep[None]) for values, keep in zip(given.values, given.keep, strict=True)]
    return [Batch(values[keep][None]) for values, keep in zip(given.values, given.keep, strict=True)]


def target() -> Tensor:
    """What the decoders of encoder-decoders are led through."""
    return torch.randint(3, 36, (3, 6), generator=torch.Generator().manual_seed(2))


def shown(both: Pair) -> Batch:
    """The pictures that texts are compared with, of a model that reads both."""
    squares = both.ours.spec.columns["pictures"].input
    assert isinstance(squares, Patches)
    size = (5, squares.channels, squares.rows, squares.columns)
    return Batch(torch.randn(size, generator=torch.Generator().manual_seed(3)))


def translates(both: Pair) -> bool:
    """Whether an encoder's reading is what a decoder writes after."""
    decoder = both.ours.spec.decoder
    writes = decoder is not None and isinstance(decoder.input, Tokens)
    return both.ours.encoder is not None and writes and isinstance(_head(both), Words | None)


def counted(both: Pair, given: Batch) -> Tensor | None:
    """The places whose numbers mean something; None for all."""
    whole = translates(both) or isinstance(_head(both), Classes | Meeting) or (given.keep is not None and given.keep.ndim == 3)
    return None if whole else given.keep


def real(both: Pair, given: Batch, said: Tensor) -> Tensor:
    """What was said where it counts."""
    where = counted(both, given)
    return said if where is None else said[where]


def fair_to_theirs(both: Pair, side: Side) -> bool:
    """Whether theirs give, with padding on this side, what they give without any."""
    made, two = both.made, getattr(both.theirs.config, "is_encoder_decoder", False)             # whose positions are slots, too
    return side == "right" or not (two or made.kind in COUNTS_PADDING or (made.kind, made.end) in READS_PADDING)


@torch.no_grad()
def ours_says(both: Pair, given: Batch) -> Tensor:
    """Logits of our model's head, or its hidden states where it has none."""
    model, head = both.ours, _head(both)
    start = both.config.get("decoder_start_token_id") or 0
    if translates(both):
        hidden = model.decode(target(), memory=model.encode(given))
    elif isinstance(head, Classes):
        return model.classify(given, start=start)
    elif isinstance(head, Meeting):
        return model.match(model.picture_vectors(shown(both)), model.text_vectors(given)).mT
    elif isinstance(head, Labels) and head.name == OBJECTS:
        return torch.cat(model.detect(given), -1)
    else:
        hidden = model.hidden(given, start=start)
    return hidden if head is None else model.logits(hidden, head.name)


@torch.no_grad()
def theirs_says(both: Pair, given: Batch) -> Tensor:
    """The same of theirs."""
    name = READS[both.ours.spec.reads]
    mask = "pixel_mask" if name == "pixel_values" else "attention_mask"
    asked: dict[str, Any] = {name: given.values} | ({} if given.keep is None else {mask: given.keep.long()})
    if translates(both):
        asked["input_ids" if both.made.kind == "blip" else "decoder_input_ids"] = target()
    elif isinstance(_head(both), Meeting):
        asked["pixel_values"] = shown(both).values
    elif given.segments is not None:
        asked["token_type_ids"] = given.segments
    if both.made.kind in POSITIONED:
        asked["position_ids"] = (given.keep.cumsum(1) - 1).clamp(min=0)
    out = both.theirs(**asked)
    match _head(both):
        case None:
            return out.last_hidden_state
        case Labels(name="span"):
            return torch.stack((out.start_logits, out.end_logits), -1)
        case Meeting():
            return out.logits_per_text
        case Labels(name="objects"):
            return torch.cat((out.logits, out.pred_boxes), -1)
    return out.prediction_logits if hasattr(out, "prediction_logits") else out.logits


def apart(found: Tensor, wanted: Tensor) -> float:
    """The greatest difference, by the size of what is compared."""
    return ((found - wanted).abs().max() / wanted.abs().max().clamp(min=1.0)).item()


def _head(both: Pair) -> Any:
    return next(iter(both.ours.spec.heads), None)
