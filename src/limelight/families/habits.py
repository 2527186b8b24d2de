"""The marks around a text, for models whose folder has no tokenizer.json to say so."""

from __future__ import annotations

from ..inputs.published import Habit

WORD_PIECES = Habit(one="[CLS] $A [SEP]", two="[CLS] $A [SEP] $B:1 [SEP]:1")
SLASHES = Habit(one="<s> $A </s>", two="<s> $A </s> </s> $B </s>")
ENDED = Habit(one="$A </s>", two="$A </s> $B </s>")
BEGUN = Habit(one="<s> $A", two="<s> $A <s> $B")
BEGUN_BY_END = Habit(one="</s> $A", two="</s> $A </s> $B")
FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")                # the marks that fairseq's sentencepiece models number first
CAMEMBERT = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED")
BEGUN_TWICE = Habit(one="</s> $A", two="</s> $A </s> </s> $B", first=FAIRSEQ)
