"""verify: a published folder beside transformers."""
