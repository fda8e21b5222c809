"""The task classify: the model, its loss and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from engram.data.rows import Row
from engram.errors import UserError
from engram.kinds.language.classify.examples import Examples, tokenise_rows
from engram.kinds.language.classify.features import features
from engram.kinds.language.limits import check_lengths, token_counts
from engram.kinds.language.load import Loaded, build, quiet
from engram.kinds.language.padding import MASKED, collate, scoring_tokens
from engram.schema.options import Options
from engram.schema.recipe import Recipe
from engram.train.batches import order_for_scoring
from engram.train.classifying import Classifier, ranked


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


def logits(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return what a model makes of a batch: (rows, labels)."""
    found: torch.Tensor = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return found


def scoring_order(loaded: Loaded, examples: Examples) -> list[list[int]]:
    """Return the rows of each batch of evaluation."""
    return order_for_scoring(examples.lengths, scoring_tokens(loaded))


CLASSIFIER = Classifier(scoring_order, collate, logits, features)
loss, predict, score = CLASSIFIER.loss, CLASSIFIER.predict, CLASSIFIER.score
baselines = CLASSIFIER.baselines


def answer(loaded: Loaded, texts: Sequence[str], options: Sequence[Options] | None = None) -> list[dict[str, Any]]:
    """Answer texts with their label and the probability of each label.

    Raises UsageError, where there are options, for a text that is too long.
    """
    if options is not None:
        check_lengths(token_counts(loaded.tokenizer, texts), options, loaded.max_length)
    rows = [Row(index, text, MASKED) for index, text in enumerate(texts)]
    examples = tokenise_rows(loaded.tokenizer, rows, loaded.max_length, len(loaded.labels))
    return ranked(score(loaded, examples), loaded.labels)
