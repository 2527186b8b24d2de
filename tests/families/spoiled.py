"""Spoiled folders and what is said of each: what a broken download gives, and what somebody may mean to do."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from spoiling import (
    BIN,
    INDEX,
    WEIGHTS,
    Code,
    Spoil,
    added,
    both,
    circle,
    claim,
    claims_more,
    config,
    cut,
    empties,
    first_as,
    gone,
    header,
    index,
    instead,
    leads,
    lost,
    marked,
    only,
    outside,
    pattern,
    pieces,
    rezipped,
    same_twice,
    saved,
    short,
    sparse,
    tensors,
    tokenizer,
    told,
    write,
    zeros,
)
from torch import Tensor


@dataclass(frozen=True)
class Bad:
    """How a folder is spoiled, which words its refusal has, which kind of folder it was, and a text that is to be cut once it is open."""

    spoil: Spoil
    said: str
    of: str = "bert-ForMaskedLM"
    text: str = ""


LLAMA, NEO, GPT2 = "llama-ForCausalLM", "gpt_neo-ForCausalLM", "gpt2-LMHeadModel"
MARIAN, T5 = "marian-MTModel", "t5-ForConditionalGeneration"
SETTINGS = "generation_config.json"
NO_WEIGHTS = both(gone(WEIGHTS), gone(INDEX))
TAR = b"storages".ljust(257, b"\0") + b"ustar\x0000" + bytes(8000)
CHARSMAP = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
DEEP = "[" * 100_000 + "]" * 100_000
WORDS = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

BAD: dict[str, Bad] = {
    # a broken or a lying header
    "cut_in_the_header": Bad(cut(WEIGHTS, 0.001), "no whole safetensors file"),
    "cut_in_the_numbers": Bad(cut(WEIGHTS, 0.7), "cannot be read"),
    "empty_file": Bad(write(WEIGHTS, b""), "no whole safetensors file: 0 bytes"),
    "overlapping": Bad(header({"a": claim([4], [0, 16]), "b": claim([2], [8, 16])}), "cannot be read"),
    "hole": Bad(header({"a": claim([2], [8, 16])}), "cannot be read"),
    "beyond_the_end": Bad(header({"a": claim([100], [0, 400])}), "cannot be read"),
    "negative_size": Bad(header({"a": claim([-4], [0, 16])}), "cannot be read"),
    "overflowing_size": Bad(header({"a": claim([2**62, 4], [0, 16])}), "cannot be read"),
    "overflowing_to_nought": Bad(header({"a": claim([2**32, 2**32], [0, 0])}, b""), "cannot be read"),
    "unknown_kind": Bad(header({"a": claim([4], [0, 16], "F33")}), "cannot be read"),
    "six_bits": Bad(header({"a": claim([4], [0, 3], "F6_E2M3")}, b"\0" * 3), "cannot be read"),
    "named_twice": Bad(header(b'{"a":%s,"a":%s}' % ((json.dumps(claim([4], [0, 16])).encode(),) * 2)), "names a tensor twice"),
    "header_of_2_63": Bad(header({}, length=2**63), "header of 9,223,372,036,854,775,808"),
    "header_of_a_terabyte": Bad(sparse(WEIGHTS, 2**41, struct.pack("<Q", 2**40)), "header of 1,099,511,627,776"),
    "deep_header": Bad(header(b'{"a":' + DEEP.encode() + b"}"), "100,001 parts"),
    "header_of_brackets": Bad(header(b'{"a":[' + b"[]," * 2_600_000 + b"[]]}"), "2,600,003 parts"),
    "many_empty_tensors": Bad(header(empties(200_000), b""), "header of 11,488,891"),
    "as_many_as_are_believed": Bad(header(empties(19_000), b""), "holds 1,000 or more tensors that its kind of model does not have"),
    "whole_numbers": Bad(tensors(first_as(Tensor.int)), "of another kind"),
    "other_shape": Bad(tensors(first_as(lambda t: t[:-1].clone())), "of another shape"),
    "one_missing": Bad(tensors(lambda found: dict([*found.items()][1:])), "1 missing"),
    "one_more": Bad(tensors(lambda found: found | {"x": torch.ones(1)}), "holds 1 tensors that its kind of model does not have: x"),
    "no_weights": Bad(NO_WEIGHTS, "holds no weights"),
    "weights_are_a_folder": Bad(instead(WEIGHTS, Path.mkdir), "is not there"),
    "weights_are_a_pipe": Bad(instead(WEIGHTS, os.mkfifo), "is not there"),
    "weights_are_elsewhere": Bad(outside(WEIGHTS), "a link that leaves the folder"),
    # several files
    "missing_shard": Bad(index(lost), "model-2.safetensors is not there"),
    "short_shard": Bad(index(short), "lacks 1 tensors"),
    "shard_above": Bad(index(leads("inner/../../model-1.safetensors")), "names a file outside itself"),
    "shard_anywhere": Bad(index(leads("/etc/passwd")), "names a file outside itself"),
    "shard_here": Bad(index(leads(".")), "names a file outside itself"),
    "shard_with_a_null": Bad(index(leads("model-1\0.safetensors")), "is not there"),
    "shard_of_another_kind": Bad(index(leads("config.json")), "cannot be read|holds more than tensors"),
    "shard_in_a_circle": Bad(index(circle), "is not there"),
    "in_two_shards": Bad(index(same_twice), "is in two files"),
    "no_map": Bad(both(NO_WEIGHTS, write(INDEX, '{"weight_map": [1, 2]}')), "has no weight_map"),
    "map_to_numbers": Bad(index(lambda _, names: dict.fromkeys(names, 5)), "has no weight_map"),
    "deep_index": Bad(both(NO_WEIGHTS, write(INDEX, "{" * 50_000)), "cannot be read"),
    "huge_index": Bad(both(NO_WEIGHTS, sparse(INDEX, 2**40)), "has 1,099,511,627,776 bytes"),
    "index_of_a_million": Bad(both(NO_WEIGHTS, write(INDEX, json.dumps({"weight_map": dict.fromkeys(range(400_000), "")}))), "holds 400,0"),
    "many_shards": Bad(index(lambda *_: {str(i): f"{i}.safetensors" for i in range(2_000)}), "names 2,000 files"),
    # torch's own format
    "code": Bad(saved(lambda found: found | {"x": Code(os.system, "touch ran")}), "holds more than tensors, and is not opened"),
    "code_old": Bad(saved(lambda found: found | {"x": Code(os.system, "touch ran")}, zipped=False), "holds more than tensors"),
    "code_by_another_name": Bad(saved(lambda found: found | {"x": Code(eval, "open('ran', 'w')")}), "holds more than tensors"),
    "cut_bin": Bad(both(saved(dict), cut(BIN, 0.5)), "cannot be read"),
    "cut_bin_old": Bad(both(saved(dict, zipped=False), cut(BIN, 0.5)), "cannot be read|claims"),
    "bin_of_nothing": Bad(both(saved(dict), write(BIN, b"")), "cannot be read|holds more"),
    "bin_of_noise": Bad(both(saved(dict), write(BIN, bytes(range(256)) * 40)), "cannot be read|holds more"),
    "bin_of_a_tar": Bad(both(saved(dict), write(BIN, TAR)), "cannot be read|holds more"),
    "packed_zip": Bad(rezipped(lambda _, data: data), "its parts are packed"),
    "zip_bomb": Bad(rezipped(zeros), "its parts are packed"),
    "zip_of_another_hand": Bad(rezipped(lambda _, data: data + b"x" * 9, zipfile.ZIP_STORED), "cannot be read|holds more"),
    "zip_that_claims": Bad(claims_more, "claims to hold 3,22"),
    "zip_of_many_parts": Bad(both(saved(dict), write(BIN, b"PK\x03\x04" + b"PK\x05\x06".ljust(22, b"\xff"))), "cannot be read"),
    "wide_numbers": Bad(saved(lambda _: {"a": torch.ones(1).expand(2**40)}), "claims 1,099,511,627,776 numbers and holds fewer"),
    "numbers_nowhere": Bad(saved(lambda _: {"a": torch.empty(2**40, device="meta")}), "claims 1,099,511,627,776 numbers"),
    "sparse_numbers": Bad(saved(lambda _: {"a": torch.eye(3).to_sparse()}), "claims 9 numbers and holds fewer"),
    "endless_bytes": Bad(saved(lambda _: {"a": Code(bytearray, 2**50)}), "cannot be read|no table"),
    "a_training": Bad(saved(lambda found: {"model": found, "step": 3}), "is no table of names and tensors"),
    "a_list": Bad(saved(lambda found: [*found.values()]), "is no table of names and tensors"),
    "bin_elsewhere": Bad(both(saved(dict), outside(BIN)), "a link that leaves the folder"),
    # config.json
    "unknown_family": Bad(config(model_type="bertt"), 'model_type \'bertt\' is not known here.   Did you mean "bert".*Known: .*gpt2'),
    "no_family": Bad(config(model_type=None), "model_type 'None' is not known here.   Known: "),
    "family_is_a_list": Bad(config(model_type=["bert"]), "is not known here"),
    "family_is_long": Bad(config(model_type="bert" * 100_000), "is not known here"),
    "other_size": Bad(config(hidden_size=32), "does not fit its spec"),
    "huge_size": Bad(config(hidden_size=2**40, num_attention_heads=1), "does not fit its spec|cannot be built"),
    "huge_product": Bad(config(hidden_size=2**31, intermediate_size=2**33, num_attention_heads=1), "does not fit its spec|cannot be built"),
    "huge_vocabulary": Bad(config(vocab_size=2**62), "does not fit its spec|cannot be built"),
    "huge_length": Bad(config(max_position_embeddings=2**40), "positions"),
    "odd_size": Bad(config(hidden_size=10**12 + 1), "heads must divide dim"),
    "many_layers": Bad(config(num_hidden_layers=10**9), "asks for 1,000,000,000 layers"),
    "many_heads": Bad(config(num_attention_heads=10**12), "heads must divide dim"),
    "uneven_heads": Bad(config(num_attention_heads=5), r"config\.json: heads must divide dim"),
    "uneven_groups": Bad(config(num_attention_heads=10**12 + 1, num_key_value_heads=10**6, head_dim=2), "kv_heads must divide", LLAMA),
    "odd_heads": Bad(config(head_dim=5), "an odd number", LLAMA),
    "many_windows": Bad(config(num_hidden_layers=10**12), "asks for 1,000,000,000,000 layers", "mistral-ForCausalLM"),
    "many_kinds": Bad(config(num_hidden_layers=10**12), "asks for 1,000,000,000,000 layers", "qwen2_sliding-ForCausalLM"),
    "many_types": Bad(config(attention_types=[[["local"] * 1000, 10**9]]), "for at most 10,000 layers", NEO),
    "types_that_cancel": Bad(
        config(attention_types=[[["local"], 10**12], [["local"], -(10**12)]]), "for at most 10,000 layers", NEO
    ),
    "types_of_tables": Bad(config(attention_types=[[[{"a": 1}], 3]]), "of global and local", NEO),
    "many_labels": Bad(config(num_labels=10**12, id2label=None), "num_labels should be at most 100,000", "bert-ForSequenceClassification"),
    "labels_of_one_number": Bad(config(id2label={"0": "a", "00": "b"}), "the numbers from 0 on", "bert-ForSequenceClassification"),
    "long_factors": Bad(
        config(rope_parameters={"rope_type": "longrope", "short_factor": [1.0] * 9000, "long_factor": [1.0] * 9000}),
        "9000 divisors; a head has 2 pairs", LLAMA,
    ),
    "a_word": Bad(config(hidden_size="many"), "hidden_size should be a whole number"),
    "a_long_word": Bad(config(hidden_size="many" * 100_000), "hidden_size should be a whole number"),
    "a_fraction": Bad(config(num_hidden_layers=2.0), "num_hidden_layers should be a whole number"),
    "yes": Bad(config(num_hidden_layers=True), "num_hidden_layers should be a whole number"),
    "no_number": Bad(told("layer_norm_eps", "NaN"), "layer_norm_eps should be a number"),
    "infinity": Bad(told("layer_norm_eps", "Infinity"), "layer_norm_eps should be a number"),
    "minus_infinity": Bad(told("hidden_dropout_prob", "-Infinity"), "hidden_dropout_prob should be a number"),
    "400_digits": Bad(told("layer_norm_eps", "9" * 400), "layer_norm_eps should be a number"),
    "5000_digits": Bad(told("hidden_size", "9" * 5000), "is not JSON"),
    "bend": Bad(config(hidden_act="os.system"), "no activation 'os.system' here"),
    "bends": Bad(config(hidden_act=["gelu"] * 5), "no activation"),
    "long_bend": Bad(config(hidden_act="gelu" * 100_000), "no activation"),
    "head": Bad(config(architectures=["BertForMultipleChoice"]), "no head for 'BertForMultipleChoice' here.   What opens"),
    "heads_of_numbers": Bad(config(architectures=[5]), "architectures should be a list of words"),
    "deep_config": Bad(write("config.json", f'{{"a": {DEEP}}}'), "is not JSON|holds 100,001 values"),
    "wide_config": Bad(write("config.json", '{"a": [' + "[]," * 1_300_000 + "[]]}"), "holds 2,600,003 values"),
    "huge_config": Bad(sparse("config.json", 2**40), "has 1,099,511,627,776 bytes"),
    "config_of_a_list": Bad(write("config.json", "[]"), "holds no table"),
    "config_of_nothing": Bad(write("config.json", ""), "is not JSON"),
    "config_of_noise": Bad(write("config.json", b"\xff\xfe\x00"), "is not UTF-8"),
    "config_is_a_folder": Bad(instead("config.json", Path.mkdir), "is not there"),
    "config_is_a_pipe": Bad(instead("config.json", os.mkfifo), "is not there"),
    "config_is_elsewhere": Bad(outside("config.json"), "a link that leaves the folder"),
    "config_in_a_circle": Bad(instead("config.json", lambda path: path.symlink_to("config.json")), "is not there"),
    # generation_config.json
    "settings_beyond": Bad(config(SETTINGS, decoder_start_token_id=10**9), "the start token is 1,000,000,000", MARIAN),
    "ends_beyond": Bad(config(SETTINGS, eos_token_id=[2, 10**18]), "the end token is", MARIAN),
    "settings_below": Bad(config(SETTINGS, eos_token_id=-5), "eos_token_id should be token ids", MARIAN),
    "many_beams": Bad(config(SETTINGS, num_beams=10**9), "num_beams is 1,000,000,000", MARIAN),
    "bad_penalty": Bad(config(SETTINGS, repetition_penalty=-1.0), "repetition_penalty", MARIAN),
    "settings_are_a_pipe": Bad(instead("generation_config.json", os.mkfifo), "is not there", MARIAN),
    # the tokenizer
    "no_tokenizer": Bad(only(), "holds no tokenizer"),
    "tokenizer_of_noise": Bad(write("tokenizer.json", b"\x00\xff" * 99), "is not UTF-8"),
    "tokenizer_of_nothing": Bad(write("tokenizer.json", "{}"), "is not a tokenizer"),
    "deep_tokenizer": Bad(write("tokenizer.json", DEEP), "is not a tokenizer"),
    "wide_tokenizer": Bad(write("tokenizer.json", '{"a": [' + "[]," * 10**7 + "[]]}"), "30,000,011 bytes; for 400 tokens at most 1,2"),
    "less_wide_tokenizer": Bad(write("tokenizer.json", '{"model": [' + "[]," * 400_000 + "[]]}"), "is not a tokenizer"),
    "huge_tokenizer": Bad(sparse("tokenizer.json", 2**40), "has 1,099,511,627,776 bytes"),
    "tokenizer_is_elsewhere": Bad(outside("tokenizer.json"), "a link that leaves the folder"),
    "tokenizer_is_a_pipe": Bad(instead("tokenizer.json", os.mkfifo), "is not there"),
    "invalid_pattern": Bad(pattern("(?P<"), "is not a tokenizer"),
    "pattern_of_nothing": Bad(pattern("[[:alpha:"), "is not a tokenizer"),
    "runaway_pattern": Bad(pattern("(a+)+$|(?:a|aa)+\\1b"), "cannot cut these texts", text="a" * 60 + "!"),
    "piece_beyond": Bad(tokenizer(lambda t: t["model"]["vocab"].update(beyond=5000)), "goes up to token 5,000, the model has 400"),
    "piece_below": Bad(tokenizer(lambda t: t["model"]["vocab"].update(below=-1)), "is not a tokenizer"),
    "piece_at_2_40": Bad(tokenizer(lambda t: t["model"]["vocab"].update(beyond=2**40)), "is not a tokenizer"),
    "added_beyond": Bad(tokenizer(lambda t: t["added_tokens"].append(added(2**31, special=False))), "goes up to token|is not a tokenizer"),
    "added_at_2_40": Bad(tokenizer(lambda t: t["added_tokens"].append(added(2**40, special=True))), "is not a tokenizer"),
    "mark_beyond": Bad(tokenizer(marked(10**9)), "goes up to token 1,000,000,000"),
    "merges_of_nothing": Bad(tokenizer(lambda t: t["model"]["merges"].append(["zz", "qq"])), "is not a tokenizer"),
    "broken_charsmap": Bad(tokenizer(lambda t: t.update(normalizer=CHARSMAP)), "is not a tokenizer"),
    "names_of_lists": Bad(both(only(vocab__txt=WORDS), config("tokenizer_config.json", strip_accents=[1])), "cannot be built"),
    "pieces_of_lists": Bad(only(source__spm=pieces, target__spm=pieces, vocab__json='{"<unk>": []}'), "cannot be built", MARIAN),
    "no_words": Bad(only(vocab__txt=""), r"the vocabulary has no \[CLS\]"),
    "words_of_noise": Bad(only(vocab__txt=b"\xff\xfe"), "is not UTF-8"),
    "too_many_words": Bad(only(vocab__txt=WORDS + "\n".join(map(str, range(500)))), "goes up to token 504, the model has 400"),
    "merges_of_unknown": Bad(only(vocab__json='{"a": 0, "b": 1}', merges__txt="x y\n"), "do not fit", GPT2),
    "merges_of_three": Bad(only(vocab__json='{"a": 0, "b": 1}', merges__txt="a b c\n"), "are no pieces and merges", GPT2),
    "pieces_of_words": Bad(only(vocab__json='{"a": "b"}', merges__txt=""), "are no pieces and merges", GPT2),
    "pieces_below": Bad(only(vocab__json='{"a": -1}', merges__txt=""), "do not fit", GPT2),
    "pieces_beyond": Bad(only(vocab__json='{"a": 4000000000}', merges__txt=""), "goes up to token 4,000,000,000", GPT2),
    "spm_of_nothing": Bad(only(source__spm=b"", target__spm=b""), "cannot be read", MARIAN),
    "spm_of_noise": Bad(only(source__spm=bytes(range(256)) * 20, target__spm=b"x"), "cannot be read", MARIAN),
    "no_target_spm": Bad(only(source__spm=b"x"), "target.spm is not there", MARIAN),
    "huge_spm": Bad(both(only(spiece__model=b""), sparse("spiece.model", 2**40)), "has 1,099,511,627,776 bytes", T5),
}  # fmt: skip
