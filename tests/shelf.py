"""Tiny random models as a user's shelf holds published ones: with their usual labels and room for real texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from limelight.data.scenes import kinds
from limelight.data.shown import Painted
from published import ALL, hf
from wordy import byte_pairs, word_pieces

LONGER = {"max_position_embeddings": 514, "n_positions": 512}        # the documentation's texts fit
NAMED = {"bart": ["contradiction", "neutral", "entailment"], "bert": ["O", "B-PER", "I-PER"], "distilbert": ["NEGATIVE", "POSITIVE"]}


def keep(name: str, at: Path) -> None:
    """A tiny model, in which the documentation's texts fit, with a tokenizer beside it."""
    made = ALL[name]
    tokenizer, names = word_pieces() if "bert" in made.kind and made.kind != "roberta" else byte_pairs()
    labels = ["start", "end"] if name.endswith("ForQuestionAnswering") else NAMED.get(made.kind, NAMED["bert"])
    numbered = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    numbered["num_labels"] = len(labels)
    keys = dict(made.keys) | numbered | {"vocab_size": tokenizer.get_vocab_size()}
    keys |= {key: value for key, value in LONGER.items() if key in keys}
    keys |= {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    torch.manual_seed(0)
    replace(made, keys=tuple(keys.items())).build().save_pretrained(at)
    hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, model_max_length=512).save_pretrained(at)


CHAT = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
SHELF = {                                                            # the folders that the README speaks of
    "distilbert-sst2": "distilbert-ForSequenceClassification",
    "bart-mnli": "bart-ForSequenceClassification",
    "gpt2": "gpt2-LMHeadModel",
    "smollm2": "llama-ForCausalLM",
    "distilbart-cnn": "bart-ForConditionalGeneration",
    "opus-mt-en-de": "marian-MTModel",
    "roberta-squad": "roberta-ForQuestionAnswering",
    "bert-ner": "bert-ForTokenClassification",
    "bert": "bert-ForMaskedLM",
    "minilm": "bert-Model",
}


def shelf(at: Path) -> None:
    """All of them below one folder."""
    for name, made in SHELF.items():
        keep(made, at / name)
    (at / "smollm2" / "chat_template.jinja").write_text(CHAT)
    _seers(at)


def _seers(at: Path) -> None:
    """Those of pictures and sound, with a picture and a recording."""
    import soundfile

    import drawers
    import hearing
    import shown

    for name in ("vit", "clip", "vit-gpt2", "detr", "whisper", "dalle-mini"):
        (at / name).mkdir()
    shown.vit(at / "vit")
    shown.clip(at / "clip")
    shown.captioner(at / "vit-gpt2")
    torch.manual_seed(0)
    ALL["detr-ForObjectDetection"].build().save_pretrained(at / "detr")
    hf.DetrImageProcessorPil(size={"shortest_edge": 32, "longest_edge": 64}).save_pretrained(at / "detr")
    hearing.folder(at / "whisper")
    drawers.of_kind("reads", at / "dalle-mini")
    shown.picture(1, 60, 80).save(at / "cat.jpg")
    Painted(kinds(8), 0, 0, 64).picture().image.save(at / "scene.png")
    soundfile.write(at / "speech.wav", hearing.sound(1.5), hearing.RATE)
