"""The marks around a text, for models whose folder has no tokenizer.json to say so."""

from __future__ import annotations

from ..inputs.languages import Languages
from ..inputs.published import Habit

WORD_PIECES = Habit(one="[CLS] $A [SEP]", two="[CLS] $A [SEP] $B:1 [SEP]:1")
SLASHES = Habit(one="<s> $A </s>", two="<s> $A </s> </s> $B </s>")
ENDED = Habit(one="$A </s>", two="$A </s> $B </s>")
BEGUN = Habit(one="<s> $A", two="<s> $A <s> $B", pairs=False)
DIGITS = Habit(                                             # Qwen's: a digit at a time, line ends by themselves
    pattern=r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BEGUN_BY_END = Habit(one="</s> $A", two="</s> $A </s> $B")
FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")                # the marks that fairseq's sentencepiece models number first
CAMEMBERT = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED")
BEGUN_TWICE = Habit(one="</s> $A", two="</s> $A </s> </s> $B", first=FAIRSEQ)

SENTINELS = Habit(ENDED.one, ENDED.two, more=tuple(f"<extra_id_{i}>" for i in range(99, -1, -1)))       # T5's, for what is to be filled in
M2M100 = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu hy id ig ilo is it ja "
    "jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th "
    "tl tn tr uk ur uz vi wo xh yi yo zh zu"
)
TOLD_TARGET = Habit(ENDED.one, ENDED.two, languages=Languages(r">>([^<>]+)<<", of="target"))                 # Marian's
TOLD_SOURCE = Habit(                                        # M2M100's and NLLB's, which are one kind of model with two tokenizers
    ENDED.one,
    first=FAIRSEQ,
    languages=Languages(r"__([a-z]+)__|([a-z]{3}_[A-Z][a-z]{3})", known=tuple(f"__{code}__" for code in M2M100.split())),
)
TOLD_MBART = Habit(ENDED.one, first=FAIRSEQ, languages=Languages(r"([a-z]{2}_[A-Z]{2})", "$A </s> $L"))
TOLD_MBART50 = Habit(ENDED.one, first=FAIRSEQ, languages=Languages(r"([a-z]{2}_[A-Z]{2})"))
