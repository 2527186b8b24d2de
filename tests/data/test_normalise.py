from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.data.normalise import NORMALISERS, english, french, tidy


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("  a\tb\r\n c\u00a0\u202f\u2009d  ", "a b c d"),
        ("a\x00b\x1fc\x7fd\x85e", "a b c d e"),
        ("e\u0301te\u0301", "été"),
        ("\ufeffsoft\u00adhyphen\u200b", "softhyphen"),
        ("\U0001f469\u200d\U0001f680 \U0001f1eb\U0001f1f7 ❤\ufe0f", "\U0001f469\u200d\U0001f680 \U0001f1eb\U0001f1f7 ❤\ufe0f"),
        ("broken \ud83d", "broken \ufffd"),
        ("e\u200b\u0301", "é"),
        ("", ""),
        (" \n\t ", ""),
        ("’tis", "’tis"),
    ],
)
def test_tidy(text: str, wanted: str) -> None:
    assert tidy(text) == wanted


def test_english_has_typewriter_signs() -> None:
    assert english("“It’s\u00a0‘here’…”") == "\"It's 'here'...\""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *((f"Va{space}!", "Va !") for space in ("", " ", "\u00a0", "\u202f", "\u2009", "  ")),
        ("Combien d’heures dure le vol?", "Combien d'heures dure le vol ?"),
        ("Elle dit\u202f: non", "Elle dit : non"),
        ("Elle dit: non", "Elle dit : non"),
        ("chez moi; il y a trop de bruit", "chez moi ; il y a trop de bruit"),
        ("Tu me prends pour qui\u00a0?!", "Tu me prends pour qui ?!"),
        ("Tu plaisantes ? !", "Tu plaisantes ?!"),
        ("Quoi?!", "Quoi ?!"),
        ("Vraiment...?", "Vraiment... ?"),
        ("«Puis-je venir\u202f?» «Bien sûr\u202f!»", "« Puis-je venir ? » « Bien sûr ! »"),
        ("«\u2009Oui.\u2009»", "« Oui. »"),
        ("«Tout sauf des anchois.»", "« Tout sauf des anchois. »"),
        ("« Viens », dit-il.", "« Viens », dit-il."),
        ('"Qui est-ce?" demanda-t-il.', '"Qui est-ce ?" demanda-t-il.'),
        ("(vraiment?)", "(vraiment ?)"),
        ("Il est 14:30.", "Il est 14:30."),
        ("le train de 4\u202f:10.", "le train de 4:10."),
        ("Voir http://a.fr/?q=1&b=2 et https://a.fr:80/x?y", "Voir http://a.fr/?q=1&b=2 et https://a.fr:80/x?y"),
        ("Super:-) ;-) Bien;)", "Super:-) ;-) Bien;)"),
        ("100%!", "100% !"),
        ("!", "!"),
        ("?!", "?!"),
        ("a/b, c-d.", "a/b, c-d."),
    ],
)
def test_french(text: str, wanted: str) -> None:
    assert french(text) == wanted


SIGNS = st.one_of(st.sampled_from("aé0 ?!;:«»’'\".\u202f\u0301/)‽…"), st.characters())


@given(st.sampled_from(sorted(NORMALISERS)), st.text(SIGNS, max_size=30))
def test_a_second_time_changes_nothing(language: str, text: str) -> None:
    once = NORMALISERS[language](text)
    assert NORMALISERS[language](once) == once
    assert once == " ".join(once.split()) == unicodedata.normalize("NFC", once)


def test_tatoeba_has_one_spacing_afterwards(tatoeba) -> None:
    lines = tatoeba.read_text(encoding="utf-8").split("\n")[::20]
    texts = [french(line.split("\t")[1]) for line in lines if line]
    assert len(texts) > 8000
    for text in texts:
        assert not set(text) & set("\u00a0\u202f\u2009’")
        for at, sign in enumerate(text):
            if sign in "?!;»" and at and text[at - 1] not in "?!":
                assert text[at - 1] == " ", text
