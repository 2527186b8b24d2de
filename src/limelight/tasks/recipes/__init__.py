"""Recipes: from a recipe to a model folder with its aligner, scores and card, and the gold alignments that they are measured on."""
