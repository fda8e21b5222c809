"""The task embed, under the names that the pipeline calls for every task."""

from engram.evaluate.vector_answers import VectorAnswers
from engram.kinds.embedding.examples import collate, examine, prepare, scoring_batches, vary
from engram.kinds.embedding.exports import export, reopen
from engram.kinds.embedding.load import load
from engram.kinds.embedding.loss import loss
from engram.kinds.embedding.source import find_base
from engram.kinds.embedding.vectors import answer, baselines, predict

ANSWERS = VectorAnswers

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
    "vary",
]
