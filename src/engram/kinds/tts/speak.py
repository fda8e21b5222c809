"""The task speak, under the names that the pipeline calls for every task."""

from engram.evaluate.spoken_answers import SpokenAnswers
from engram.kinds.tts.baselines import baselines
from engram.kinds.tts.examples import collate, examine, prepare, scoring_batches
from engram.kinds.tts.exports import export, reopen
from engram.kinds.tts.load import load
from engram.kinds.tts.model import answer, loss, predict
from engram.kinds.tts.source import find_base

ANSWERS = SpokenAnswers

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
