"""The tokenizer of a published folder, from whichever of the usual files it has: tokenizer.json; vocab.txt; vocab.json with
merges.txt; sentencepiece's .spm, .model and vocab.json.

What is not in the files (which marks a text gets where there is no tokenizer.json) is told by `Habit`, one a kind of model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from ..errors import WeightError
from ..files import believed, believed_table, believed_text
from . import told as said
from .engines import Engine, Fast, guarded, line, read_fast
from .languages import Languages
from .sentence_pieces import SentencePiece, numbered
from .text import Marks, Text

MOST = 64 << 20                          # bytes of a tokenizer's file
MOST_PIECES = 1 << 20
SENTENCE_PIECES = {"source.spm": "target.spm"} | {name: name for name in ("spiece.model", "sentencepiece.bpe.model", "tokenizer.model")}
USUAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>", "<unk>", "<mask>", "<|endoftext|>")
NAMES = {"pad": "pad_token", "start": "bos_token", "end": "eos_token", "mask": "mask_token", "unknown": "unk_token"}


@dataclass(frozen=True)
class Habit:
    """What a kind of model puts around texts. `one`: around a single text, "$A" being it; `two`: around two, with segments as in
    "$B:1"; None where nothing is put. `lower`: letters are made small unless the folder says otherwise (BERT's vocab.txt). `first`: the
    pieces that are numbered before sentencepiece's own (fairseq's models); () where it numbers them itself. `more`: the marks that are
    numbered after them; a folder may have but the last so many (`extra_ids`). `languages`: how it is told a language, if it is. `pairs`:
    whether byte pairs get the marks, too (SmolLM's do not, Llama's own sentencepieces do); `pattern`: how those tell words apart, where
    that is not GPT-2's way; letters are composed first, then. `spaced`: words are told apart by spaces alone, their letters made small,
    and what is not in ASCII is left out (min-dalle)."""

    one: str | None = None
    two: str | None = None
    lower: bool = True
    first: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    languages: Languages | None = None
    pairs: bool = True
    pattern: str | None = None
    spaced: bool = False


def read_text(folder: Path, habit: Habit) -> Text:
    """The tokenizer of a folder. Raises WeightError for one that has none, or a broken one."""
    told = _json(folder / "tokenizer_config.json") | _json(folder / "special_tokens_map.json")
    names = {mark: name for mark, key in NAMES.items() if (name := said.name(told.get(key)))}

    def broken(error: BaseException) -> WeightError:                 # a table of settings may hold anything, and libraries are handed it
        return WeightError(f"{folder}: its tokenizer cannot be built: {line(error)}", "The files are damaged: get them again.")

    engine = guarded(lambda: _engine(folder, habit, told), broken)
    ids = {mark: engine.id(name) for mark, name in names.items()}
    return Text(engine, Marks(**ids), habit.languages, tidy=_tidy(engine, told))


def _tidy(engine: Engine, told: Mapping[str, Any]) -> bool:
    """Whether a folder has spaces before signs taken away, which is not done to byte pairs: there they are the text's own."""
    pairs = isinstance(engine, Fast) and isinstance(engine.tokenizer.model, models.BPE)
    return bool(told.get("clean_up_tokenization_spaces")) and not pairs


def _engine(folder: Path, habit: Habit, told: Mapping[str, Any]) -> Engine:
    if (path := folder / "tokenizer.json").is_file():
        return _completed(read_fast(believed_text(path, MOST), where=str(path)), told)
    if (path := folder / "vocab.txt").is_file():
        return _word_pieces(path, habit, told)
    if (path := folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        return _byte_pairs(path, folder / "merges.txt", habit, told)
    for reader, writer in SENTENCE_PIECES.items():
        if (path := folder / reader).is_file():
            return _sentence_pieces(path, folder / writer, habit, told)
    raise WeightError(f"{folder} holds no tokenizer.", "Wanted is tokenizer.json, vocab.txt, vocab.json with merges.txt, or an .spm file.")


def _word_pieces(path: Path, habit: Habit, told: Mapping[str, Any]) -> Fast:
    """BERT's pieces (Wu et al. 2016): a word at a time, later parts marked ##."""
    vocab = {piece: i for i, piece in enumerate(believed_text(path, MOST).rstrip("\n").split("\n"))}
    lower = bool(told.get("do_lower_case", habit.lower))
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=bool(told.get("tokenize_chinese_chars", True)), strip_accents=told.get("strip_accents"), lowercase=lower
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    _around(tokenizer, habit)
    return _with_marks(tokenizer, told, vocab)


def _byte_pairs(path: Path, merges: Path, habit: Habit, told: Mapping[str, Any]) -> Fast:
    """GPT-2's pieces (Radford et al. 2019, section 2.2), which RoBERTa, BART and OPT share."""
    vocab = _json(path)
    parts = [rule.split(" ") for rule in believed_text(merges, MOST).split("\n") if rule and not rule.startswith("#version")]
    rules = [(rule[0], rule[1]) for rule in parts if len(rule) == 2]
    if len(rules) < len(parts) or not all(type(i) is int for i in vocab.values()):
        raise WeightError(f"{path} and {merges} are no pieces and merges.", "The files are damaged: get them again.")

    def broken(error: BaseException) -> WeightError:
        return WeightError(f"{path} and {merges} do not fit: {line(error)}", "They are of different models.")

    model = guarded(lambda: models.BPE(vocab, rules, continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False), broken)
    tokenizer = Tokenizer(model)
    led = bool(told.get("add_prefix_space", False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=led)
    if habit.pattern is not None:
        words = pre_tokenizers.Split(Regex(habit.pattern), "isolated")
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=led, use_regex=False)])
    if habit.spaced:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(Regex(r"[^\x00-\x7f]"), "")])
        words = pre_tokenizers.Split(" ", "removed")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    if habit.pairs:
        _around(tokenizer, habit)
    return _with_marks(tokenizer, told, vocab)


def _sentence_pieces(path: Path, writer: Path, habit: Habit, told: Mapping[str, Any]) -> SentencePiece:
    before, _, after = (habit.one or "$A").partition("$A")
    reads, writes = believed(path, MOST), believed(writer, MOST)
    vocab, unknown = _json(path.parent / "vocab.json") or numbered(reads, habit.first), said.name(told.get("unk_token")) or "<unk>"
    named = said.named(_marks(habit, told, vocab), vocab, told)
    if habit.languages and habit.languages.of == "target":
        named |= {name: replace(named[name], first=True) for name in habit.languages.marks(named)}
    return SentencePiece(reads, writes, vocab=vocab, unknown=unknown, around=(before.split(), after.split()), named=named)


def _marks(habit: Habit, told: Mapping[str, Any], vocab: Mapping[str, int]) -> list[str]:
    """The marks of a sentencepiece model; those that are no pieces in the order in which they are numbered, the mask last."""
    pieces = [name for name in said.own(told) or USUAL if name in vocab]
    count = told.get("extra_ids")
    more = habit.more[len(habit.more) - count :] if isinstance(count, int) and 0 <= count <= len(habit.more) else habit.more
    return [*pieces, *_spoken(habit.languages, told, vocab), *more, *said.listed(told), *filter(None, [said.name(told.get("mask_token"))])]


def _spoken(languages: Languages | None, told: Mapping[str, Any], vocab: Mapping[str, int]) -> Sequence[str]:
    """The marks of the languages."""
    if languages is None:
        return ()
    return languages.marks((*vocab, *said.listed(told), *said.flags(told))) or languages.known


def _around(tokenizer: Tokenizer, habit: Habit) -> None:
    """Put the model's marks around a text, where its habit has any."""
    if habit.one is None:
        return
    used = {part.split(":")[0] for template in (habit.one, habit.two or "") for part in template.split() if not part.startswith("$")}
    ids = {name: tokenizer.token_to_id(name) for name in used}
    if missing := sorted(name for name, found in ids.items() if found is None):
        raise WeightError(f"the vocabulary has no {missing[0]}, which stands around every text.", "Is it whole?")
    tokenizer.post_processor = processors.TemplateProcessing(single=habit.one, pair=habit.two, special_tokens=[*ids.items()])


def _with_marks(tokenizer: Tokenizer, told: Mapping[str, Any], vocab: Mapping[str, int]) -> Fast:
    """Say which pieces are marks, so that they are left out when ids are read."""
    tables = said.flags(told)
    names = dict.fromkeys([*said.own(told), *said.listed(told), *tables]) or dict.fromkeys(USUAL)
    tokenizer.add_special_tokens([said.added(name, tables) for name in names if name in vocab])
    return Fast(tokenizer)


def _completed(fast: Fast, told: Mapping[str, Any]) -> Fast:
    """A tokenizer.json with the marks that only the files beside it name, where they are pieces."""
    tables, known = said.flags(told), fast.names
    names = dict.fromkeys([*said.own(told), *said.listed(told)])
    more = [said.added(name, tables) for name in names if name not in known and fast.id(name) is not None]
    if not more:
        return fast
    fast.tokenizer.add_special_tokens(more)
    return Fast(fast.tokenizer, lead=fast.lead)


def _json(path: Path) -> dict[str, Any]:
    """A table from a file; an empty one where there is no file."""
    return believed_table(path, MOST, parts=MOST_PIECES) if path.is_file() else {}
