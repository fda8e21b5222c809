"""What the tools say of schedule, precision, validation and the optimizer, and what it becomes."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engram.config.importers.training import share_of

SCHEDULE = {"llama-factory": "lr_scheduler_type", "axolotl": "lr_scheduler", "trl": "lr_scheduler_type"}


@example((7, 100))
@example((20, 300))
@given(st.integers(1, 100_000).flatmap(lambda total: st.tuples(st.integers(0, total - 1), st.just(total))))
def test_a_share_gives_the_steps_of_warm_up_that_it_was_made_of(pair):
    steps, total = pair
    assert math.ceil(share_of(steps, total) * total) == steps


@pytest.mark.parametrize("peer", SCHEDULE)
@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("warmup_ratio: 0.05", 0.05),
        ("warmup_steps: 0.05", 0.05),
        ("warmup_steps: 30\nmax_steps: 300", 0.1),
        ("warmup_steps: 0\nwarmup_ratio: 0.2", 0.2),
        ("warmup_ratio: 0\nwarmup_steps: 0.2", 0.2),
        ("warmup_steps: 30\nmax_steps: 300\nwarmup_ratio: 0.2", 0.1),
        ("warmup_ratio: '0.1'", 0.1),
    ],
)
def test_a_warm_up_becomes_a_share_of_the_steps(convert, peer, text, share):
    found = convert(peer, text)
    assert found["train.warmup_ratio"] == pytest.approx(share, abs=2e-6)
    assert found.refused == {}


@pytest.mark.parametrize(
    "text", ["warmup_steps: 30", "warmup_steps: 30\nmax_steps: 20", "warmup_steps: 30\nmax_steps: -1"]
)
def test_a_warm_up_in_steps_needs_to_know_how_many_there_are(convert, text):
    found = convert("axolotl", text)
    assert "Write warmup_ratio instead" in found.refused["warmup_steps"]
    assert found["train.warmup_ratio"] == 0.0
    assert "state the share that you want" in found.found.text


@pytest.mark.parametrize(("peer", "key"), SCHEDULE.items())
def test_the_schedule_constant_has_no_warm_up_and_the_other_has(convert, peer, key):
    found = convert(peer, f"{key}: constant\nwarmup_ratio: 0.1")
    assert (found["train.lr_scheduler_type"], found["train.warmup_ratio"]) == ("constant", 0.0)
    assert "no warm-up" in found.ignored["warmup_ratio"]
    found = convert(peer, f"{key}: constant_with_warmup\nwarmup_ratio: 0.1")
    assert (found["train.lr_scheduler_type"], found["train.warmup_ratio"]) == ("constant", 0.1)
    assert set(convert(peer, f"{key}: polynomial").refused) == {key}


@pytest.mark.parametrize(
    ("text", "precision"),
    [("bf16: true", "bf16"), ("fp16: true\nbf16: false", "fp16"), ("bf16: auto", "bf16"), ("bf16: yes", "bf16")],
)
def test_precision_is_the_switch_that_is_on(convert, text, precision):
    found = convert("axolotl", text)
    assert found["train.precision"] == precision
    assert found.refused == {}


def test_two_precisions_at_once_are_refused(convert):
    assert set(convert("trl", "bf16: true\nfp16: true").refused) == {"fp16"}
    assert set(convert("trl", "bf16: maybe").refused) == {"bf16"}


def test_two_names_of_one_thing_are_fine_as_long_as_they_agree(convert):
    assert convert("trl", "max_length: 64\nmax_seq_length: 64")["train.max_seq_length"] == 64
    found = convert("trl", "max_length: 64\nmax_seq_length: 65")
    assert found["train.max_seq_length"] == 64
    assert "'max_length' (config.yaml:3) means the same and says something else" in found.refused["max_seq_length"]


@pytest.mark.parametrize(
    ("text", "every", "ignored", "minor"),
    [
        ("eval_strategy: steps\neval_steps: 50", 50, {"eval_strategy"}, set()),
        ("eval_strategy: epoch", None, set(), set()),
        ("eval_strategy: 'no'\neval_steps: 50", None, {"eval_strategy", "eval_steps"}, set()),
        ("eval_strategy: steps\nlogging_steps: 25", 25, {"logging_steps"}, set()),
        ("eval_steps: 0.1", None, set(), {"eval_steps"}),
        ("eval_strategy: best", None, set(), {"eval_strategy"}),
    ],
)
def test_validation_comes_as_often_as_the_file_says(convert, text, every, ignored, minor):
    found = convert("trl", text)
    assert found.get("train.eval_every") == every
    assert (set(found.ignored), set(found.minor), found.refused) == (ignored, minor, {})


def test_checkpoints_come_as_often_as_the_file_says(convert):
    assert convert("trl", "save_steps: 20")["train.save_every.steps"] == 20
    assert set(convert("trl", "save_steps: 0.5").minor) == {"save_steps"}
    assert set(convert("trl", "save_strategy: epoch\nsave_total_limit: 1").ignored) == {
        "save_strategy",
        "save_total_limit",
    }


@pytest.mark.parametrize(
    ("name", "lists"),
    [("adamw_torch", "ignored"), ("adamw_8bit", "minor"), ("lion_32bit", "refused"), ("{a: 1}", "refused")],
)
def test_adamw_is_ours_its_small_states_nearly_and_others_are_not(convert, name, lists):
    for peer, key in (("trl", "optim"), ("axolotl", "optimizer")):
        assert key in getattr(convert(peer, f"{key}: {name}"), lists)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("none", []),
        ("wandb", ["wandb"]),
        ("[tensorboard, mlflow]", ["tensorboard", "mlflow"]),
        ("'wandb,mlflow'", ["wandb", "mlflow"]),
    ],
)
def test_trackers_that_are_there_are_carried_over(convert, value, names):
    assert convert("trl", f"report_to: {value}")["train.report_to"] == names


def test_trackers_that_are_not_there_are_told_and_stop_nothing(convert):
    found = convert("trl", "report_to: [wandb, comet_ml]")
    assert "'comet_ml'" in found.minor["report_to"]
    assert found.get("train.report_to") is None


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("learning_rate: 3e-4", ("train.learning_rate", 3e-4)),
        ("learning_rate: '3e-4'", ("train.learning_rate", 3e-4)),
        ("max_grad_norm: 0.5", ("train.max_grad_norm", 0.5)),
        ("weight_decay: 0.2", ("train.weight_decay", 0.2)),
        ("max_steps: 40", ("train.max_steps", 40)),
        ("group_by_length: true", ("train.group_by_length", True)),
        ("seed: 8", ("train.seed", 8)),
        ("gradient_accumulation_steps: 3", ("train.gradient_accumulation_steps", 3)),
        ("gradient_checkpointing: on", ("train.gradient_checkpointing", True)),
    ],
)
@pytest.mark.parametrize("peer", ["llama-factory", "trl"])
def test_plain_values_keep_their_meaning(convert, peer, key, ours):
    found = convert(peer, key)
    assert found[ours[0]] == ours[1]
    assert found.refused == {}


@pytest.mark.parametrize("text", ["learning_rate: fast", "num_train_epochs: [1]", "seed: 1.5", "max_grad_norm: true"])
def test_a_value_that_is_none_is_refused_with_what_was_expected(convert, text):
    (reason,) = convert("trl", text).refused.values()
    assert reason.startswith("must be a")


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("trl", (2e-5, 8, 3.0, "linear", 0.0, 0.0, "bf16", 1024, True)),
        ("llama-factory", (5e-5, 8, 3.0, "linear", 0.0, 0.0, "fp32", 2048, True)),
        ("axolotl", (1e-4, 2, 1.0, None, 0.03, 0.0, None, 512, None)),
        ("autotrain", (5e-5, 2, 3.0, "linear", None, 0.0, "fp32", 128, None)),
    ],
)
def test_what_the_tool_does_unasked_is_written_where_ours_differs(convert, peer, expected):
    found = convert(peer, "")
    keys = (
        "learning_rate", "per_device_train_batch_size", "num_train_epochs", "lr_scheduler_type", "warmup_ratio",
        "weight_decay", "precision", "max_seq_length", "gradient_checkpointing",
    )  # fmt: skip
    assert tuple(found.get(f"train.{key}") for key in keys) == expected
    added = {one.ours for one in found.found.added}
    assert {"name", "data.split.test", "train.weight_decay"} <= added
    assert found.refused == {}
