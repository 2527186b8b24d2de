"""Recipes of models that find objects in pictures: average precision, and the card."""
