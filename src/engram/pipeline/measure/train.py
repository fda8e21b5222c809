"""Stage train: the judge rebuilds the candidate and measures its validation loss itself.

The worker's own numbers are telemetry. What can be measured again is measured again, and a claim that doesn't fit what
the judge finds is refused, however good it looks.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from engram import files
from engram.data.cache import load_split
from engram.data.rows import read_part
from engram.errors import Refused, UserError
from engram.pipeline.context import Context
from engram.pipeline.protocol import TaskCode
from engram.pipeline.worker import candidate_weights
from engram.schema.report import Measure, Report

# Worker and judge compute the same loss on the same rows; bf16 on one side accounts for less than this.
CLAIM_TOLERANCE = 0.02


def train(context: Context) -> Report:
    """Measure the validation loss before and after training, and hold the worker's claims against it."""
    code = context.code()
    claim = files.read_json(context.folder.candidate)
    split_folder = context.folder.split_folder(context.home)
    split, _ = load_split(split_folder)
    loaded = code.load(context.recipe, split.labels)
    valid = code.prepare(loaded, read_part(split_folder, split.parts["valid"]))
    first = validation_loss(code, loaded, valid)
    load_candidate(context, loaded)
    tuned = validation_loss(code, loaded, valid)
    check_claim("first_valid_loss", claim["first_valid_loss"], first)
    check_claim("best_valid_loss", claim["best_valid_loss"], tuned)
    median, p99 = claim["grad_norm_median"], claim["grad_norm_p99"]
    finite = all(isinstance(norm, int | float) and math.isfinite(norm) for norm in (median, p99))
    measures = {
        "validation_loss": tuned,
        "validation_loss_first": first,
        "validation_loss_improved": float(math.isfinite(tuned) and tuned < first),
        "loss_finite": float(math.isfinite(tuned) and math.isfinite(first)),
        "grad_norm_finite": float(finite),
        "grad_norm_p99_over_median": spread(p99, median, context.recipe.train.max_grad_norm) if finite else math.nan,
        "trainable_tokens": float(claim["trainable_tokens"]),
    }
    return Report(
        run=context.spec.run,
        stage="train",
        n=split.parts["valid"].rows,
        split_digest=split.digest,
        metrics={name: Measure(value if math.isfinite(value) else None) for name, value in measures.items()},
        details={
            name: claim[name] for name in ("steps", "best_step", "stopped_early", "weights", "resume") if name in claim
        },
    )


def spread(p99: float, median: float, clip: float) -> float:
    """Return p99 over median of the gradient norms, the median taken as at least a tenth of the clipping norm.

    A training that converges ends with tiny norms, against which any harder batch looks large. Norms that clipping
    would not even touch are no instability, so they never give more than 10.

    >>> spread(3.0, 0.5, clip=1.0), spread(0.9, 0.001, clip=1.0), spread(30.0, 0.001, clip=1.0)
    (6.0, 9.0, 300.0)
    """
    return p99 / max(median, clip / 10.0, 1e-12)


def validation_loss(code: TaskCode, loaded: Any, valid: Any) -> float:
    """Return the mean loss over the validation rows in fp32; a kind without losses says what it makes small."""
    validate = getattr(code, "validate", None)
    if validate is not None:
        return float(validate(loaded, valid))
    total, count = 0.0, 0
    loaded.model.eval()
    with torch.inference_mode():
        for batch in code.scoring_batches(loaded, valid):
            one, targets = code.loss(loaded.model, batch)
            total, count = total + float(one), count + targets
    return total / count if count else math.nan


def load_candidate(context: Context, loaded: Any) -> None:
    """Put the candidate's weights into a freshly built model.

    Raises Refused when they are not the weights that the candidate names, or not of this run's model.
    """
    from safetensors.torch import load_file

    from engram.train.adapter import restore_weights

    path = candidate_weights(context.folder.path)
    claimed = files.read_json(context.folder.candidate)["weights"]
    if not path.is_file() or files.sha256_file(path) != claimed:
        raise Refused(
            f"The weights in {path.parent.name} are not the ones that the candidate names.",
            remedy="Train again: engram train with --resume repeats at most one checkpoint interval.",
        )
    try:
        restore_weights(loaded.model, load_file(path))
    except UserError as error:
        raise Refused(str(error), remedy="Nothing was published. Hand in the candidate of this run.") from error


def check_claim(name: str, claimed: Any, measured: float) -> None:
    """Refuse a worker whose number is not what the judge measures.

    >>> check_claim("best_valid_loss", 0.401, 0.400)
    >>> check_claim("best_valid_loss", 0.1, 0.4)
    Traceback (most recent call last):
    engram.errors.Refused: The worker reported best_valid_loss 0.1, the judge measured 0.4. \
A worker whose numbers don't hold is not believed; nothing was published.
    """
    value = float(claimed) if isinstance(claimed, int | float) else math.nan
    if not abs(value - measured) <= CLAIM_TOLERANCE * max(abs(measured), 0.1):
        raise Refused(
            f"The worker reported {name} {value:.4g}, the judge measured {measured:.4g}.",
            remedy="A worker whose numbers don't hold is not believed; nothing was published.",
        )
