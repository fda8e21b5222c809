"""A few test pictures with their true and found boxes, small enough to stand in a report."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from engram.data.picture import decode
from engram.evaluate.box_answers import BoxAnswers
from engram.kinds.vision.detect.model import SHOWN_FROM
from engram.kinds.vision.examples import Examples
from engram.kinds.vision.load import Loaded

SHOWN = 6
LONGEST = 240  # pixels of the longer side
QUALITY = 85
MOST_BOXES = 40  # of each kind on one picture


def show(loaded: Loaded, examples: Examples, answers: BoxAnswers) -> dict[str, Any]:
    """Return ``pictures``: of the first rows ``row``, ``image`` (a ``data:`` URL of a JPEG), ``width``, ``height``.

    And ``truth`` and ``found``: boxes with label and place in the pixels of the small picture, the found ones with a
    score, from the one that answers show.
    """
    return {"pictures": [_picture(loaded, examples, answers, row) for row in range(min(SHOWN, answers.rows))]}


def _picture(loaded: Loaded, examples: Examples, answers: BoxAnswers, row: int) -> dict[str, Any]:
    image = decode(examples.reads[row]())
    factor = min(1.0, LONGEST / max(image.size))
    small = image.resize(
        (max(1, round(image.width * factor)), max(1, round(image.height * factor))), Image.Resampling.BOX
    )
    out = io.BytesIO()
    small.save(out, format="JPEG", quality=QUALITY)
    true = range(*answers.truth_offsets[row : row + 2].tolist())
    said = [at for at in range(*answers.guess_offsets[row : row + 2].tolist()) if answers.scores[at] >= SHOWN_FROM]
    found = [_box(loaded, answers.guess[at], answers.guess_boxes[at], factor) for at in said]
    return {
        "row": row,
        "image": "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode(),
        "width": small.width,
        "height": small.height,
        "truth": [_box(loaded, answers.truth[at], answers.truth_boxes[at], factor) for at in true][:MOST_BOXES],
        "found": [{**one, "score": round(float(answers.scores[at]), 3)} for one, at in zip(found, said, strict=True)][
            :MOST_BOXES
        ],
    }


def _box(loaded: Loaded, place: Any, box: Any, factor: float) -> dict[str, Any]:
    return {"label": loaded.labels[int(place)], "box": [round(float(number) * factor, 1) for number in box]}
