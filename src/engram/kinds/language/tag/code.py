"""The task tag, under the names that the pipeline calls for every task."""

from engram.kinds.language.examine import examining
from engram.kinds.language.exports import export, reopen
from engram.kinds.language.load import tokenizer_of
from engram.kinds.language.padding import collate, scoring_batches
from engram.kinds.language.source import find_base
from engram.kinds.language.tag.answer import answer
from engram.kinds.language.tag.baselines import baselines
from engram.kinds.language.tag.examples import prepare, tokenise
from engram.kinds.language.tag.model import load, loss
from engram.kinds.language.tag.predict import ANSWERS, predict

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
