"""The task classify, under the names that the pipeline calls for every task."""

from engram.evaluate.metric import Answers
from engram.kinds.language.classify.examples import prepare, tokenise
from engram.kinds.language.classify.model import answer, baselines, load, loss, predict
from engram.kinds.language.examine import examining
from engram.kinds.language.exports import export, reopen
from engram.kinds.language.load import tokenizer_of
from engram.kinds.language.padding import collate, scoring_batches
from engram.kinds.language.source import find_base

ANSWERS = Answers
examine = examining(tokenise)

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
    "tokenise",
    "tokenizer_of",
]
