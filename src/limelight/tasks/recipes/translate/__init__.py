"""Recipes of models that translate: word alignments, BLEU and chrF, and the card."""
