"""Which words of a translation come from which: what is shown is what the model did, on words that are there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from limelight.hub import Opened
from limelight.inputs import Text, words
from limelight.manifest import Aligner
from limelight.tasks.translate.alignments import Aligning, aligned, described, spelled, told, trusted
from limelight.tasks.translate.forcing import Couple, Forcing
from limelight.tasks.translate.task import Translate
from limelight.tasks.translate.ways import way_of
from limelight.tasks.writing.generated import Generated

Learnt = list[tuple[str, str]]
AER = "alignment error rate 0.50 on 10 made-up pairs not used to choose it (0 is perfect)"


def led(opened: Opened, found: Generated, aligner: Aligner) -> Any:
    """The alignment of the same words, from leading the model through its own translation."""
    couple = Couple(found.source, found.text, (words(found.source), words(found.text)))
    ((_, each),) = Forcing(opened).all([couple])
    return each.aligned(way_of(aligner))


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize(("attention", "heads"), [("decoder.1.cross", (0, 2)), ("decoder.0.cross", (3,))])
@pytest.mark.parametrize(("beam", "more"), [(1, {}), (4, {}), (4, {"normed": True, "even": True, "null": 0.0, "share": 0.7})])
def test_the_alignment_is_that_of_forced_decoding(
    opened: Opened, learnt: Learnt, shift: Any, attention: str, heads: tuple[int, ...], beam: int, more: dict[str, Any]
) -> None:
    aligner = Aligner(attention=attention, heads=heads, shift=shift, aer=0.5, pairs=10, measured_on="made-up", **more)
    other = replace(opened, manifest=replace(opened.manifest, aligner=aligner))
    results = Translate(other)([source for source, _ in learnt[:3]], beam=beam)
    for found in results:
        forced = led(other, found, aligner)
        assert (found.alignment.source, found.alignment.target) == (forced.source, forced.target)
        assert found.alignment.links == forced.links
        one, two = (torch.tensor(a.weights, dtype=torch.float64) for a in (found.alignment, forced))
        assert (one - two).abs().max() <= 1e-5


def test_different_ways_to_align_differ(opened: Opened, learnt: Learnt) -> None:
    """Or the test above would hold for anything."""
    seen = set()
    ways: list[Any] = [("decoder.1.cross", (0,), 0), ("decoder.1.cross", (0,), 1), ("decoder.1.cross", (1,), 0)]
    ways.append(("decoder.0.cross", (0,), 0))
    for attention, heads, shift in ways:
        aligner = Aligner(attention=attention, heads=heads, shift=shift, aer=0.5, pairs=10, measured_on="x")
        seen.add(Translate(replace(opened, manifest=replace(opened.manifest, aligner=aligner)))(learnt[0][0]).alignment.weights)
    assert len(seen) == 4


def test_words_weights_and_links_fit_together(translate: Translate, learnt: Learnt) -> None:
    for found in translate([*(source for source, _ in learnt), "🙂 !", "L'été d'Anna : 3.5", "黒い猫。"]):
        a = found.alignment
        assert a.source == tuple(found.source[i:j] for i, j in words(found.source))
        assert a.target == tuple(found.text[i:j] for i, j in words(found.text))
        assert len(a.weights) == len(a.target)
        assert all(len(row) == len(a.source) for row in a.weights)
        assert all(w >= 0 for row in a.weights for w in row)
        assert all(sum(row) <= 1 + 1e-5 for row in a.weights)
        assert all(0 <= i < len(a.source) and 0 <= j < len(a.target) for i, j in a.links)
        assert len({j for _, j in a.links}) == len(a.links), "a target word comes from one source word at most"
        assert a.pharaoh == " ".join(f"{i}-{j}" for i, j in a.links)


def test_pictures_show_the_alignment_and_how_far_to_trust_it(translate: Translate, learnt: Learnt) -> None:
    found = translate(learnt[0][0])
    (shown,) = found.pictures
    a = found.alignment
    assert (shown.source, shown.target, shown.links, shown.weights) == (a.source, a.target, a.links, a.weights)
    assert shown.trust == AER
    assert shown.how == "decoder.1.cross, heads 0, 2; each word by the step after it was chosen; sub-words merged"
    assert shown.model == "tiny"
    assert shown.tokens is not None
    assert "".join(shown.tokens.source).strip() == f"{learnt[0][0]}</s>"
    assert "".join(shown.tokens.target).strip() == f"{learnt[0][1]}</s>"


def test_a_single_head_and_the_same_step_are_said_so() -> None:
    aligner = Aligner(attention="decoder.2.cross", heads=(3,), shift=0, aer=0.123, pairs=347, measured_on="Hansards")
    assert described(way_of(aligner)) == "decoder.2.cross, head 3; each word by the step that chose it; sub-words merged"
    assert trusted(aligner) == "alignment error rate 0.12 on 347 Hansards pairs not used to choose it (0 is perfect)"
    more = replace(aligner, normed=True, even=True, signs=True, share=0.8, low=0.101, high=0.146)
    assert described(way_of(more)).endswith(
        "; weights counted by the norm of what they bring; linked by the share of what a source word gives to all; "
        "signs linked to signs alone; and to all words that reach 80% of the best"
    )
    assert trusted(more).startswith("alignment error rate 0.12 (0.10 to 0.15) on 347 ")


def test_no_measured_number_is_told_that_nobody_measured(opened: Opened) -> None:
    bare = replace(opened, manifest=replace(opened.manifest, aligner=None))
    for asked in (told, Aligning):
        with pytest.raises(ValueError, match="measured aligner"):
            asked(bare)


# --- tokens to characters --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["Le chat noir.", "Un été, né à 🙂!", "", "  ", "a  b", "\ufffd x"])
def test_tokens_know_the_characters_that_they_spell(opened: Opened, text: str) -> None:
    encoded = opened.text.encode(text)
    whole, spans = spelled(opened.text, encoded.ids)
    assert whole == text.strip(" ")
    assert len(spans) == len(encoded.ids)
    assert spans[-1][0] == spans[-1][1], "the end stands for no character"
    covered = [i for a, b in spans for i in range(a, b)]
    assert covered == sorted(set(covered)), "no character twice"
    assert {i for i, c in enumerate(whole) if not c.isspace() and c != "\ufffd"} <= set(covered)


def test_a_letter_of_several_pieces_belongs_to_the_one_that_completes_it() -> None:
    bare = Text.train(["a"], vocab=259)
    whole, spans = spelled(bare, bare.encode("né x").ids)
    assert whole == "né x"
    assert [whole[a:b] for a, b in spans] == ["", "n", "", "é", "", "x", ""]


def test_tokens_that_are_no_text_do_not_make_it_fall() -> None:
    bare = Text.train(["a"], vocab=259)
    broken = [bare.encode("é").ids[1], *bare.encode("🙂").ids[1:3], bare.pad, bare.start, bare.end]
    whole, spans = spelled(bare, broken)
    assert len(spans) == 6
    assert all(0 <= a <= b <= len(whole) for a, b in spans)
    assert spelled(bare, []) == ("", [])


def test_the_last_token_of_a_cut_answer_is_aligned_by_its_own_step() -> None:
    text = Text.train(["a b c"], vocab=270)
    source = text.encode("a b")
    weights = torch.zeros(1, 2, 3)
    weights[0, 0, 0] = weights[0, 1, 1] = 1.0
    tokens = text.encode("b c").ids[:2]                       # cut off: no step follows the last token
    assert aligned(weights, source, tokens, text, shift=0).links == ((0, 0), (1, 1))
    assert aligned(weights, source, tokens, text, shift=1).links == ((1, 0), (1, 1))


def test_heads_are_averaged() -> None:
    text = Text.train(["a b c"], vocab=270)
    weights = torch.zeros(2, 2, 3)
    weights[0, 0, 0], weights[1, 0, 1], weights[:, 1, 2] = 1.0, 0.5, 1.0
    found = aligned(weights, text.encode("a b"), text.encode("c").ids, text, shift=0)
    assert found.weights == ((0.5, 0.25),)
