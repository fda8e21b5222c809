"""What the kind `audio` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import FileIn, KindCard, Kpi, LabelOut, TaskCard
from engram.schema.criterion import Criterion

CLASSIFY = TaskCard(
    title="Sound classification",
    forms=("sound_label",),
    kpis=(Kpi("accuracy", "max", primary=True), Kpi("macro_f1", "max"), Kpi("weighted_f1", "max"), Kpi("ece", "min")),
    reference_baseline="linear_probe",
    gates={
        "data": (
            Criterion("missing_values", equals=0),
            Criterion("leaked_test_rows", equals=0),
            Criterion("lost_seconds_rate", at_most=0.01),
            Criterion("too_short_rows", equals=0),
            Criterion("untrainable_rows", equals=0),
        ),
        "train": (
            Criterion("validation_loss_improved", equals=1),
            Criterion("grad_norm_p99_over_median", at_most=10, severity="major"),  # telemetry of the worker
            Criterion("grad_norm_finite", equals=1),
            Criterion("trainable_tokens", at_least=1),
            Criterion("loss_finite", equals=1),
        ),
        "evaluate": (Criterion("accuracy", gain_over="baseline", by=0.0),),
        "export": (
            Criterion("executable_files", equals=0),
            Criterion("licence_allows_use", equals=1),
            Criterion("secrets_found", equals=0),
            Criterion("parity_metric_difference", at_most=0.001),
            Criterion("parity_max_logit_difference", at_most=1e-4),
            Criterion("lossy_metric_loss", at_most=0.02, severity="major"),  # of the primary metric, in its own unit
            Criterion("reloads", equals=1),
        ),
        # A file is decoded and its features are made for every request.
        "simulate": (
            Criterion("p95_latency_ms", at_most=500),
            Criterion("error_rate", at_most=0.01),
            Criterion("requests_per_second", at_least=10),
        ),
    },
    exports=("adapter", "merged", "onnx"),
    predict_in=FileIn("sound"),
    predict_out=LabelOut(),
    pipeline_tag="audio-classification",
    limits="It answers with one of {labels} labels whatever it hears, also for sounds unlike its training data.",
    use="engram.kinds.audio.use",
)

CARD = KindCard(
    name="audio",
    title="Sound models",
    default_model="superb/wav2vec2-base-superb-ks",
    extra="speech",
    code="engram.kinds.audio.code",
    tasks={"classify": CLASSIFY},
    invariants=("resume_exact", "accumulation", "export_parity"),
    preload=(
        "torch",
        "transformers.modeling_utils",
        "transformers.models.auto.modeling_auto",
        "transformers.models.auto.feature_extraction_auto",
        "peft",
        "engram.kinds.audio.code",
        "engram.train.loop",
        "engram.train.adapter",
    ),
)
