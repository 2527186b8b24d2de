"""answer: a question and a text -> the words of the text that answer it."""

from .answered import Answered, Passage
from .questions import Question
from .task import Answer, AnswerOptions

__all__ = ["Answer", "AnswerOptions", "Answered", "Passage", "Question"]
