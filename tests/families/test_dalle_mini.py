"""DALL-E mini from files as min-dalle stores them, against the published equations written out over the files' own tensors."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from limelight.codecs import Quantised
from limelight.decode import Ending, Greedy, generate
from limelight.errors import WeightError
from limelight.families import FAMILIES, Config
from limelight.families.dalle_mini import CODEC, OURS, codec_names
from limelight.hub import Opened, about, open_model
from limelight.inputs import pad
from limelight.look import ablate, prune, trace
from limelight.nn import Network
from limelight.spec import Quantised as QuantisedSpec
from limelight.spec import from_json, to_json
from limelight.values import plain
from limelight.weights import to_ours, to_theirs

DIM, HEADS, HIDDEN, TEXT, WORDS = 16, 4, 22, 12, 40
TINY = QuantisedSpec(
    count=30, rows=16, columns=16, width=8, stages=(1, 1, 2), blocks=2, dim=6, groups=4, looks=(2,), eps=1e-5, signed=False, reads=False
)
CODES = TINY.slots
CONFIG = {
    "model_type": "dallebart", "d_model": DIM, "encoder_layers": 2, "decoder_layers": 3, "encoder_ffn_dim": HIDDEN,
    "decoder_ffn_dim": HIDDEN, "encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS, "encoder_vocab_size": WORDS,
    "image_vocab_size": 31,
    "max_text_length": TEXT, "image_length": CODES, "decoder_start_token_id": 31, "eos_token_id": 32, "pad_token_id": 32, "tau_init": 0.05,
    "use_bias": False, "use_glu": True, "ln_positions": "normformer", OURS: plain(TINY),
}  # fmt: skip
BARE = ("glu.ln0", "glu.ln1", "pre_self_attn_layer_norm", "pre_encoder_attn_layer_norm", "final_ln")      # stored without what multiplies
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def random(*shape: int, near: float = 0.0) -> Tensor:
    return torch.randn(shape) * 0.3 + near


def side(name: str, layers: int, vocab: int, positions: int) -> dict[str, Tensor]:
    made = {"embed_tokens.weight": random(vocab, DIM), "embed_positions.weight": random(positions, DIM)}
    norms = {"layernorm_embedding": DIM, "final_ln": DIM}
    maps: dict[str, tuple[int, int]] = {}
    for i in range(layers):
        looks = ["self_attn", "encoder_attn"] if name == "decoder" else ["self_attn"]
        for look in looks:
            norms |= {f"layers.{i}.pre_{look}_layer_norm": DIM, f"layers.{i}.{look}_layer_norm": DIM}
            maps |= {f"layers.{i}.{look}.{part}_proj": (DIM, DIM) for part in ("q", "k", "v", "out")}
        norms |= {f"layers.{i}.glu.ln0": DIM, f"layers.{i}.glu.ln1": HIDDEN}
        maps |= {f"layers.{i}.glu.{part}": (HIDDEN, DIM) for part in ("fc0", "fc1")} | {f"layers.{i}.glu.fc2": (DIM, HIDDEN)}
    made |= {f"{key}.bias": random(size) for key, size in norms.items()}
    made |= {f"{key}.weight": random(size, near=1.0) for key, size in norms.items() if not key.endswith(BARE)}
    made |= {f"{key}.weight": random(*shape) for key, shape in maps.items()}
    return made | ({"lm_head.weight": random(vocab, DIM)} if name == "decoder" else {})


def detoker(s: QuantisedSpec) -> dict[str, Tensor]:
    """All tensors of the decoder, by the names that the table gives them."""
    torch.manual_seed(2)
    codec = Quantised(s)
    state = {name: weight + torch.randn_like(weight) * 0.2 for name, weight in codec.state_dict().items()}
    return to_theirs(codec_names(s), state)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As min-dalle has it: three files of torch, one of pieces and one of merges; and the config.json of the first publication."""
    at = tmp_path_factory.mktemp("dalle_mini")
    torch.manual_seed(1)
    torch.save(side("encoder", 2, WORDS, TEXT), at / "encoder.pt")
    torch.save(side("decoder", 3, 32, CODES), at / "decoder.pt")
    torch.save(detoker(TINY), at / "detoker.pt")
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "Ġ", *LETTERS, "Ġc", "at", "Ġcat", "-"]
    (at / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (at / "merges.txt").write_text("#version: 0.2\nĠ c\na t\nĠc at\n")
    (at / "config.json").write_text(json.dumps(CONFIG))
    (at / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}))
    return at


@pytest.fixture(scope="module")
def opened(folder: Path) -> Opened:
    return open_model(folder, dtype="fp32")


def tensors(folder: Path, name: str) -> dict[str, Tensor]:
    return torch.load(folder / f"{name}.pt", weights_only=True)


# --- the equations ---------------------------------------------------------------------------------------------------------------------
def normed(t: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], t.get(f"{name}.weight"), t[f"{name}.bias"])


def looked(t: dict[str, Tensor], name: str, x: Tensor, at: Tensor, may: Tensor) -> Tensor:
    """Vaswani et al. 2017, section 3.2.2: heads, each a slice of the maps."""
    d, out = DIM // HEADS, []
    q, k, v = x @ t[f"{name}.q_proj.weight"].T, at @ t[f"{name}.k_proj.weight"].T, at @ t[f"{name}.v_proj.weight"].T
    for h in range(HEADS):
        cut = slice(h * d, (h + 1) * d)
        scores = (q[:, cut] @ k[:, cut].T / math.sqrt(d)).masked_fill(~may, -torch.inf)
        out.append(scores.softmax(-1) @ v[:, cut])
    return torch.cat(out, -1) @ t[f"{name}.out_proj.weight"].T


def gated(t: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    x = normed(t, f"{name}.ln0", x)
    bent = F.gelu(x @ t[f"{name}.fc0.weight"].T) * (x @ t[f"{name}.fc1.weight"].T)
    return normed(t, f"{name}.ln1", bent) @ t[f"{name}.fc2.weight"].T


def ran(t: dict[str, Tensor], ids: list[int], layers: int, memory: Tensor | None = None) -> Tensor:
    """One row through an encoder, or through a decoder that looks at `memory`."""
    x = normed(t, "layernorm_embedding", t["embed_tokens.weight"][ids] + t["embed_positions.weight"][: len(ids)])
    n = len(ids)
    may = torch.ones(n, n, dtype=torch.bool) if memory is None else torch.ones(n, n, dtype=torch.bool).tril()
    for i in range(layers):
        at = f"layers.{i}"
        h = normed(t, f"{at}.pre_self_attn_layer_norm", x)
        x = x + normed(t, f"{at}.self_attn_layer_norm", looked(t, f"{at}.self_attn", h, h, may))
        if memory is not None:
            h = normed(t, f"{at}.pre_encoder_attn_layer_norm", x)
            every = torch.ones(n, len(memory), dtype=torch.bool)
            x = x + normed(t, f"{at}.encoder_attn_layer_norm", looked(t, f"{at}.encoder_attn", h, memory, every))
        x = x + gated(t, f"{at}.glu", x)
    return normed(t, "final_ln", x)


def painted(t: dict[str, Tensor], codes: Tensor, s: QuantisedSpec) -> Tensor:
    """Esser et al. 2021, table 7, as published: codes (n) -> (3 h w)."""

    def groups(name: str, x: Tensor) -> Tensor:
        return F.group_norm(x, s.groups, t[f"{name}.weight"], t[f"{name}.bias"], 1e-5)

    def conv(name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, t[f"{name}.weight"], t[f"{name}.bias"], padding=t[f"{name}.weight"].shape[-1] // 2)

    def block(name: str, x: Tensor) -> Tensor:
        h = groups(f"{name}.norm1", x)
        h = groups(f"{name}.norm2", conv(f"{name}.conv1", h * torch.sigmoid(h)))
        h = conv(f"{name}.conv2", h * torch.sigmoid(h))
        return h + (conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in t else x)

    def look(name: str, x: Tensor) -> Tensor:
        q, k, v = (conv(f"{name}.{part}", groups(f"{name}.norm", x))[0].flatten(1) for part in "qkv")
        weights = (q.T @ k / math.sqrt(len(q))).softmax(1)
        return x + conv(f"{name}.proj_out", (v @ weights.T).view_as(x))

    x = t["embedding.weight"][codes].T.reshape(1, s.dim, *s.grid)
    x = conv("decoder.conv_in", conv("post_quant_conv", x))
    x = block("decoder.mid.block_2", look("decoder.mid.attn_1", block("decoder.mid.block_1", x)))
    for level in reversed(range(len(s.stages))):
        for i in range(s.blocks + 1):
            x = block(f"decoder.up.{level}.block.{i}", x)
            x = look(f"decoder.up.{level}.attn.{i}", x) if level in s.looks else x
        if level:
            x = conv(f"decoder.up.{level}.upsample.conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    x = groups("decoder.norm_out", x)
    return conv("decoder.conv_out", x * torch.sigmoid(x))[0].clip(0, 1)


# --- parity ----------------------------------------------------------------------------------------------------------------------------
ROWS = [[0, 5, 9, 22, 31, 2], [0, 8, 2], [0, 2]]
SAID = [[31, 4, 17, 0, 29], [31, 8, 8, 2, 1], [31, 30, 3, 12, 20]]


def logits(model: Network) -> Tensor:
    memory = model.encode(pad(ROWS, filler=1))
    return model.logits(model.decode(torch.tensor(SAID), memory=memory))


def wanted(folder: Path) -> Tensor:
    reads, writes = tensors(folder, "encoder"), tensors(folder, "decoder")
    rows = [ran(writes, said, 3, ran(reads, ids, 2)) @ writes["lm_head.weight"].T for ids, said in zip(ROWS, SAID, strict=True)]
    return torch.stack(rows)


@torch.no_grad()
def test_the_numbers_are_those_of_the_equations(folder: Path, opened: Opened) -> None:
    torch.testing.assert_close(logits(opened.model), wanted(folder), atol=2e-5, rtol=2e-5)


@torch.no_grad()
def test_pictures_are_those_of_the_equations(folder: Path, opened: Opened) -> None:
    codes = torch.randint(0, TINY.count, (2, CODES), generator=torch.Generator().manual_seed(4))
    assert opened.codec is not None
    found, table = opened.codec.decode(codes), tensors(folder, "detoker")
    assert found.shape == (2, 3, 16, 16)
    for row, each in zip(codes, found, strict=True):
        torch.testing.assert_close(each, painted(table, row, TINY), atol=2e-5, rtol=2e-5)


@torch.no_grad()
def test_looking_changes_no_bit_and_a_pruned_model_is_one_with_heads_off(opened: Opened) -> None:
    model = opened.model
    before = logits(model)
    with trace(model) as seen:
        assert torch.equal(logits(model), before)
    assert len(list(seen)) == 2 + 3 * 2
    heads = {"encoder.0.self": [1], "decoder.2.cross": [0, 3]}
    with ablate(model, heads):
        off = logits(model)
    torch.testing.assert_close(logits(prune(model, heads)), off, atol=2e-5, rtol=2e-5)
    assert (off - before).abs().max() > 1e-4


@torch.no_grad()
def test_what_is_written_step_by_step_is_the_whole(opened: Opened) -> None:
    model = opened.model
    memory = model.encode(pad(ROWS, filler=1))
    done = generate(model, memory, Greedy(), ending=Ending(frozenset(), CODES), start=31)
    assert [len(row[0].tokens) for row in done] == [CODES] * 3
    said = torch.tensor([[31, *row[0].tokens[:-1]] for row in done])
    best = model.logits(model.decode(said, memory=memory)).argmax(-1)
    assert best.tolist() == [list(row[0].tokens) for row in done]


# --- the folder ------------------------------------------------------------------------------------------------------------------------
def test_what_the_folder_is_for(folder: Path, opened: Opened) -> None:
    drawing = opened.manifest.drawing
    assert drawing is not None
    assert (opened.manifest.task, about(folder).task) == ("draw", "draw")
    assert (drawing.start, drawing.first, drawing.guidance, drawing.top_k, drawing.codec) == (31, 0, 16.0, 30, TINY)


def cut(text: str, pieces: dict[str, int], merges: list[tuple[str, str]]) -> list[int]:
    """Words at spaces, letters joined by the earliest rule that fits: how min-dalle's tokenizer is described."""
    found = []
    for word in text.lower().encode("ascii", "ignore").decode().split():
        parts = ["Ġ", *word]
        while rules := [pair for pair in pairwise(parts) if pair in merges]:
            at = list(pairwise(parts)).index(min(rules, key=merges.index))
            parts[at : at + 2] = ["".join(parts[at : at + 2])]
        found += [pieces[part] for part in parts]
    return [0, *found, 2]


@pytest.mark.parametrize("text", ["cat", "A cat  sat", "at-cat", "Café CAT", ""])
def test_words_are_cut_as_there(folder: Path, opened: Opened, text: str) -> None:
    pieces = json.loads((folder / "vocab.json").read_text())
    assert list(opened.text.encode(text).ids) == cut(text, pieces, [("Ġ", "c"), ("a", "t"), ("Ġc", "at")])


@torch.no_grad()
def test_saved_and_reopened(folder: Path, opened: Opened, tmp_path: Path) -> None:
    opened.save(tmp_path / "it")
    again = open_model(tmp_path / "it", dtype="fp32")
    assert again.manifest.drawing == opened.manifest.drawing
    assert again.model.spec == opened.model.spec
    assert torch.equal(logits(again.model), logits(opened.model))
    codes = torch.arange(CODES)[None]
    assert again.codec is not None
    assert opened.codec is not None
    assert torch.equal(again.codec.decode(codes), opened.codec.decode(codes))
    assert again.text.encode("a cat").ids == opened.text.encode("a cat").ids
    file = load_file(tmp_path / "it" / "model.safetensors")
    theirs = {f"{name}.{key}": t for name in ("encoder", "decoder") for key, t in tensors(folder, name).items()}
    assert [key for key in file.keys() - theirs.keys() if not bool((file[key] == 1).all())] == []
    assert all(torch.equal(file[key], tensor) for key, tensor in theirs.items())
    assert load_file(tmp_path / "it" / "detoker.safetensors").keys() == tensors(folder, "detoker").keys()


def test_config_spec_config(opened: Opened) -> None:
    spec, family = opened.model.spec, FAMILIES["dallebart"]
    assert family.spec(Config(json.loads(json.dumps(family.config(spec))))) == spec == from_json(to_json(spec))


def test_published_sizes() -> None:
    """Of the mini, which config.json need not say, and of what draws its pictures."""
    spec = FAMILIES["dallebart"].spec(Config({}))
    assert (spec.dim, spec.encoder.depth, spec.decoder.input.vocab, spec.decoder.room) == (1024, 12, 16_385, 256)
    assert (CODEC.grid, CODEC.widths) == ((16, 16), (128, 128, 256, 256, 512))


def test_another_publication_is_refused(folder: Path) -> None:
    with pytest.raises(WeightError, match="use_alibi=True is not built here"):
        FAMILIES["dallebart"].spec(Config({"use_alibi": True}))
    with pytest.raises(WeightError, match="a picture has 16 codes; the model has positions for 9"):
        FAMILIES["dallebart"].drawing(Config(CONFIG), FAMILIES["dallebart"].spec(Config(CONFIG | {"image_length": 9})))


def copied(folder: Path, at: Path, *names: str) -> Path:
    for name in names or [each.name for each in folder.iterdir()]:
        (at / name).write_bytes((folder / name).read_bytes())
    return at


def test_files_that_are_not_its_own(folder: Path, tmp_path: Path) -> None:
    at = copied(folder, tmp_path)
    odd = tensors(folder, "detoker")
    odd["embedding.weight"] = odd["embedding.weight"][:-1]
    torch.save(odd, at / "detoker.pt")
    with pytest.raises(WeightError, match=r"detoker.pt does not fit its codec: 1 tensors differ \(table.weight\)"):
        open_model(at)
    save_file({"stray": torch.ones(1)}, at / "detoker.safetensors")
    with pytest.raises(WeightError, match="does not have: stray"):
        open_model(at)
    (at / "encoder.pt").unlink()
    with pytest.raises(WeightError, match="holds no weights"):
        open_model(at)


def test_names_both_ways() -> None:
    state = detoker(TINY)
    assert to_theirs(codec_names(TINY), to_ours(codec_names(TINY), state)).keys() == state.keys()
    with pytest.raises(WeightError, match="alone"):
        codec_names(QuantisedSpec(count=3, rows=4, columns=4, width=4, stages=(1, 1), groups=2))
