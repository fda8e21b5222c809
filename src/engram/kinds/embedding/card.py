"""What the kind `embedding` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from dataclasses import replace

from engram.schema.card import KindCard, Kpi, TaskCard, TextIn, VectorOut
from engram.schema.criterion import Criterion
from engram.schema.usual import exported, served, trained

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
        "train": trained(),
        "evaluate": (Criterion("recall_at_k", gain_over="baseline", by=0.0),),
        "export": exported(),
        "simulate": served(200, 50),
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
