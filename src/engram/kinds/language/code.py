"""The language kind's functions, under the names that the pipeline calls for every kind."""

from engram.kinds.language.baselines import baselines
from engram.kinds.language.classify import answer, collate, loss, predict, probabilities, scoring_batches
from engram.kinds.language.examples import prepare, tokenise
from engram.kinds.language.exports import export, reopen
from engram.kinds.language.load import load, tokenizer_of
from engram.kinds.language.source import find_base

__all__ = [
    "answer",
    "baselines",
    "collate",
    "export",
    "find_base",
    "load",
    "loss",
    "predict",
    "prepare",
    "probabilities",
    "reopen",
    "scoring_batches",
    "tokenise",
    "tokenizer_of",
]
