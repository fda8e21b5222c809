"""What the kind `tts` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import FileOut, KindCard, Kpi, SpeechIn, TaskCard
from engram.schema.criterion import Criterion
from engram.schema.usual import exported, served, trained

SPEAK = TaskCard(
    title="Text to speech",
    forms=("voice_sound", "text_sound"),
    # The stand-in for a listening test is reported; no gate and no checkpoint is decided by it.
    kpis=(Kpi("mcd", "min", primary=True), Kpi("judge_wer", "min"), Kpi("mos_proxy", "max")),
    reference_baseline="untouched",
    gates={
        "data": (
            Criterion("missing_values", equals=0),
            Criterion("leaked_test_rows", equals=0),
            Criterion("lost_seconds_rate", at_most=0.01),
            Criterion("lost_characters_rate", at_most=0.01),
            Criterion("too_short_rows", equals=0),
            Criterion("too_long_texts", equals=0),
            Criterion("untrainable_rows", equals=0),
        ),
        "train": trained(),
        "evaluate": (Criterion("mcd", gain_over="baseline", by=0.0),),
        "export": exported(apart=0.01, lossy=0.1),
        # A sound is written step by step, and each step waits for the one before.
        "simulate": served(5_000, 1),
    },
    exports=("adapter", "merged"),
    predict_in=SpeechIn("Good morning."),
    predict_out=FileOut("sound"),
    pipeline_tag="text-to-speech",
    limits="It speaks English letters and numbers in the voices of its training data, and its sounds carry no mark: "
    "say that they are synthetic where people hear them.",
    use="engram.kinds.tts.use",
)

CARD = KindCard(
    name="tts",
    title="Voices",
    default_model="microsoft/speecht5_tts",
    extra="tts",
    code="engram.kinds.tts.code",
    tasks={"speak": SPEAK},
    invariants=("resume_exact", "accumulation", "export_parity"),
    preload=(
        "torch",
        "transformers.modeling_utils",
        "transformers.models.speecht5.modeling_speecht5",
        "transformers.models.speecht5.processing_speecht5",
        "peft",
        "engram.kinds.tts.code",
        "engram.train.loop",
        "engram.train.adapter",
    ),
)
