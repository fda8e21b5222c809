"""What each built-in metric scores, so that a recipe is checked before anything heavy is imported."""

from __future__ import annotations

from typing import Literal

Noun = Literal["classes", "spans", "texts", "boxes", "vectors", "episodes", "speech", "scores"]

TAKES: dict[str, Noun] = {
    "accuracy": "classes",
    "bleu": "texts",
    "brier": "classes",
    "cer": "texts",
    "chrf": "texts",
    "confusion_matrix": "classes",
    "cosine_sim": "vectors",
    "ece": "classes",
    "episode_length": "episodes",
    "exact_match": "texts",
    "judge_wer": "speech",
    "loss": "texts",
    "macro_f1": "classes",
    "map": "boxes",
    "map50": "boxes",
    "mcd": "speech",
    "mos_proxy": "speech",
    "mrr": "vectors",
    "pearson": "scores",
    "per_class_ap": "boxes",
    "per_class_f1": "classes",
    "per_type_f1": "spans",
    "perplexity": "texts",
    "qa_f1": "texts",
    "recall_at_k": "vectors",
    "reward": "episodes",
    "rouge_l": "texts",
    "span_f1": "spans",
    "span_precision": "spans",
    "span_recall": "spans",
    "spearman": "scores",
    "success_rate": "episodes",
    "tag_confusion": "spans",
    "token_accuracy": "spans",
    "wer": "texts",
    "weighted_f1": "classes",
}


def misfit(metric: str, primary: str) -> str:
    """Return why a metric can't score a task that is known by the metric `primary`, or '' when it can.

    A metric of a plugin is not in the table: '' too, and the comparison tells when it is loaded.

    >>> misfit("span_f1", "accuracy")
    "the metric 'span_f1' scores spans, and this task gives classes."
    >>> misfit("ece", "accuracy")
    ''
    """
    ours, given = TAKES.get(metric), TAKES.get(primary)
    if ours is None or given is None or ours == given:
        return ""
    return f"the metric {metric!r} scores {ours}, and this task gives {given}."


def metrics_of(noun: Noun) -> list[str]:
    """Return the built-in metrics that score such answers, sorted.

    >>> metrics_of("spans")[:2]
    ['per_type_f1', 'span_f1']
    """
    return sorted(name for name, taken in TAKES.items() if taken == noun)
