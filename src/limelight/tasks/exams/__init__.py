"""Exams: how good a model is at what it was not made for, measured on data that a user names, with intervals and baselines."""

from __future__ import annotations

from importlib import import_module

from ...errors import RecipeError, did_you_mean
from .exam import Asking, Exam, Report

__all__ = ["EXAMS", "Asking", "Exam", "Report", "exam_of"]

# task -> class in TASK.py, loaded when it is asked for
EXAMS = {"align": "Aligning", "sense": "Sensing", "resolve": "Resolving"}


def exam_of(task: str) -> Exam:
    """The exam of a task. Raises RecipeError for one that has none."""
    if task not in EXAMS:
        raise RecipeError(f'no exam for the task "{task[:60]}".', did_you_mean(task, EXAMS))
    return getattr(import_module(f"{__name__}.{task}"), EXAMS[task])()
