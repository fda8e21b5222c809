"""Examples: the rows that went best and worst, for people to read."""

from __future__ import annotations

from typing import Any

import numpy as np

from engram.evaluate import chrf
from engram.evaluate.text_answers import TextAnswers

SHOWN = 5
LONGEST = 200


def examples(answers: TextAnswers) -> dict[str, Any]:
    """Return ``{by, best, worst}``; each of the lists up to five ``{row, score, reference, guess}``, best first.

    by: what ranks them, ``chrf`` of the row where something was generated, else ``loss`` in nats per token. Equal rows
    stand in their own order; with fewer than ten rows none stands in both lists. reference is the first one; texts are
    cut to 200 characters, with … where something is missing. guess is None where nothing was generated.

    >>> examples(TextAnswers((("yes",), ("no",)), ("yes", "maybe")))["worst"]
    [{'row': 1, 'score': 0.0, 'reference': 'no', 'guess': 'maybe'}]
    """
    if answers.guesses is None:
        nll, tokens = answers.losses("loss")
        by, scores = "loss", nll / tokens
        order = np.argsort(scores, kind="stable").tolist()
    else:
        by, scores = "chrf", chrf.row_scores(answers)
        order = np.argsort(-scores, kind="stable").tolist()
    best = order[: min(SHOWN, (len(order) + 1) // 2)]
    worst = order[len(best) :][-SHOWN:]

    def shown(row: int) -> dict[str, Any]:
        guess = None if answers.guesses is None else _cut(answers.guesses[row])
        return {"row": row, "score": float(scores[row]), "reference": _cut(answers.references[row][0]), "guess": guess}

    return {"by": by, "best": [shown(row) for row in best], "worst": [shown(row) for row in worst]}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
