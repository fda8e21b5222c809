"""The task classify, under the names that the pipeline calls for every task."""

from engram.evaluate.answers import Answers
from engram.kinds.audio.examples import collate, examine, prepare, scoring_batches, vary
from engram.kinds.audio.exports import export, reopen
from engram.kinds.audio.load import load
from engram.kinds.audio.model import answer, baselines, loss, predict
from engram.kinds.audio.source import find_base

ANSWERS = Answers

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
