"""Texts and tiny models that the files here ask about."""

from __future__ import annotations

SENTENCE = "The animal didn't cross the street because it was too tired."
GRAMMAR = "the animal did not cross the street because it was too tired ."
MASKED = GRAMMAR.replace("street", "[MASK]")
WRITERS = ("gpt2-LMHeadModel", "llama-ForCausalLM", "mistral-ForCausalLM", "opt_350m-ForCausalLM", "t5-ForConditionalGeneration",
           "marian-MTModel")  # fmt: skip
READERS = ("bert-ForMaskedLM", "bert-Model", "distilbert-ForSequenceClassification", "bart-ForSequenceClassification",
           "bert-ForTokenClassification", "gpt2-ForSequenceClassification")  # fmt: skip
KINDS = (*WRITERS, *READERS)
