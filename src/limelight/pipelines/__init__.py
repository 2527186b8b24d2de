"""pipeline: the jobs by the names, arguments and answers that they had in transformers 4, for code that was written for them.

    from limelight import pipeline
    classifier = pipeline("sentiment-analysis", model="./distilbert-sst2")
    classifier("We are very happy.")                                  # [{"label": "POSITIVE", "score": 0.9998}]

It is a thin coat: each job is a task (limelight.task), and what a task cannot do is refused in one line rather than left out.
"""

from __future__ import annotations

from .kinds import KINDS
from .opening import pipeline, set_seed
from .piped import Pipeline

__all__ = ["KINDS", "Pipeline", "pipeline", "set_seed"]
