"""What the kind `audio` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import FileIn, KindCard, Kpi, LabelOut, TaskCard
from engram.schema.criterion import Criterion
from engram.schema.usual import exported, served, trained

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
        "train": trained(),
        "evaluate": (Criterion("accuracy", gain_over="baseline", by=0.0),),
        "export": exported(),
        # A file is decoded and its features are made for every request.
        "simulate": served(500, 10),
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
