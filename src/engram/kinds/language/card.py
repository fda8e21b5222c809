"""What the kind `language` is: its tasks, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import KindCard, Kpi, LabelOut, SpansOut, TalkIn, TaskCard, TextIn, TextOut
from engram.schema.criterion import Criterion
from engram.schema.usual import exported, served, trained

# Every task can be written in every format; which of them a run writes is the recipe's to say.
USE = "engram.export.use"
FORMATS = ("adapter", "merged", "onnx", "onnx_int8", "torchscript")

CLASSIFY = TaskCard(
    title="Text classification",
    forms=("label",),
    kpis=(Kpi("accuracy", "max", primary=True), Kpi("macro_f1", "max"), Kpi("weighted_f1", "max"), Kpi("ece", "min")),
    reference_baseline="linear_probe",
    gates={
        "data": (
            Criterion("missing_values", equals=0),
            Criterion("tokenisation_error_rate", at_most=0.001),
            Criterion("leaked_test_rows", equals=0),
            Criterion("lost_tokens_rate", at_most=0.01),
            Criterion("untrainable_rows", equals=0),
        ),
        "train": trained(),
        "evaluate": (Criterion("accuracy", gain_over="baseline", by=0.0),),
        "export": exported(),
        "simulate": served(200, 50),
    },
    exports=FORMATS,
    predict_in=TextIn(example="The parcel came two days late and the box was open."),
    predict_out=LabelOut(),
    pipeline_tag="text-classification",
    limits="It answers with one of {labels} labels whatever it is asked, also for text unlike its training data.",
    use=USE,
)

TAG = TaskCard(
    title="Token classification",
    forms=("tags",),
    kpis=(
        Kpi("span_f1", "max", primary=True),
        Kpi("span_precision", "max"),
        Kpi("span_recall", "max"),
        Kpi("token_accuracy", "max"),
    ),
    reference_baseline="linear_probe",
    gates={**CLASSIFY.gates, "evaluate": (Criterion("span_f1", gain_over="baseline", by=0.0),)},
    exports=FORMATS,
    predict_in=TextIn(example="Ana Duarte moved from Porto to Kestrel Robotics in May."),
    predict_out=SpansOut(),
    pipeline_tag="token-classification",
    limits="It gives one of {labels} labels to every token, also in text unlike its training data.",
    use=USE,
)

GENERATE = TaskCard(
    title="Text generation",
    forms=("messages", "sharegpt", "alpaca", "prompt_completion", "prompt_response", "text"),
    kpis=(Kpi("loss", "min", primary=True), Kpi("perplexity", "min")),
    # An n-gram model of the training answers, or the untouched base: whichever has the lower loss on the test rows.
    # Which one that is depends on base and data, and a model has to beat both.
    reference_baseline="strongest",
    gates={
        "data": CLASSIFY.gates["data"],
        "train": CLASSIFY.gates["train"],
        "evaluate": (Criterion("loss", gain_over="baseline", by=0.0),),
        "export": CLASSIFY.gates["export"],
        # An answer is a model's pass for each of its tokens, where a class is one pass in all.
        "simulate": served(10_000, 1),
    },
    exports=FORMATS,
    predict_in=TalkIn(example="My kettle leaks at the bottom. What can I do?"),
    predict_out=TextOut(),
    pipeline_tag="text-generation",
    limits="It goes on with any text, and what it writes may be untrue: check it before you rely on it.",
    use=USE,
)

CARD = KindCard(
    name="language",
    title="Language models",
    default_model="google/flan-t5-small",
    extra="train",
    code="engram.kinds.language.code",
    tasks={"classify": CLASSIFY, "tag": TAG, "generate": GENERATE},
    invariants=("resume_exact", "accumulation", "export_parity"),
    preload=(
        "torch",
        "transformers.modeling_utils",
        "transformers.models.auto.modeling_auto",
        "transformers.models.auto.tokenization_auto",
        "peft",
        "engram.kinds.language.code",
        "engram.train.loop",
        "engram.train.adapter",
    ),
)
