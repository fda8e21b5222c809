"""What the kind `rl` is: its task, measures, reference baseline and default gates. Standard library only."""

from __future__ import annotations

from engram.schema.card import ActionOut, KindCard, Kpi, NumbersIn, TaskCard
from engram.schema.criterion import Criterion
from engram.schema.form import SEED

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
        "train": (
            Criterion("validation_loss_improved", equals=1),
            Criterion("grad_norm_finite", equals=1),
            Criterion("trainable_tokens", at_least=1),
            Criterion("loss_finite", equals=1),
        ),
        "evaluate": (Criterion("reward", gain_over="baseline", by=0.0),),
        # A return is in the environment's own unit, and one action that is rounded otherwise moves all that follow.
        "export": (
            Criterion("executable_files", equals=0),
            Criterion("licence_allows_use", equals=1),
            Criterion("secrets_found", equals=0),
            Criterion("parity_metric_difference", at_most=1.0),
            Criterion("parity_max_logit_difference", at_most=1e-4),
            Criterion("reloads", equals=1),
        ),
        "simulate": (
            Criterion("p95_latency_ms", at_most=50),
            Criterion("error_rate", at_most=0.01),
            Criterion("requests_per_second", at_least=100),
        ),
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
