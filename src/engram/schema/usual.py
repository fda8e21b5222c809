"""What most tasks ask at a gate, so that a card only says what is its own. Standard library only."""

from __future__ import annotations

from engram.schema.criterion import Criterion


def trained(steepest: float | None = 10) -> tuple[Criterion, ...]:
    """Return what a training must show. steepest: the 99th percentile of gradient norms over their median.

    How steep steps were is told by the worker alone, so that a miss waits for a person.

    >>> [one.metric for one in trained(None)]
    ['validation_loss_improved', 'grad_norm_finite', 'trainable_tokens', 'loss_finite']
    """
    steep = Criterion("grad_norm_p99_over_median", at_most=steepest, severity="major")
    return (
        Criterion("validation_loss_improved", equals=1),
        *([steep] if steepest is not None else []),
        Criterion("grad_norm_finite", equals=1),
        Criterion("trainable_tokens", at_least=1),
        Criterion("loss_finite", equals=1),
    )


def exported(apart: float = 0.001, lossy: float | None = 0.02) -> tuple[Criterion, ...]:
    """Return what exported files must show.

    apart: how far the primary metric of an exact format may be from the model's, in its own unit. lossy: how much worse
    a lossy format may be, None where a task has none.

    >>> len(exported()), len(exported(lossy=None))
    (7, 6)
    """
    loss = Criterion("lossy_metric_loss", at_most=lossy, severity="major")
    return (
        Criterion("executable_files", equals=0),
        Criterion("licence_allows_use", equals=1),
        Criterion("secrets_found", equals=0),
        Criterion("parity_metric_difference", at_most=apart),
        Criterion("parity_max_logit_difference", at_most=1e-4),
        *([loss] if lossy is not None else []),
        Criterion("reloads", equals=1),
    )


def served(p95_ms: float, per_second: float) -> tuple[Criterion, ...]:
    """Return what a model must show under load: 95 % of the answers within so long, and so many a second.

    >>> [str(one.at_most or one.at_least) for one in served(200, 50)]
    ['200', '0.01', '50']
    """
    return (
        Criterion("p95_latency_ms", at_most=p95_ms),
        Criterion("error_rate", at_most=0.01),
        Criterion("requests_per_second", at_least=per_second),
    )
