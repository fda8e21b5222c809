"""The contestants of R16, one a process: a classifier learns the same sounds, in batches of like or of any length.

Called as ``sounds.py NAME PLAN``, where PLAN is the JSON of a `Plan`. Only the training loop is timed. Before it, some
rows' losses are measured as a batch of this contestant has them, and after it the loss of other rows, in fp32.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from race import ROUND, report_result

LIKE, ANY = "like", "any"
RATE, LABELS = 16_000, ("low", "middle", "high")
PITCHES = (220.0, 440.0, 880.0)
SHORTEST, LONGEST = 0.4, 8.0  # seconds


@dataclass(frozen=True)
class Plan:
    """What both do: `rows` sounds of `median` seconds, their lengths spread log-normally, learned once in `batch`es."""

    rows: int
    valid_rows: int
    batch: int
    median: float
    spread: float
    rate: float
    width: int
    layers: int


def seconds_of(plan: Plan, count: int, seed: int) -> list[float]:
    """Return the lengths of so many sounds.

    >>> found = seconds_of(Plan(0, 0, 0, 1.5, 0.6, 0.0, 0, 0), 100, 1)
    >>> min(found) >= SHORTEST, max(found) <= LONGEST
    (True, True)
    """
    drawn = np.random.default_rng(seed).lognormal(np.log(plan.median), plan.spread, count)
    return [float(one) for one in np.clip(drawn, SHORTEST, LONGEST)]


def sound(seconds: float, label: int, seed: int) -> bytes:
    """Return a WAV file: a tone of the label's pitch in noise."""
    import soundfile

    random = np.random.default_rng(seed)
    at = np.arange(int(seconds * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * PITCHES[label] * (1 + random.uniform(-0.1, 0.1)) * at)
    file = io.BytesIO()
    soundfile.write(file, (tone + random.normal(0, 0.05, len(at))).astype(np.float32), RATE, format="WAV")
    return file.getvalue()


def examples(plan: Plan, count: int, seed: int) -> Any:
    """Return so many sounds as rows of the kind `audio`."""
    from engram.kinds.audio.examples import Examples, frames_of

    labels = np.random.default_rng(seed).integers(0, len(LABELS), count).tolist()
    lengths = seconds_of(plan, count, seed)
    files = [sound(*one) for one in zip(lengths, labels, range(1_000 * seed, 1_000 * seed + count), strict=True)]
    return Examples([lambda file=file: file for file in files], labels, [frames_of(one) for one in lengths])


def make_base(plan: Plan, folder: Path) -> None:
    """Write a wav2vec 2.0 of the kind that is told what is padding, with random weights."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=plan.width,
        num_hidden_layers=plan.layers,
        num_attention_heads=plan.width // 32,
        intermediate_size=4 * plan.width,
        conv_dim=(plan.width // 2,) * 7,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        apply_spec_augment=False,
        num_labels=len(LABELS),
        **dict.fromkeys(("hidden_dropout", "attention_dropout", "final_dropout", "layerdrop"), 0.0),
    )
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=RATE, return_attention_mask=True).save_pretrained(folder)


def train(name: str, plan: Plan, folder: Path) -> dict[str, Any]:
    """Train one contestant and return its figures, counts and losses."""
    import torch

    from engram.kinds.audio import classify as code
    from engram.schema.recipe import Adapter, Data, Model, Recipe, Train
    from engram.train.loop import fit
    from engram.train.training import Training

    torch.set_num_threads(1)
    make_base(plan, folder / "base")
    options = Train(
        learning_rate=plan.rate,
        num_train_epochs=1.0,
        per_device_train_batch_size=plan.batch,
        max_seq_length=int(50 * LONGEST),
        group_by_length=name == LIKE,
        precision="fp32",
        early_stopping_patience=0,
        seed=int(os.environ.get(ROUND, "0")),
    )
    data, adapter = Data(sources=()), Adapter(type="full")
    recipe = Recipe("race", "audio", "classify", Model(str(folder / "base")), data, adapter=adapter, train=options)
    loaded = code.load(recipe, LABELS)
    rows, valid = examples(plan, plan.rows, 1), examples(plan, plan.valid_rows, 2)
    counted = {"rows": 0, "frames": 0, "padded": 0}

    def collate(some: Sequence[int]) -> Any:
        lengths = [rows.lengths[row] for row in some]
        counted["rows"] += len(some)
        counted["frames"] += sum(lengths)
        counted["padded"] += len(some) * max(lengths)
        return code.collate(loaded, rows, some)

    training = Training(
        model=loaded.model,
        loss=code.loss,
        lengths=rows.lengths,
        collate=collate,
        valid_batches=lambda: [code.collate(loaded, valid, range(4))],
        options=options,
        folder=folder / "checkpoints",
    )
    probed = row_losses(loaded, code, rows, plan.batch, like=name == LIKE)
    began = time.process_time(), time.perf_counter()
    steps = fit(training).steps
    spent = time.process_time() - began[0], time.perf_counter() - began[1]
    after = _mean_loss(loaded, code, valid)
    return {"cpu_s": spent[0], "wall_s": spent[1], "steps": steps, "loss": after, "row_losses": probed, **counted}


def row_losses(loaded: Any, code: Any, rows: Any, batch: int, *, like: bool) -> list[float]:
    """Return what each of the first rows alone adds to its batch: the same ones, batched as this contestant does."""
    import torch

    count = min(4 * batch, len(rows.lengths))
    order = sorted(range(count), key=lambda row: rows.lengths[row]) if like else list(range(count))
    found = [0.0] * count
    loaded.model.eval()
    with torch.no_grad():
        for at in range(0, count, batch):
            some = order[at : at + batch]
            given = code.collate(loaded, rows, some)
            for place, row in enumerate(some):
                one = {**given, "targets": torch.full_like(given["targets"], -100)}
                one["targets"][place] = given["targets"][place]
                found[row] = float(code.loss(loaded.model, one)[0])
    return found


def _mean_loss(loaded: Any, code: Any, rows: Any) -> float:
    import torch

    loaded.model.eval()
    with torch.no_grad():
        parts = [code.loss(loaded.model, batch) for batch in code.scoring_batches(loaded, rows)]
    return float(sum(float(total) for total, _ in parts) / sum(count for _, count in parts))


def main(name: str, plan: Plan) -> None:
    """Do the work of one contestant and report it."""
    with tempfile.TemporaryDirectory() as folder:
        report_result(**train(name, plan, Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1], Plan(**json.loads(sys.argv[2])))
