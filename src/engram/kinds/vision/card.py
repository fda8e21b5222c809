"""What the kind `vision` is: its tasks, measures, reference baselines and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import BoxesOut, FileIn, KindCard, Kpi, LabelOut, TaskCard
from engram.schema.criterion import Criterion
from engram.schema.usual import exported, served, trained

TRAIN = trained()
EXPORT = exported()
# A file is decoded and brought to the model's size for every request.
SIMULATE = served(500, 10)
ROWS = (Criterion("missing_values", equals=0), Criterion("leaked_test_rows", equals=0))

CLASSIFY = TaskCard(
    title="Image classification",
    forms=("image_label",),
    kpis=(Kpi("accuracy", "max", primary=True), Kpi("macro_f1", "max"), Kpi("weighted_f1", "max"), Kpi("ece", "min")),
    reference_baseline="linear_probe",
    gates={
        "data": (*ROWS, Criterion("untrainable_rows", equals=0)),
        "train": TRAIN,
        "evaluate": (Criterion("accuracy", gain_over="baseline", by=0.0),),
        "export": EXPORT,
        "simulate": SIMULATE,
    },
    exports=("adapter", "merged", "onnx"),
    predict_in=FileIn("image"),
    predict_out=LabelOut(),
    pipeline_tag="image-classification",
    limits="It answers with one of {labels} labels whatever it sees, also for pictures unlike its training data.",
    use="engram.kinds.vision.use",
)
DETECT = TaskCard(
    title="Object detection",
    forms=("image_boxes",),
    kpis=(Kpi("map", "max", primary=True), Kpi("map50", "max")),
    reference_baseline="strongest",
    gates={
        "data": (*ROWS, Criterion("unknown_classes", equals=0), Criterion("parts_without_boxes", equals=0)),
        "train": TRAIN,
        "evaluate": (Criterion("map", gain_over="baseline", by=0.0),),
        "export": EXPORT,
        "simulate": SIMULATE,
    },
    exports=("adapter", "merged", "onnx"),
    predict_in=FileIn("image"),
    predict_out=BoxesOut(),
    pipeline_tag="object-detection",
    limits="It finds things of {labels} classes, and may miss some or see them where they are not.",
    use="engram.kinds.vision.use",
)

CARD = KindCard(
    name="vision",
    title="Image models",
    default_model="hustvl/yolos-base",
    extra="vision",
    code="engram.kinds.vision.code",
    tasks={"classify": CLASSIFY, "detect": DETECT},
    invariants=("resume_exact", "accumulation", "export_parity"),
    preload=(
        "torch",
        "transformers.modeling_utils",
        "transformers.models.auto.modeling_auto",
        "transformers.models.auto.image_processing_auto",
        "peft",
        "PIL.Image",
        "engram.kinds.vision.code",
        "engram.train.loop",
        "engram.train.adapter",
    ),
)
