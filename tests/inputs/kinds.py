"""Small tokenizers of every published kind: a folder, the habit that it is read with, and transformers' own beside it.

transformers 5 turns sentencepiece's files into its own form with a package that need not be there: its classes are given the same
pieces, scores and character table here, as it would find them in the file.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lines import SENTENCES
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from limelight.families import habits
from limelight.inputs import Text
from limelight.inputs.published import Habit, read_text

SIZE = 1200
NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


@dataclass(frozen=True)
class Kind:
    """Ours and theirs, over the same folder."""

    ours: Text
    theirs: Any
    folder: Path


def corpus() -> list[str]:
    """What the small tokenizers learn from: the sentences, their words in other orders. Letters beyond theirs are unknown."""
    dice, words = random.Random(3), [word for sentence in SENTENCES[:-1] for word in sentence.split()]
    return [*SENTENCES[:-1], *(" ".join(dice.choices(words, k=dice.randint(3, 12))) for _ in range(600))]


def read(folder: Path, habit: Habit, theirs: Any) -> Kind:
    return Kind(read_text(folder, habit), theirs, folder)


def tell(folder: Path, kind: str, **more: Any) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind, **NAMES, **more}))


# --- the tokenizers library -------------------------------------------------------------------------------------------
def byte_pairs(folder: Path, hf: Any, kind: str = "GPT2") -> Kind:
    """vocab.json with merges.txt, of bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    masked = kind == "Roberta"
    special = ["<s>", "<pad>", "</s>", "<unk>", *(("<mask>",) if masked else ())]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=SIZE, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    told = json.loads(tokenizer.to_str())["model"]
    (folder / "vocab.json").write_text(json.dumps(told["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in told["merges"]))
    mask = {"content": "<mask>", "lstrip": True, "rstrip": False, "single_word": False, "normalized": False, "__type": "AddedToken"}
    tell(folder, f"{kind}Tokenizer", **({"mask_token": mask, "cls_token": "<s>", "sep_token": "</s>"} if masked else {}))
    habit = {"GPT2": Habit(), "Roberta": habits.SLASHES, "Qwen2": habits.DIGITS}[kind]
    return read(folder, habit, getattr(hf, f"{kind}Tokenizer").from_pretrained(folder))


def word_pieces(folder: Path, hf: Any, **told: Any) -> Kind:
    """vocab.txt."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=told.get("do_lower_case", True))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=special, show_progress=False))
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece, _ in pieces), encoding="utf-8")
    marks = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", **marks, **told}))
    return read(folder, habits.WORD_PIECES, hf.BertTokenizer.from_pretrained(folder))


def chat(folder: Path, hf: Any) -> Kind:
    """tokenizer.json of bytes with the marks of a chat, as Qwen and Llama 3 publish it."""
    tokenizer = Tokenizer(models.BPE())
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    split = pre_tokenizers.Split(_regex(pattern), "isolated")
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=SIZE, initial_alphabet=alphabet, show_progress=False))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens(["<think>", "</think>"])
    theirs = hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    theirs.save_pretrained(folder)
    return read(folder, Habit(), hf.PreTrainedTokenizerFast.from_pretrained(folder))


def _regex(pattern: str) -> Any:
    from tokenizers import Regex

    return Regex(pattern)


# --- sentencepiece ----------------------------------------------------------------------------------------------------
def trained(kind: str, texts: Iterable[str] | None = None, **more: Any) -> bytes:
    """A sentencepiece model, as the bytes of its file."""
    import sentencepiece

    out = io.BytesIO()
    usual = {"vocab_size": SIZE, "model_type": kind, "minloglevel": 2, "hard_vocab_limit": False}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts or corpus()), model_writer=out, **{**usual, **more})
    return out.getvalue()


def pieces(data: bytes) -> list[tuple[str, float]]:
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_proto=data)
    return [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]


def fields(data: bytes) -> dict[int, bytes]:
    """The fields of a protocol buffer that hold bytes, by number; of several with one number the last."""
    found, at = {}, 0
    while at < len(data):
        key, at = _number(data, at)
        if key & 7 == 2:
            size, at = _number(data, at)
            found[key >> 3] = data[at : at + size]
            at += size
        elif key & 7 == 0:
            _, at = _number(data, at)
        else:
            at += {1: 8, 5: 4}[key & 7]
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    found, shift = 0, 0
    while True:
        byte, at = data[at], at + 1
        found, shift = found | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return found, at


def characters(data: bytes) -> bytes | None:
    """The table that a sentencepiece model normalises characters with."""
    return fields(fields(data).get(3, b"")).get(2)


def t5(folder: Path, hf: Any) -> Kind:
    """spiece.model, with the sentinels that are not in it."""
    from transformers.convert_slow_tokenizer import T5Converter

    marks = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "pad_piece": "<pad>"}
    data = trained("unigram", normalization_rule_name="nmt_nfkc", **marks)
    (folder / "spiece.model").write_bytes(data)
    (folder / "tokenizer_config.json").write_text(json.dumps({key: name for key, name in NAMES.items() if key != "bos_token"}))
    theirs = hf.T5Tokenizer(_spm_precompiled_charsmap=characters(data), **T5Converter.convert_from_spm(vocab=pieces(data)))
    return read(folder, habits.SENTINELS, theirs)


def xlm_roberta(folder: Path, hf: Any) -> Kind:
    """sentencepiece.bpe.model, numbered anew."""
    from transformers.convert_slow_tokenizer import XLMRobertaConverter

    data = trained("unigram", normalization_rule_name="nmt_nfkc")
    (folder / "sentencepiece.bpe.model").write_bytes(data)
    tell(folder, "XLMRobertaTokenizer", mask_token="<mask>", cls_token="<s>", sep_token="</s>")
    told = XLMRobertaConverter.convert_from_spm(vocab=pieces(data))
    theirs = hf.XLMRobertaTokenizer(_spm_precompiled_charsmap=characters(data), **told)
    return read(folder, replace(habits.SLASHES, first=habits.FAIRSEQ), theirs)


def nllb(folder: Path, hf: Any) -> Kind:
    """sentencepiece.bpe.model with languages that the folder lists, and no vocab.json."""
    from transformers.convert_slow_tokenizer import NllbConverter
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES
    from transformers.tokenization_utils_base import generate_merges

    data = trained("bpe", normalization_rule_name="nmt_nfkc")
    (folder / "sentencepiece.bpe.model").write_bytes(data)
    tell(folder, "NllbTokenizer", mask_token="<mask>", additional_special_tokens=FAIRSEQ_LANGUAGE_CODES)
    vocab = {piece: i for i, (piece, _) in enumerate(pieces(data))}
    told = NllbConverter.convert_from_spm(vocab=vocab)
    names = [*told["vocab"], *FAIRSEQ_LANGUAGE_CODES, "<mask>"]           # the order of the published weights
    told["vocab"] = {name: i for i, name in enumerate(names)}
    theirs = hf.NllbTokenizer(merges=generate_merges(vocab), _spm_precompiled_charsmap=characters(data), src_lang="fra_Latn", **told)
    return read(folder, habits.TOLD_SOURCE, theirs)


def llama(folder: Path, hf: Any) -> Kind:
    """tokenizer.model with a piece for each byte."""
    from transformers.tokenization_utils_base import generate_merges

    more = {"byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "split_digits": True}
    data = trained("bpe", vocab_size=SIZE + 300, allow_whitespace_only_pieces=True, **more)
    (folder / "tokenizer.model").write_bytes(data)
    tell(folder, "LlamaTokenizer")
    vocab = {piece: i for i, (piece, _) in enumerate(pieces(data))}
    theirs = hf.LlamaTokenizer(vocab=vocab, merges=generate_merges(vocab), add_bos_token=True)
    return read(folder, habits.BEGUN, theirs)


def m2m100(folder: Path, hf: Any) -> Kind:
    """sentencepiece.bpe.model with vocab.json."""
    data = trained("bpe", normalization_rule_name="nmt_nfkc")
    (folder / "sentencepiece.bpe.model").write_bytes(data)
    names = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *(piece for piece, _ in pieces(data))])
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}))
    tell(folder, "M2M100Tokenizer", sep_token="</s>", additional_special_tokens=[f"__{code}__" for code in habits.M2M100.split()])
    return read(folder, habits.TOLD_SOURCE, hf.M2M100Tokenizer.from_pretrained(folder, src_lang="fr"))


def marian(folder: Path, hf: Any) -> Kind:
    """source.spm and target.spm, with vocab.json, for several target languages."""
    names = ["</s>", "<unk>", ">>fra<<", ">>deu<<"]
    for side, texts in (("source", corpus()), ("target", corpus()[::2])):
        data = trained("unigram", texts, normalization_rule_name="nmt_nfkc")
        (folder / f"{side}.spm").write_bytes(data)
        names += [piece for piece, _ in pieces(data)]
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(dict.fromkeys([*names, "<pad>"]))}))
    marks = {key: name for key, name in NAMES.items() if key != "bos_token"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MarianTokenizer", **marks}))
    return read(folder, habits.TOLD_TARGET, hf.MarianTokenizer.from_pretrained(folder))


KINDS: dict[str, Callable[[Path, Any], Kind]] = {
    "gpt2": byte_pairs,
    "roberta": lambda folder, hf: byte_pairs(folder, hf, "Roberta"),
    "qwen2": lambda folder, hf: byte_pairs(folder, hf, "Qwen2"),
    "bert": word_pieces,
    "bert-cased": lambda folder, hf: word_pieces(folder, hf, do_lower_case=False),
    "chat": chat,
    "t5": t5,
    "xlm-roberta": xlm_roberta,
    "nllb": nllb,
    "llama": llama,
    "m2m100": m2m100,
    "marian": marian,
}
