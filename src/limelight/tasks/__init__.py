"""Tasks: what a model is for, in one line each, with one Result for all."""
