"""The task act, under the names that the pipeline calls for every task."""

from engram.evaluate.episode_answers import EpisodeAnswers
from engram.kinds.rl.answer import answer
from engram.kinds.rl.environment import begin, examine, find_base
from engram.kinds.rl.exports import export, reopen
from engram.kinds.rl.fit import fit
from engram.kinds.rl.load import load, prepare
from engram.kinds.rl.measure import baselines, predict, validate
from engram.kinds.rl.show import show

ANSWERS = EpisodeAnswers

__all__ = [
    "ANSWERS",
    "answer",
    "baselines",
    "begin",
    "examine",
    "export",
    "find_base",
    "fit",
    "load",
    "predict",
    "prepare",
    "reopen",
    "show",
    "validate",
]
