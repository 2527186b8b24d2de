"""Turns: how a conversation is written for the model, while it learns and in use.

    I need a table for two.</s>In which city?</s> In San Jose.</s>

Each turn has an end mark behind it, and the first and every second one is the customer's; the model goes on from the last mark. So a
single message with its mark, which is how the tokenizer writes any text, is a conversation too. A customer's turn begins with a space,
as all texts do, and a reply without one, so that it can be shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....data.dialogues import Dialogue
from ....inputs import Encoded, Text
from ....inputs.text import END, LEAD

TURN = (
    "{{{{ '{lead}' if message.role == 'user' and not loop.first }}}}"
    "{{{{ message.content | trim | replace('’', \"'\") }}}}{end}"
)
TEMPLATE = """\
{{#- Customer and agent in turns, an end mark behind each; the last {turns} turns are read. -#}}
{{%- for message in messages -%}}
{{%- if message.role == 'system' -%}}
{{{{- raise_exception('it was trained without a system message. Leave that out.') -}}}}
{{%- elif (message.role == 'user') != (loop.index0 % 2 == 0) or (loop.last and message.role != 'user') -%}}
{{{{- raise_exception('customer and agent take turns, and the customer has the first and the last.') -}}}}
{{%- endif -%}}
{{%- endfor -%}}
{{%- for message in messages[-{turns}:] -%}}
{turn}
{{%- endfor -%}}
"""


def template(turns: int) -> str:
    """The chat template of a model that reads the last `turns` turns, an odd number."""
    return TEMPLATE.format(turns=turns, turn=TURN.format(lead=LEAD, end=END))


def written(turns: Sequence[str], text: Text) -> str:
    """Turns as one text with marks by their names; a name that a turn itself has in it is none."""
    clean = [text.guarded_names(turn) if any(name in turn for name in text.mark_names) else turn for turn in turns]
    return "".join((LEAD if i and i % 2 == 0 else "") + turn + END for i, turn in enumerate(clean))


def read(turns: Sequence[str], text: Text) -> Encoded:
    """Turns as the model reads them."""
    return text.encode(written(turns, text), named=True, marks=False)


def rows(dialogues: Sequence[Dialogue], text: Text, most: int) -> Iterator[tuple[list[int], list[int]]]:
    """Dialogues as rows of at most `most` tokens, cut between two exchanges, with a mask of the replies and their marks.

    An exchange that is longer by itself is left out, and a new row begins behind it.
    """
    for dialogue in dialogues:
        row: list[int] = []
        mask: list[int] = []
        cut = text.encode_all([written(exchange, text) for exchange in dialogue.exchanges], named=True, marks=False)
        for ids in (each.ids for each in cut):
            if row and len(row) + len(ids) > most:
                yield row, mask
                row, mask = [], []
            if len(ids) <= most:
                said = ids.index(text.end) + 1
                row, mask = [*row, *ids], [*mask, *[0] * said, *[1] * (len(ids) - said)]
        if row:
            yield row, mask


def spelled(dialogues: Sequence[Dialogue]) -> Iterator[str]:
    """What pieces are learnt from: replies stand behind something, so that they begin without a space."""
    for dialogue in dialogues:
        for customer, agent in dialogue.exchanges:
            yield f"{customer}\n{agent}"
