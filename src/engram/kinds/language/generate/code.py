"""The task generate, under the names that the pipeline calls for every task."""

from engram.evaluate.text_answers import TextAnswers
from engram.kinds.language.examine import examining
from engram.kinds.language.exports import export
from engram.kinds.language.generate.baselines import baselines
from engram.kinds.language.generate.batches import collate, scoring_batches
from engram.kinds.language.generate.examples import prepare, tokenizer_of
from engram.kinds.language.generate.examples import tokenise_rows as tokenise
from engram.kinds.language.generate.model import answer, load, reopen
from engram.kinds.language.generate.rendered import render
from engram.kinds.language.generate.scoring import predict
from engram.kinds.language.source import find_base
from engram.train.token_loss import token_loss as loss

ANSWERS = TextAnswers
examine = examining(tokenise, tokenizer_of)

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
    "render",
    "reopen",
    "scoring_batches",
    "tokenise",
    "tokenizer_of",
]
