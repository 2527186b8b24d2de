"""Captioners: from pictures with texts to a model that says what is on a picture, its scores and its card."""
