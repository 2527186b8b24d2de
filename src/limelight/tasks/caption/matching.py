"""Matching: which of many texts a captioner holds to be of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...hub import Opened
from ...inputs import pad
from ...inputs.pictures import Picture, ready
from ...train.losses import shifted

TOGETHER = 256                           # texts that are read at once


@torch.inference_mode()
def likelihoods(opened: Opened, pictures: Sequence[Picture], texts: Sequence[str]) -> Float[Tensor, "p t"]:
    """How likely the model holds each text for each picture: the mean log-probability of its tokens, the end mark among them."""
    model, start = opened.model, opened.manifest.generation.start
    found = torch.empty(len(pictures), len(texts))
    rows = [each.ids for each in opened.text.encode_all(texts)]
    for number, picture in enumerate(pictures):
        memory = model.encode(ready([picture], opened.pictures).to(opened.device))
        for first in range(0, len(rows), TOGETHER):
            said = pad(rows[first : first + TOGETHER], filler=opened.text.pad).to(opened.device)
            seen = memory.select(torch.zeros(len(said), dtype=torch.long, device=opened.device))
            odds = model.logits(model.decode(shifted(said.values, start), memory=seen)).float().log_softmax(-1)
            each = odds.gather(-1, said.values[..., None])[..., 0]
            keep = torch.ones_like(each) if said.keep is None else said.keep.float()
            found[number, first : first + len(said)] = ((each * keep).sum(1) / keep.sum(1)).cpu()
    return found


def ranks(found: Float[Tensor, "p t"]) -> list[int]:
    """At which place, from 1, each picture's own text comes among all: text i is picture i's. Of those as likely it is the last."""
    own = found.diagonal()[:, None]
    return (found >= own).sum(1).tolist()
