"""What the kind `stt` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import FileIn, KindCard, Kpi, TaskCard, TranscriptOut
from engram.schema.criterion import Criterion
from engram.schema.usual import exported, served, trained

TRANSCRIBE = TaskCard(
    title="Transcription",
    forms=("sound_text",),
    kpis=(Kpi("wer", "min", primary=True), Kpi("cer", "min")),
    # The commonest transcript, silence, or what the model wrote before it was tuned: whichever has fewer wrong words.
    reference_baseline="strongest",
    gates={
        "data": (
            Criterion("missing_values", equals=0),
            Criterion("leaked_test_rows", equals=0),
            Criterion("lost_letters_rate", at_most=0.01),
            Criterion("too_long_rows", equals=0),
            Criterion("untrainable_rows", equals=0),
        ),
        "train": trained(30),  # CTC begins at many nats a character: its first steps are far steeper than others
        "evaluate": (Criterion("wer", gain_over="baseline", by=0.0),),
        "export": exported(),
        # A recording of many seconds is decoded and read for every request.
        "simulate": served(10_000, 1),
    },
    # onnx of models that spell (CTC); one that writes word by word, as Whisper, is had as adapter and merged.
    exports=("adapter", "merged", "onnx"),
    predict_in=FileIn("sound"),
    predict_out=TranscriptOut(),
    pipeline_tag="automatic-speech-recognition",
    limits="It writes words whatever it hears, also for noise, other languages and voices unlike its training data.",
    use="engram.kinds.stt.use",
)

CARD = KindCard(
    name="stt",
    title="Speech recognition",
    default_model="openai/whisper-tiny.en",
    extra="speech",
    code="engram.kinds.stt.code",
    tasks={"transcribe": TRANSCRIBE},
    invariants=("resume_exact", "accumulation", "export_parity"),
    preload=(
        "torch",
        "transformers.modeling_utils",
        "transformers.models.auto.modeling_auto",
        "transformers.models.auto.processing_auto",
        "peft",
        "engram.kinds.stt.code",
        "engram.train.loop",
        "engram.train.adapter",
    ),
)
