"""Tiny random models of every family, as transformers makes and saves them: what the suite runs on."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import tiny
from limelight.families import FAMILIES, Config, Family
from limelight.nn import Network
from limelight.weights.names import to_ours

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")

VOCAB, DIM, HEADS, HIDDEN, LENGTH = 41, 16, 4, 24, 60
MARKS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
LABELS = {"num_labels": 3}
BERT = {"vocab_size": VOCAB, "hidden_size": DIM, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": HIDDEN}
BERT |= {"max_position_embeddings": LENGTH, **LABELS}
GPT2 = {"vocab_size": VOCAB, "n_embd": DIM, "n_layer": 2, "n_head": HEADS, "n_inner": HIDDEN, "n_positions": LENGTH, **LABELS}
GPT2 |= {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
NEO = {"vocab_size": VOCAB, "hidden_size": DIM, "num_layers": 3, "num_heads": HEADS, "intermediate_size": HIDDEN, "window_size": 4}
NEO |= {"attention_types": [[["global", "local"], 1], [["local"], 1]], "max_position_embeddings": LENGTH, **MARKS, **LABELS}
OPT = {"vocab_size": VOCAB, "hidden_size": DIM, "num_hidden_layers": 2, "num_attention_heads": HEADS, "ffn_dim": HIDDEN}
OPT |= {"max_position_embeddings": LENGTH, "word_embed_proj_dim": DIM, **MARKS, **LABELS}
XGLM = {"vocab_size": VOCAB, "d_model": DIM, "num_layers": 2, "attention_heads": HEADS, "ffn_dim": HIDDEN}
XGLM |= {"max_position_embeddings": LENGTH, **MARKS}
LLAMA = {"vocab_size": VOCAB, "hidden_size": DIM, "num_hidden_layers": 3, "num_attention_heads": HEADS, "num_key_value_heads": 2}
LLAMA |= {"intermediate_size": HIDDEN, "max_position_embeddings": LENGTH, **MARKS, **LABELS}
T5 = {"vocab_size": VOCAB, "d_model": DIM, "d_kv": 5, "d_ff": HIDDEN, "num_layers": 2, "num_decoder_layers": 3, "num_heads": HEADS}
T5 |= {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "decoder_start_token_id": 0, **LABELS}
T5 |= {"pad_token_id": 1, "eos_token_id": 2}
SIDES = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("attention_heads", HEADS), ("ffn_dim", HIDDEN))}
BART = {"vocab_size": VOCAB, "d_model": DIM, "encoder_layers": 2, "decoder_layers": 3, **SIDES, "max_position_embeddings": LENGTH}
BART |= {"decoder_start_token_id": 2, "forced_eos_token_id": 2, **MARKS, **LABELS}
VIT = {"hidden_size": DIM, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": HIDDEN, "image_size": [8, 12]}
VIT |= {"patch_size": 4, **LABELS}
RESNET = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [16, 16, 24, 32], "depths": [1, 2, 1, 1]}
RESNET |= {"out_features": ["stage4"]}
DETR = {"d_model": DIM, "encoder_layers": 2, "decoder_layers": 3, **SIDES, "num_queries": 5, "use_timm_backbone": False, **LABELS}
YOLOS = VIT | {"num_detection_tokens": 5, "num_hidden_layers": 3}
CLIP_TEXT = {"vocab_size": VOCAB, "hidden_size": DIM, "intermediate_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": HEADS}
CLIP_TEXT |= {"max_position_embeddings": LENGTH, **MARKS}
CLIP_SEEN = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 12}
CLIP_SEEN |= {"patch_size": 4}
CLIP = {"text_config": CLIP_TEXT, "vision_config": CLIP_SEEN, "projection_dim": 10}
SEES = VIT | {"model_type": "vit", "hidden_size": 24}
WRITES = GPT2 | {"model_type": "gpt2", "is_decoder": True, "add_cross_attention": True}
BLIP_TEXT = {"vocab_size": VOCAB, "hidden_size": DIM, "intermediate_size": HIDDEN, "num_hidden_layers": 3, "num_attention_heads": HEADS}
BLIP_TEXT |= {"max_position_embeddings": LENGTH, "bos_token_id": 0, "sep_token_id": 2, "pad_token_id": 1, "eos_token_id": 2}
WHISPER = {"vocab_size": VOCAB, "d_model": DIM, "encoder_layers": 2, "decoder_layers": 3, **SIDES, "num_mel_bins": 8, **MARKS}
WHISPER |= {"max_source_positions": 20, "max_target_positions": LENGTH, "decoder_start_token_id": 2}
BIASED = {"attention_bias": True, "mlp_bias": True}
LINEAR = {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 32}


@dataclass(frozen=True)
class Made:
    """How transformers makes one: the class, and its config's keys."""

    kind: str
    stem: str
    end: str
    keys: tuple[tuple[str, Any], ...]

    def build(self) -> Any:
        """The model, in eval mode, with nothing left at its first value."""
        torch.manual_seed(7)
        keys = deepcopy(dict(self.keys))                     # theirs takes its parts apart
        model = getattr(hf, self.stem + self.end)(getattr(hf, self.stem + "Config")(**keys))
        return shaken(model)


def made(kind: str, stem: str, keys: dict[str, Any], *ends: str, **more: Any) -> dict[str, Made]:
    tag = more.pop("tag", "")
    two = {"ForQuestionAnswering": {"num_labels": 2}}                  # where a span starts and ends
    return {f"{kind}{tag}-{end}": Made(kind, stem, end, tuple({**keys, **more, **two.get(end, {})}.items())) for end in ends}


READERS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "Model")
CAUSAL = ("ForCausalLM", "ForSequenceClassification")
ALL: dict[str, Made] = {
    **made("bert", "Bert", BERT, "ForMaskedLM", "ForPreTraining", *READERS),
    **made("bert", "Bert", BERT, "ForMaskedLM", tag="_untied", tie_word_embeddings=False),
    **made("roberta", "Roberta", BERT | MARKS | {"type_vocab_size": 1}, "ForMaskedLM", *READERS),
    **made("xlm-roberta", "XLMRoberta", BERT | MARKS | {"type_vocab_size": 1}, "ForMaskedLM", *READERS),
    **made("camembert", "Camembert", BERT | MARKS | {"type_vocab_size": 1}, "ForMaskedLM", *READERS),
    **made("distilbert", "DistilBert", {"vocab_size": VOCAB, "dim": DIM, "n_layers": 2, "n_heads": HEADS, "hidden_dim": HIDDEN,
                                        "max_position_embeddings": LENGTH, **LABELS}, "ForMaskedLM", *READERS),
    **made("gpt2", "GPT2", GPT2, "LMHeadModel", *READERS),
    **made("gpt2", "GPT2", GPT2, "LMHeadModel", tag="_untied", tie_word_embeddings=False),
    **made("gpt_neo", "GPTNeo", NEO, "ForCausalLM", *READERS),
    **made("opt", "OPT", OPT, *CAUSAL, "ForQuestionAnswering", "Model"),
    **made("opt", "OPT", OPT, "ForCausalLM", tag="_350m", do_layer_norm_before=False, word_embed_proj_dim=8),
    **made("vit", "ViT", VIT, "ForImageClassification", "Model"),
    **made("deit", "DeiT", VIT, "ForImageClassification", "ForImageClassificationWithTeacher", "Model"),
    **made("clip", "CLIP", CLIP, "Model"),
    **made("clip", "CLIP", CLIP | {"text_config": CLIP_TEXT | {"eos_token_id": 5}}, "Model", tag="_ended"),
    **made("vision-encoder-decoder", "VisionEncoderDecoder", {"encoder": SEES, "decoder": WRITES}, "Model"),
    **made("vision-encoder-decoder", "VisionEncoderDecoder", {"encoder": VIT | {"model_type": "deit"}, "decoder": WRITES}, "Model",
           tag="_deit"),
    **made("blip", "Blip", {"text_config": BLIP_TEXT, "vision_config": CLIP_SEEN}, "ForConditionalGeneration"),
    **made("whisper", "Whisper", WHISPER, "ForConditionalGeneration", "Model"),
    **made("detr", "Detr", DETR, "ForObjectDetection", "Model", backbone_config=RESNET),
    **made("detr", "Detr", DETR, "ForObjectDetection", tag="_basic", backbone_config=RESNET | {"layer_type": "basic"}),
    **made("yolos", "Yolos", YOLOS, "ForObjectDetection", "Model"),
    **made("yolos", "Yolos", YOLOS, "ForObjectDetection", tag="_small", use_mid_position_embeddings=False),
    **made("xglm", "XGLM", XGLM, "ForCausalLM", "Model"),
    **made("llama", "Llama", LLAMA, *READERS, "ForCausalLM"),
    **made("llama", "Llama", LLAMA | BIASED, "ForCausalLM", tag="_tied_biased", tie_word_embeddings=True, head_dim=6),
    **made("llama", "Llama", LLAMA, "ForCausalLM", tag="_linear", rope_parameters=LINEAR),
    **made("llama", "Llama", LLAMA, "ForCausalLM", tag="_llama3", rope_parameters=LLAMA3 | {"original_max_position_embeddings": 16}),
    **made("llama", "Llama", LLAMA, "ForCausalLM", tag="_yarn", rope_parameters=YARN, head_dim=16),
    **made("mistral", "Mistral", LLAMA, *CAUSAL, sliding_window=5),
    **made("mistral", "Mistral", LLAMA, "ForCausalLM", tag="_all", sliding_window=None),
    **made("qwen2", "Qwen2", LLAMA, *CAUSAL, "ForQuestionAnswering"),
    **made("qwen2", "Qwen2", LLAMA, "ForCausalLM", tag="_sliding", use_sliding_window=True, sliding_window=4, max_window_layers=1),
    **made("qwen3", "Qwen3", LLAMA, *CAUSAL, head_dim=6),
    **made("t5", "T5", T5, "ForConditionalGeneration", "EncoderModel", *READERS),
    **made("t5", "T5", T5, "ForConditionalGeneration", tag="_v1_1", feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    **made("bart", "Bart", BART, "ForConditionalGeneration", "ForSequenceClassification", "ForQuestionAnswering", "Model"),
    **made("bart", "Bart", BART, "ForConditionalGeneration", tag="_scaled", scale_embedding=True, activation_function="relu"),
    **made("marian", "Marian", BART, "MTModel", scale_embedding=True, activation_function="swish"),
    **made("marian", "Marian", BART, "MTModel", tag="_two", share_encoder_decoder_embeddings=False, decoder_vocab_size=37),
    **made("m2m_100", "M2M100", BART, "ForConditionalGeneration"),
}


def shaken(model: Any) -> Any:
    """Biases and norms must not hide at 0 and 1; fixed waves stay what they are."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:                         # fixed waves do not
                weight.add_(torch.randn_like(weight) * 0.15)
        for name, held in model.named_buffers():
            if "normalization." in name:                     # frozen norms: all of their numbers, and variances above 0
                held.add_(torch.rand_like(held) * 0.5)
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.normal_()
    return model.eval()


@dataclass(frozen=True)
class Pair:
    """One model twice: theirs, and ours made from the folder that theirs wrote."""

    made: Made
    theirs: Any
    ours: Network
    family: Family
    config: dict[str, Any]
    file: dict[str, Tensor]


@cache
def pair(name: str, folder: Path, louder: float = 1.0) -> Pair:
    """Save with transformers, open with limelight; `louder`: by how much matrices are made larger first, so that what is said next
    depends on what was said."""
    return twice(ALL[name], folder / name, louder)


def twice(one: Made, folder: Path, louder: float = 1.0) -> Pair:
    """The same for any that can be made."""
    theirs = one.build()
    for each, weight in theirs.named_parameters():
        if weight.ndim == 2 and "embed_positions" not in each:               # fixed waves are a parameter there
            weight.data.mul_(louder)
    theirs.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    file = load_file(folder / "model.safetensors")
    family = FAMILIES[config["model_type"]]
    return Pair(one, theirs, opened(family, config, file), family, config, file)


def opened(family: Family, config: dict[str, Any], file: dict[str, Tensor]) -> Network:
    """Every tensor of both sides is accounted for."""
    spec = family.spec(Config(config, tensors=file.keys()))
    model = Network(spec)
    ours = to_ours(family.names(spec), file, prefix=family.prefix)
    model.load_state_dict({name: tensor.contiguous() for name, tensor in ours.items()}, strict=True)
    return model.eval()


def published(name: str, at: Path, **settings: Any) -> Any:
    """A published folder: weights and config by transformers, a tokenizer beside them -> their model."""
    text, made = tiny.text(), ALL[name]
    torch.manual_seed(0)
    marks = {"pad_token_id": text.pad, "bos_token_id": text.start, "eos_token_id": text.end, "decoder_start_token_id": text.start}
    theirs = replace(made, keys=tuple((dict(made.keys) | marks | {"vocab_size": len(text)}).items())).build()
    theirs.generation_config = hf.GenerationConfig(**marks, **settings)
    theirs.save_pretrained(at)
    (at / "tokenizer.json").write_text(text.to_json())
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (at / "tokenizer_config.json").write_text(json.dumps(names))
    return theirs
