"""How far exported formats lie from the evaluated model, summed up for the gate: exact ones and lossy ones apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Found = Mapping[str, Mapping[str, float]]


def metric_loss(evaluated: float, reopened: float, better: str) -> float:
    """Return how much of a metric a format loses, in the metric's own unit; a gain is no loss.

    better: ``max`` or ``min``.

    >>> round(metric_loss(0.90, 0.88, "max"), 6), metric_loss(0.90, 0.91, "max"), round(metric_loss(1.0, 1.2, "min"), 6)
    (0.02, 0.0, 0.2)
    """
    return max(0.0, evaluated - reopened if better == "max" else reopened - evaluated)


def parity_measures(found: Found, lossy: Collection[str] = ()) -> dict[str, float]:
    """Return the measures of the export gate from what each format showed.

    found: format → reloads (1 or 0), metric_difference, max_logit_difference and, of a lossy one, metric_loss.
    reloads: 1 when every format opened. parity_metric_difference, parity_max_logit_difference: the worst exact format.
    lossy_metric_loss: the worst lossy format; 0 where there is none. The logits of a lossy format judge nothing.

    >>> parity_measures({"merged": {"reloads": 1.0, "metric_difference": 0.0, "max_logit_difference": 2e-6}})
    {'reloads': 1.0, 'parity_metric_difference': 0.0, 'parity_max_logit_difference': 2e-06, 'lossy_metric_loss': 0.0}
    """
    exact = [one for name, one in found.items() if name not in lossy]
    return {
        "reloads": float(all(one["reloads"] for one in found.values())),
        "parity_metric_difference": max((one["metric_difference"] for one in exact), default=0.0),
        "parity_max_logit_difference": max((one["max_logit_difference"] for one in exact), default=0.0),
        "lossy_metric_loss": max(
            (one.get("metric_loss", one["metric_difference"]) for name, one in found.items() if name in lossy),
            default=0.0,
        ),
    }
