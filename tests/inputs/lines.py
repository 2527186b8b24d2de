"""Three thousand lines that tokenizers find hard, the same every time: sentences in many languages, and letters of every kind."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator

SENTENCES = """
The cat didn't eat the mouse; it only looked at it, didn't it?
"Well," she said, "I've got 3.14 apples & 1,000,000 pears (for $5.99)."
HELLO World, this is CamelCase, snake_case and kebab-case: user@example.org, https://example.org/a?b=c#d
L'homme qu'il a vu hier n'était pas là ; où est-il allé ?
Ça coûte 12,50 € - « vraiment » trop cher, mon œil !
Der Fußgänger überquert die Straße, während die Ampel grün ist.
Über allen Gipfeln ist Ruh', in allen Wipfeln spürest du kaum einen Hauch.
¿Dónde está la biblioteca? ¡Está allí, niño!
A menina não comeu o pão; foi à praça com o avô.
Perché no? È così che si fa, più o meno, in città.
Кошка съела мышь, но собака этого не видела.
Ёлки-палки! Сколько это стоит: 1 234,56 рублей?
Η γάτα έφαγε το ποντίκι. Τι ώρα είναι;
القطة أكلت الفأر، ولكن الكلب لم يرَ ذلك.
هل هذا صحيح؟ نعم، ١٢٣٤ مرة!
החתול אכל את העכבר. מה השעה?
बिल्ली ने चूहा खाया। क्या यह सच है?
বিড়ালটি ইঁদুর খেয়েছে।
பூனை எலியை சாப்பிட்டது.
แมวกินหนูแล้วนอนหลับ
黒い猫が鼠を食べた。本当ですか？
カタカナとひらがな、ｶﾀｶﾅも「混ぜる」。
黑猫吃了老鼠。这是真的吗？
他說：「不，這是１２３。」
고양이가 쥐를 먹었다. 정말이야?
Mèo đã ăn con chuột, phải không? Đúng vậy!
Kot zjadł mysz; zażółć gęślą jaźń.
Příliš žluťoučký kůň úpěl ďábelské ódy.
İstanbul'da ışık söndü, IĞDIR'da yandı.
Þetta er köttur; hann át músina í gær.
def f(x):\treturn {"a": [x ** 2 for _ in range(10)]}  # comment
x = y<=z && !w || (a != b) ? "c" : 'd';  /* end */
<html lang="en"><p class='x'>a &amp; b</p></html>
[CLS] <s> </s> <pad> <unk> [MASK] <mask> <|endoftext|> <extra_id_0> __fr__ >>fra<<
""".strip().split("\n")
EMOJI = [
    "🙂", "👍🏽", "👩‍👩‍👧‍👦", "❤️", "🇫🇷🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "👨🏿‍🚀", "☃", "🫠", "⌚︎", "🤷🏻‍♀️", "🧑‍🤝‍🧑",
]  # fmt: skip
INVISIBLE = [*map(chr, (*range(0x20), 0x7F, *range(0x80, 0xA1), 0xAD)), *map(chr, range(0x200B, 0x2010)), *map(chr, range(0x2028, 0x2030))]
INVISIBLE += ["\u2060", "\ufeff", "\ufffd", "\ufffe", "\u3000", "\u180e", "\u115f", "\U000e0001", "\U0010ffff", "\ue000"]
BLOCKS = [
    (0x20, 0x7F), (0xA0, 0x180), (0x180, 0x250), (0x250, 0x300), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530), (0x530, 0x590),
    (0x590, 0x600), (0x600, 0x700), (0x700, 0x750), (0x900, 0x980), (0x980, 0xA00), (0xB80, 0xC00), (0xE00, 0xE80), (0xE80, 0xF00),
    (0x1000, 0x10A0), (0x10A0, 0x1100), (0x1100, 0x1200), (0x1200, 0x1380), (0x13A0, 0x1400), (0x1780, 0x1800), (0x1E00, 0x1F00),
    (0x1F00, 0x2000), (0x2000, 0x2070), (0x2070, 0x20D0), (0x2100, 0x2190), (0x2190, 0x2300), (0x2460, 0x2500), (0x2500, 0x2600),
    (0x2600, 0x27C0), (0x2E80, 0x2F00), (0x3000, 0x3100), (0x3200, 0x3400), (0x4E00, 0x4F00), (0xA640, 0xA6A0), (0xAC00, 0xAD00),
    (0xF900, 0xFA00), (0xFB00, 0xFB50), (0xFB50, 0xFC00), (0xFE00, 0xFE10), (0xFE50, 0xFE70), (0xFF00, 0xFFF0), (0x10300, 0x10330),
    (0x1D400, 0x1D500), (0x1F1E6, 0x1F200), (0x1F300, 0x1F400), (0x1F600, 0x1F650), (0x20000, 0x20050),
]  # fmt: skip


def lines(count: int = 3000) -> list[str]:
    """So many lines; none has half a surrogate pair."""
    made = _made(random.Random(7))
    return [*SENTENCES, *(next(made) for _ in range(count - len(SENTENCES)))]


def _made(dice: random.Random) -> Iterator[str]:
    kinds = (_block, _block, _mixed, _emoji, _invisible, _marked, _run, _shuffled)
    for first in INVISIBLE:
        yield f"a{first}b {first} c{first}"
    while True:
        for kind in kinds:
            yield kind(dice)


def _block(dice: random.Random) -> str:
    """Letters of one script, with spaces."""
    start, end = dice.choice(BLOCKS)
    return "".join(" " if dice.random() < 0.15 else chr(dice.randrange(start, end)) for _ in range(dice.randint(1, 40)))


def _mixed(dice: random.Random) -> str:
    """Letters of any script, next to each other."""
    return "".join(chr(dice.randrange(*dice.choice(BLOCKS))) for _ in range(dice.randint(1, 30)))


def _emoji(dice: random.Random) -> str:
    return "".join(dice.choice([*EMOJI, " ", "ok", "!"]) for _ in range(dice.randint(1, 12)))


def _invisible(dice: random.Random) -> str:
    """Words with what cannot be seen between and in them."""
    words = dice.choice(SENTENCES).split(" ")
    return "".join(word + (dice.choice(INVISIBLE) if dice.random() < 0.3 else " ") for word in words)


def _marked(dice: random.Random) -> str:
    """A sentence with its accents taken apart, and some that belong nowhere."""
    taken = unicodedata.normalize("NFD", dice.choice(SENTENCES))
    return "".join(c + (chr(dice.randrange(0x300, 0x370)) if dice.random() < 0.1 else "") for c in taken)


def _run(dice: random.Random) -> str:
    """The same again and again."""
    return dice.choice(["a", " ", "é", "黒", "🙂", "-", "0", "\u0301", "ab ", ".", "\n", "\t ", "▁", " ▁"]) * dice.randint(2, 120)


def _shuffled(dice: random.Random) -> str:
    """Words of all languages, spaces at either end and twice between."""
    words = [dice.choice(dice.choice(SENTENCES).split()) for _ in range(dice.randint(1, 15))]
    return dice.choice(["", " ", "  "]) + dice.choice([" ", "  ", " \n"]).join(words) + dice.choice(["", " ", "   "])
