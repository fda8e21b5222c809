"""What the kind `rl` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import ActionOut, KindCard, Kpi, NumbersIn, TaskCard
from engram.schema.criterion import Criterion
from engram.schema.form import SEED
from engram.schema.usual import exported, served, trained

ACT = TaskCard(
    title="Acting in an environment",
    forms=(SEED,),
    kpis=(Kpi("reward", "max", primary=True), Kpi("success_rate", "max")),
    reference_baseline="random",
    gates={
        "data": (
            Criterion("missing_values", equals=0),
            Criterion("leaked_test_rows", equals=0),
            Criterion("unplayable_seeds", equals=0),
        ),
        # The validation loss of a policy is minus its mean return.
        "train": trained(None),
        "evaluate": (Criterion("reward", gain_over="baseline", by=0.0),),
        # A return is in the environment's own unit, and one action that is rounded otherwise moves all that follow.
        "export": exported(apart=1.0, lossy=None),
        "simulate": served(50, 100),
    },
    exports=("weights", "onnx"),
    predict_in=NumbersIn(example="[0.01, -0.02, 0.03, 0.04]"),
    predict_out=ActionOut(),
    pipeline_tag="reinforcement-learning",
    limits="It acts on every observation of the right shape, also on those that no episode of its environment shows.",
    use="engram.kinds.rl.use",
    library="pytorch",
)

CARD = KindCard(
    name="rl",
    title="Policies",
    default_model="gym:CartPole-v1",
    extra="rl",
    code="engram.kinds.rl.code",
    tasks={"act": ACT},
    invariants=("resume_exact", "export_parity"),
    preload=("torch", "engram.kinds.rl.code", "engram.kinds.rl.act", "engram.train.adapter"),
)
