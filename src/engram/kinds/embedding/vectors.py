"""What an encoder answers: vectors of texts, and the questions of a part set against its gallery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.errors import UsageError
from engram.evaluate.predicted import Predicted
from engram.evaluate.vector_answers import VectorAnswers
from engram.kinds.embedding.examples import NONE, Examples, Pairs
from engram.kinds.embedding.load import Loaded
from engram.kinds.embedding.texts import Texts, read_as, tokenise
from engram.schema.options import Options
from engram.train.batches import order_for_scoring
from engram.train.classifying import gather

# Padded tokens of a batch. On a CPU what a layer makes of more no longer fits its caches.
TOKENS_CPU, TOKENS_GPU = 1024, 16_384

OnProgress = Callable[[int, int], None]


def embed(loaded: Loaded, texts: Texts, on_progress: OnProgress | None = None) -> NDArray[np.float32]:
    """Return the vector of each text in its given order, shape (texts, width), in fp32."""
    device = next(loaded.model.parameters()).device
    room = TOKENS_CPU if device.type == "cpu" else TOKENS_GPU

    def ask(rows: Sequence[int]) -> torch.Tensor:
        given = texts.padded(rows, loaded.tokenizer.pad_token_id)
        found: torch.Tensor = loaded.model(**{name: torch.from_numpy(one).to(device) for name, one in given.items()})
        return found

    total = len(texts.ids)
    report = (lambda done: on_progress(done, total)) if on_progress else None
    order = order_for_scoring([len(ids) for ids in texts.ids], room)
    return gather(loaded.model, order, ask, (total, None), report)


def predict(loaded: Loaded, examples: Examples, on_progress: OnProgress | None = None) -> Predicted:
    """Embed every text, and set every row against the gallery of its part.

    The gallery of rows with labels are the texts of the part, each passed over for itself; of pairs, their partners and
    hard negatives. The numbers that every export must repeat are those of the texts' vectors.
    """
    vectors = embed(loaded, examples.texts, on_progress)
    return Predicted(against_gallery(examples.pairs, vectors), vectors)


def against_gallery(pairs: Pairs, vectors: NDArray[np.float32]) -> VectorAnswers:
    """Return rows as questions to the gallery of their part; vectors: of its texts."""
    if pairs.labelled:
        right: dict[int, int] = dict(zip(pairs.anchors.tolist(), pairs.classes.tolist(), strict=True))
    else:
        right = dict.fromkeys(pairs.negatives[pairs.negatives != NONE].tolist(), NONE)
        right |= dict(zip(pairs.positives.tolist(), pairs.classes.tolist(), strict=True))
    place = {text: at for at, text in enumerate(right)}
    return VectorAnswers(
        queries=vectors[pairs.anchors],
        gallery=vectors[list(right)],
        truth=pairs.classes,
        gallery_truth=np.array(list(right.values()), dtype=np.int64),
        own=np.array([place.get(text, NONE) for text in pairs.anchors.tolist()], dtype=np.int64),
    )


def baselines(
    loaded: Loaded, train: Examples, test: Examples, on_progress: OnProgress | None = None
) -> dict[str, VectorAnswers]:
    """Answer the test rows with the untouched encoder.

    `loaded` must be untouched: its adapter, when it has one, is still the identity.
    """
    return {"untouched": predict(loaded, test, on_progress).answers}


def answer(loaded: Loaded, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer texts with their ``vector``, how many ``tokens`` were read, and the ``cuts`` at which it may end.

    Raises UsageError for what is no text, and where there are options for a text that is too long.
    """
    for one in inputs:
        if not isinstance(one, str) or not one.strip():
            raise UsageError("An input must be a text with at least one character.", remedy="Send texts.")
    if options is not None:
        _check_lengths(loaded, inputs, options)
    texts = tokenise(loaded.tokenizer, list(inputs), loaded.plan, loaded.max_length)
    cuts = sorted(loaded.contrast.dimensions)
    return [
        {"vector": [float(f"{number:.9g}") for number in vector], "tokens": len(ids), "cuts": cuts}
        for vector, ids in zip(embed(loaded, texts).tolist(), texts.ids, strict=True)
    ]


def _check_lengths(loaded: Loaded, inputs: Sequence[str], options: Sequence[Options]) -> None:
    """Refuse a text that is longer than may be read: a vector of a part of it would stand for the whole."""
    shown = [read_as(one, loaded.plan) for one in inputs]
    counts = [len(ids) for ids in loaded.tokenizer(shown, truncation=False, verbose=False)["input_ids"]]
    for count, one in zip(counts, options, strict=True):
        most = min(loaded.max_length, one.max_input_tokens or loaded.max_length)
        if count > most:
            raise UsageError(
                f"The input has {count} tokens; at most {most} are read here.", remedy="Shorten it; nothing was cut."
            )
