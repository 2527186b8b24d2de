"""Recipes of models that reply to a customer."""
