"""translate: text in one language -> text in another, with every word's attention."""

from .task import Translate, TranslateOptions

__all__ = ["Translate", "TranslateOptions"]
