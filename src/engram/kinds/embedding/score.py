"""The task score, under the names that the pipeline calls for every task."""

from engram.evaluate.score_answers import ScoreAnswers
from engram.kinds.embedding.exports import export, reopen
from engram.kinds.embedding.load import load
from engram.kinds.embedding.scored import baselines, collate, examine, loss, predict, prepare, scoring_batches
from engram.kinds.embedding.source import find_base
from engram.kinds.embedding.vectors import answer

ANSWERS = ScoreAnswers

__all__ = [
    "ANSWERS",
    "answer",
    "baselines",
    "collate",
    "examine",
    "export",
    "find_base",
    "load",
    "loss",
    "predict",
    "prepare",
    "reopen",
    "scoring_batches",
]
