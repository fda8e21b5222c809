"""The task classify: the model, its loss and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForSequenceClassification

from engram.data.rows import Row
from engram.errors import UserError
from engram.evaluate.metric import Answers
from engram.evaluate.predicted import Predicted
from engram.evaluate.reference import probabilities
from engram.kinds.language.classify.examples import Examples, tokenise_rows
from engram.kinds.language.limits import check_lengths, token_counts
from engram.kinds.language.load import Loaded, build, quiet
from engram.kinds.language.padding import MASKED, collate, scoring_tokens
from engram.schema.options import Options
from engram.schema.recipe import Recipe
from engram.train.batches import order_for_scoring


def load(recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Loaded:
    """Build the classifier that a recipe trains; raises what `build` raises."""
    return build(recipe, labels, device, open_classifier, "SEQ_CLS")


def open_classifier(folder: Path, labels: Sequence[str], tokenizer: Any) -> Any:
    """Return a sequence classifier with `labels` in fp32, its head new where the folder holds none.

    Raises UserError when transformers knows no classifier for this architecture.
    """
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.problem_type = "single_label_classification"
    config.pad_token_id = tokenizer.pad_token_id  # what rows are padded with: a causal model pools the token before it
    try:
        with quiet():
            return AutoModelForSequenceClassification.from_pretrained(folder, config=config, dtype=torch.float32)
    except ValueError as error:
        raise UserError(
            f"{folder} holds a {config.model_type} model, which can't be made a text classifier.",
            remedy="Choose an encoder (BERT, MiniLM, …) or a causal model (Qwen2, Llama, GPT-2, …).",
        ) from error


def loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy over the rows that have a target, and their number."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    total = functional.cross_entropy(logits.float(), batch["targets"], ignore_index=MASKED, reduction="sum")
    return total, int((batch["targets"] != MASKED).sum())


def predict(loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None) -> Predicted:
    """Answer every row, in its given order; computed in fp32."""
    logits = score(loaded, examples, on_progress)
    chances = probabilities(logits)
    truth = np.asarray(examples.targets, dtype=np.int64)
    return Predicted(Answers(truth, chances.argmax(axis=1).astype(np.int64), chances, loaded.labels), logits)


def score(
    loaded: Loaded, examples: Examples, on_progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Return the logits of every row in its given order, shape (rows, labels), computed in fp32."""
    loaded.model.eval()
    logits = np.zeros((len(examples.ids), len(loaded.labels)), dtype=np.float32)
    done = 0
    with torch.inference_mode():
        for rows in order_for_scoring(examples.lengths, scoring_tokens(loaded)):
            batch = collate(loaded, examples, rows)
            out = loaded.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            logits[rows] = out.float().cpu().numpy()
            done += len(rows)
            if on_progress is not None:
                on_progress(done, len(examples.ids))
    return logits


def answer(loaded: Loaded, texts: Sequence[str], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer texts with their label and the probability of each label.

    Raises UsageError, where there are options, for a text that is too long.
    """
    if options is not None:
        check_lengths(token_counts(loaded.tokenizer, texts), options, loaded.max_length)
    rows = [Row(index, text, MASKED) for index, text in enumerate(texts)]
    logits = score(loaded, tokenise_rows(loaded.tokenizer, rows, loaded.max_length, len(loaded.labels)))
    answers = []
    for row in probabilities(logits):
        ranked = {loaded.labels[i]: round(float(row[i]), 6) for i in np.argsort(-row)}
        answers.append({"label": loaded.labels[int(row.argmax())], "probabilities": ranked})
    return answers
