"""Rules for what every peer says in its own words: schedule, warm-up, precision, optimizer, validation, tracking."""

from __future__ import annotations

import math
from typing import Any

from engram.config.importers.rules import flag, is_one_of, number, one_of, whole, word, words
from engram.config.importers.sheet import Rule, Sheet, Unfit
from engram.schema.codec import Path

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant", "constant_with_warmup": "constant"}
ADAMW = ("adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw", "adamw_apex_fused", "adamw_torch_xla")
SMALL_ADAMW = (
    "adamw_8bit", "adamw_bnb_8bit", "paged_adamw", "paged_adamw_8bit", "paged_adamw_32bit", "adamw_torch_8bit",
    "adamw_torch_4bit", "ao_adamw_8bit", "ao_adamw_4bit", "ao_adamw_fp8", "optimi_adamw",
)  # fmt: skip
TRACKERS = ("jsonl", "tensorboard", "mlflow", "wandb")
VALIDATES = "Engram always validates: the best checkpoint is chosen there"
WHOLE_EPOCHS = "validation comes once an epoch or each so many steps (train.eval_every)"


def schedule(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the learning-rate schedule; `constant` of transformers knows no warm-up."""
    try:
        becomes = one_of(**SCHEDULES)(value)
    except Unfit as unfit:
        sheet.refuse(path, f"{unfit}; the others are not there yet")
        return
    sheet.carry(path, "train.lr_scheduler_type", becomes)
    if is_one_of(value, ["constant"]):
        sheet.put("train.warmup_ratio", 0.0, f"{sheet.title} knows no warm-up with the schedule constant")


def warm_up(schedule_key: str, other: str = "") -> Rule:
    """Return the rule of a warm-up, told as a share of the steps or as their number; `other` is the other key of it."""

    def rule(sheet: Sheet, path: Path, value: Any) -> None:
        at = path[:-1]
        try:
            said = number(value)
        except Unfit as unfit:
            sheet.refuse(path, str(unfit))
            return
        if is_one_of(sheet.get(*at, schedule_key), ["constant"]):
            sheet.ignore(path, f"{sheet.title} knows no warm-up with the schedule constant")
        elif other and sheet.get(*at, other) and (said == 0 or path[-1] == "warmup_ratio"):
            sheet.ignore(path, f"{other} has a value, and that one counts")
        elif 0 <= said < 1:
            sheet.carry(path, "train.warmup_ratio", said)
        else:
            _steps(sheet, path, said, sheet.get(*at, "max_steps"))

    return rule


def share_of(steps: int, total: int) -> float:
    """Return the share that gives so many steps of warm-up, which are rounded up (see `engram.train.schedule`).

    >>> share_of(20, 300), share_of(7, 100)
    (0.066666, 0.069999)
    """
    millionths = steps * 10**6 // total
    return (millionths if math.ceil(millionths / 10**6 * total) == steps else millionths - 1) / 10**6


def _steps(sheet: Sheet, path: Path, said: float, total: Any) -> None:
    known = isinstance(total, int) and total > 0
    if known and said < total and said == int(said):
        sheet.carry(path, "train.warmup_ratio", share_of(int(said), total), f"of max_steps: {total}")
        return
    why = f"this is not below max_steps: {total}" if known else "their number is known only when the data is read"
    told = "Engram takes the warm-up as a share of all steps (train.warmup_ratio)"
    sheet.refuse(path, f"{told}, and {why}. Write warmup_ratio instead.")
    sheet.put("train.warmup_ratio", 0.0, f"{path[-1]} could not be carried over: state the share that you want")


def max_steps(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the number of steps; zero and less mean that the epochs decide."""
    try:
        steps = whole(value)
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
        return
    if steps > 0:
        sheet.carry(path, "train.max_steps", steps)
    else:
        sheet.ignore(path, "leaves it to the epochs")


def precision(name: str, also: str = "") -> Rule:
    """Return the rule of one switch of precision; `also` is added to the comment."""

    def rule(sheet: Sheet, path: Path, value: Any) -> None:
        try:
            wanted = True if is_one_of(value, ["auto", "full"]) else flag(value)
        except Unfit as unfit:
            sheet.refuse(path, str(unfit))
            return
        before = sheet.wrote("train.precision")
        if not wanted:
            sheet.ignore(path, "is off; train.precision says how the model computes")
        elif before in (None, name):
            sheet.carry(path, "train.precision", name, also)
        else:
            sheet.refuse(path, f"the file asks for {before} too, and Engram computes in one precision")

    return rule


def optimizer(sheet: Sheet, path: Path, value: Any) -> None:
    """AdamW is what Engram trains with: other algorithms change the training, smaller states hardly do."""
    if is_one_of(value, ADAMW):
        sheet.ignore(path, "AdamW is the optimizer of Engram")
    elif is_one_of(value, SMALL_ADAMW):
        sheet.refuse(
            path, "Engram keeps the state of AdamW whole, in fp32: the same algorithm, more memory", matters=False
        )
    else:
        sheet.refuse(path, f"Engram trains with AdamW, not with {word(value)}")


def validation_strategy(sheet: Sheet, path: Path, value: Any) -> None:
    """Say when validation runs: `steps` is told by its number, `no` has no place."""
    at = path[:-1]
    if is_one_of(value, ["no"]):
        sheet.ignore(path, VALIDATES)
    elif is_one_of(value, ["epoch"]):
        sheet.carry(path, "train.eval_every", None, "once an epoch")
    elif is_one_of(value, ["steps"]) and sheet.get(*at, "eval_steps") is not None:
        sheet.ignore(path, "is told by eval_steps")
    elif is_one_of(value, ["steps"]) and isinstance(sheet.get(*at, "logging_steps"), int):
        sheet.carry(path, "train.eval_every", sheet.get(*at, "logging_steps"), "as often as logging_steps")
    else:
        sheet.refuse(path, WHOLE_EPOCHS, matters=False)


def every_steps(ours: str, off: str) -> Rule:
    """Return the rule of a number of steps; a share of all steps is not supported, and nothing is a share of none."""

    def rule(sheet: Sheet, path: Path, value: Any) -> None:
        try:
            steps = number(value)
        except Unfit as unfit:
            sheet.refuse(path, str(unfit))
            return
        if steps <= 0:
            sheet.ignore(path, off)
        elif is_one_of(sheet.get(*path[:-1], "eval_strategy"), ["epoch", "no"]) and ours == "train.eval_every":
            sheet.ignore(path, "eval_strategy does not go by steps")
        elif steps < 1 or steps != int(steps):
            sheet.refuse(path, "a share of all steps; Engram counts whole steps", matters=False)
        else:
            sheet.carry(path, ours, int(steps))

    return rule


def trackers(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over where numbers are sent to."""
    try:
        names = words(value)
    except Unfit as unfit:
        sheet.refuse(path, str(unfit), matters=False)
        return
    others = [name for name in names if name not in (*TRACKERS, "none")]
    if others:
        told = f"Engram reports to {', '.join(TRACKERS)}, not to {', '.join(map(repr, others))}"
        sheet.refuse(path, told, matters=False)
    else:
        sheet.carry(path, "train.report_to", [name for name in names if name != "none"])


def target_modules(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the layers that LoRA adapts."""
    try:
        names = words(value)
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
        return
    everything = len(names) == 1 and is_one_of(names[0], ["all", "all-linear", "all_linear"])
    sheet.carry(path, "adapter.target_modules", "all-linear" if everything else names)
