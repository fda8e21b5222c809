"""What metrics are counted in: those of one unit share an axis, and each unit has its own number of decimals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from engram.pipeline.page.text import metric_title

Found = TypeVar("Found")


@dataclass(frozen=True)
class Unit:
    """An axis. title: its heading. decimals: of its numbers. bounded: the unit itself has ends, as a share has."""

    title: str
    decimals: int = 3
    bounded: bool = False


SHARE = Unit("Scores, 0 to 1", bounded=True)
HUNDRED = Unit("Scores, 0 to 100", 2, bounded=True)
SHARES = (
    *("accuracy", "macro_f1", "weighted_f1", "ece"),
    *("span_f1", "span_precision", "span_recall", "token_accuracy"),
    *("exact_match", "qa_f1", "rouge_l"),
    *("map", "map50"),
    *("recall_at_k", "mrr", "success_rate"),
)
UNITS = dict.fromkeys(SHARES, SHARE) | {
    "bleu": HUNDRED,
    "chrf": HUNDRED,
    "brier": Unit("Brier score, 0 to 2", bounded=True),
    "loss": Unit("Loss, nats per token"),
    "perplexity": Unit("Perplexity", 2),
    "mcd": Unit("Distance, dB", 2),
    "mos_proxy": Unit("Stand-in for a listening test, 1 to 5", 2, bounded=True),
    **dict.fromkeys(("wer", "cer", "judge_wer"), Unit("Errors, share of words or characters")),
    **dict.fromkeys(("pearson", "spearman"), Unit("Correlation, -1 to 1", bounded=True)),
    "cosine_sim": Unit("Cosine, -1 to 1", bounded=True),
    "reward": Unit("Return of an episode", 2),
    "episode_length": Unit("Steps of an episode", 1),
}


def unit_of(metric: str) -> Unit:
    """Return the unit of a metric; one that is not known here has a unit of its own.

    >>> unit_of("span_f1") == unit_of("accuracy"), unit_of("bleu").decimals, unit_of("toxicity").title
    (True, 2, 'Toxicity')
    """
    return UNITS.get(metric) or Unit(metric_title(metric))


def in_order(metrics: Mapping[str, Found], first: Iterable[str]) -> list[tuple[str, Found]]:
    """Return metrics with what belongs to them: those named first in that order, then the others as they stand.

    >>> in_order({"ece": 1, "loss": 2, "accuracy": 3}, ["accuracy", "macro_f1", "ece"])
    [('accuracy', 3), ('ece', 1), ('loss', 2)]
    """
    return [(name, metrics[name]) for name in dict.fromkeys((*first, *metrics)) if name in metrics]
