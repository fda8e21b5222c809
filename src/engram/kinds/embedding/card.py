"""What the kind `embedding` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from dataclasses import replace

from engram.schema.card import KindCard, Kpi, TaskCard, TextIn, VectorOut
from engram.schema.criterion import Criterion

_DATA = (
    Criterion("missing_values", equals=0),
    Criterion("tokenisation_error_rate", at_most=0.001),
    Criterion("leaked_test_rows", equals=0),
    Criterion("lost_tokens_rate", at_most=0.01),
)
EMBED = TaskCard(
    title="Text embedding",
    forms=("label", "anchors"),
    kpis=(Kpi("recall_at_k", "max", primary=True), Kpi("mrr", "max"), Kpi("cosine_sim", "max")),
    reference_baseline="untouched",
    gates={
        "data": (*_DATA, Criterion("unpaired_rows_rate", at_most=0.05)),
        "train": (
            Criterion("validation_loss_improved", equals=1),
            Criterion("grad_norm_p99_over_median", at_most=10, severity="major"),  # telemetry of the worker
            Criterion("grad_norm_finite", equals=1),
            Criterion("trainable_tokens", at_least=1),
            Criterion("loss_finite", equals=1),
        ),
        "evaluate": (Criterion("recall_at_k", gain_over="baseline", by=0.0),),
        "export": (
            Criterion("executable_files", equals=0),
            Criterion("licence_allows_use", equals=1),
            Criterion("secrets_found", equals=0),
            Criterion("parity_metric_difference", at_most=0.001),
            Criterion("parity_max_logit_difference", at_most=1e-4),  # of the numbers of a vector
            Criterion("lossy_metric_loss", at_most=0.02, severity="major"),  # of the primary metric, in its own unit
            Criterion("reloads", equals=1),
        ),
        "simulate": (
            Criterion("p95_latency_ms", at_most=200),
            Criterion("error_rate", at_most=0.01),
            Criterion("requests_per_second", at_least=50),
        ),
    },
    exports=("adapter", "merged", "onnx"),
    predict_in=TextIn(example="My parcel is a week late, where is it?"),
    predict_out=VectorOut(),
    pipeline_tag="sentence-similarity",
    limits="It gives a vector for any text, also for text unlike its training data; what lies near need not be right.",
    use="engram.kinds.embedding.use",
)

SCORE = replace(
    EMBED,
    title="Scored pairs",
    forms=("scored_pairs",),
    kpis=(Kpi("spearman", "max", primary=True), Kpi("pearson", "max")),
    gates={
        **EMBED.gates,
        "data": (*_DATA, Criterion("scores_off_scale", equals=0)),
        "evaluate": (Criterion("spearman", gain_over="baseline", by=0.0),),
    },
    limits="It gives a vector for any text, also for text unlike its training data; how alike two are is a guess.",
)

CARD = KindCard(
    name="embedding",
    title="Text embeddings",
    default_model="google/embeddinggemma-300m",
    extra="train",
    code="engram.kinds.embedding.code",
    tasks={"embed": EMBED, "score": SCORE},
    invariants=("resume_exact", "accumulation", "export_parity"),
    preload=(
        "torch",
        "transformers.modeling_utils",
        "transformers.models.auto.modeling_auto",
        "transformers.models.auto.tokenization_auto",
        "peft",
        "engram.kinds.embedding.code",
        "engram.train.loop",
        "engram.train.adapter",
    ),
)
