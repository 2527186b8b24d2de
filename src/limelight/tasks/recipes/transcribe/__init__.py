"""Scores of models that hear: word and character error rates, and how true the times of words are."""
