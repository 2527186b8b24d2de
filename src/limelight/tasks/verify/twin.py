"""A published folder as transformers opens it: what `verify` compares ours with. The one place that imports the other library."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import TaskError
from ...spec import Classes, Labels, Model, Words


def library() -> Any:
    """transformers. Raises TaskError where it is not installed."""
    try:
        import transformers
    except ImportError:
        raise TaskError("transformers is not installed, and there is nothing to compare with.", "pip install transformers") from None
    return transformers


@dataclass(frozen=True, eq=False)
class Written:
    """Tokens, the score that a beam has given them (None for greedy search), and the scores of every token at each step."""

    tokens: list[int]
    score: float | None
    steps: list[Tensor]


class Twin:
    """The folder's model and tokenizer there: fp32, on the CPU, no network, none of the folder's own code."""

    def __init__(self, folder: Path, spec: Model):
        self._hf, self._spec = library(), spec
        self.version: str = self._hf.__version__
        with quiet(self._hf):
            self._model = _opened(folder, lambda: _class(self._hf, folder, spec).from_pretrained(folder, dtype=torch.float32, **ALONE))
        self._model.eval()
        self.no_tokenizer = ""                             # why there is none
        try:
            with quiet(self._hf):
                self._tokenizer = _opened(folder, lambda: self._hf.AutoTokenizer.from_pretrained(folder, **ALONE))
        except TaskError as error:
            self._tokenizer, self.no_tokenizer = None, error.message

    def ids(self, text: str) -> list[int]:
        """A text in pieces, with its marks. Raises TaskError where there is no tokenizer."""
        if self._tokenizer is None:
            raise TaskError(self.no_tokenizer)
        return self._tokenizer(text)["input_ids"]

    @torch.inference_mode()
    def says(self, ids: Sequence[int], target: Sequence[int] | None) -> Tensor:
        """The head's scores for one text without padding, or its hidden states; `target`: what a decoder beside an encoder is given."""
        more = {} if target is None else {"decoder_input_ids": torch.tensor([target])}
        with quiet(self._hf):
            out = self._model(input_ids=torch.tensor([ids]), **more)
        match self._spec.heads:
            case ():
                return out.last_hidden_state[0]
            case (Labels(name="span"), *_):
                return torch.stack((out.start_logits[0], out.end_logits[0]), -1)
        return (out.prediction_logits if hasattr(out, "prediction_logits") else out.logits)[0]

    @torch.inference_mode()
    def writes(self, ids: Sequence[int], *, beam: int, most: int) -> Written:
        """At most `most` tokens after one text, as the folder's own settings ask but nothing drawn."""
        with quiet(self._hf):
            out = self._model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                do_sample=False,
                num_beams=beam,
                max_new_tokens=most,
                return_dict_in_generate=True,
                output_scores=True,
                use_cache=self.caches,
            )
        first = 1 if self._spec.encoder is not None else len(ids)
        score = None if beam == 1 else out.sequences_scores[0].item()
        return Written(out.sequences[0, first:].tolist(), score, [step[0] for step in out.scores])

    @property
    def caches(self) -> bool:
        """Whether theirs can be asked to remember keys: T5's cache there counts the encoder's layers, so equal depths are needed."""
        e, d = self._spec.encoder, self._spec.decoder
        return e is None or d is None or e.depth == d.depth


ALONE = {"local_files_only": True, "trust_remote_code": False}


def _class(hf: Any, folder: Path, spec: Model) -> Any:
    """Which of theirs opens such a model."""
    match spec.heads:
        case (Words(), *_) if spec.encoder is None:
            return hf.AutoModelForCausalLM
        case (Words(), *_):
            return hf.AutoModelForMaskedLM if spec.decoder is None else hf.AutoModelForSeq2SeqLM
        case (Classes(), *_):
            return hf.AutoModelForSequenceClassification
        case (Labels(name="span"), *_):
            return hf.AutoModelForQuestionAnswering
        case (Labels(), *_):
            return hf.AutoModelForTokenClassification
        case ():
            named = _opened(folder, lambda: hf.AutoConfig.from_pretrained(folder, **ALONE)).architectures or ["AutoModel"]
            return getattr(hf, named[0], hf.AutoModel)
    raise TaskError(f"{spec.family} has a head that is not compared with transformers here.", "Text models are.")


def _opened(folder: Path, work: Callable[[], Any]) -> Any:
    """What opening gives; whatever goes wrong in it is one line."""
    try:
        return work()
    except Exception as error:
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise TaskError(f"transformers cannot open {folder}: {said}", "Is the folder whole?") from None


@contextmanager
def quiet(hf: Any) -> Iterator[None]:
    """Without their advice and progress bars, which are no part of a comparison; as they were afterwards."""
    log = hf.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity(log.CRITICAL)
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
