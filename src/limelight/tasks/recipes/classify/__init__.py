"""Recipes of models that tell classes of texts apart: accuracy, calibration, and the card."""
