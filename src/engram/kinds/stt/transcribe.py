"""The task transcribe, under the names that the pipeline calls for every task."""

from engram.evaluate.text_answers import TextAnswers
from engram.kinds.stt.answering import answer, predict
from engram.kinds.stt.baselines import baselines
from engram.kinds.stt.examples import collate, examine, prepare, scoring_batches, vary
from engram.kinds.stt.exports import export, reopen
from engram.kinds.stt.load import load
from engram.kinds.stt.model import loss
from engram.kinds.stt.source import find_base

ANSWERS = TextAnswers

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
