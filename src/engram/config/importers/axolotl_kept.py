"""Axolotl's keys that live on in a recipe, and the rules that only they need."""

from __future__ import annotations

from typing import Any

from engram.config.importers import reasons
from engram.config.importers.rows import deduplicated, valid_share
from engram.config.importers.rules import flag, is_one_of, keep, number, refuse, text, whole, word
from engram.config.importers.sheet import Rule, Sheet, Unfit
from engram.config.importers.trainer_keys import sharded
from engram.config.importers.training import (
    every_steps,
    max_steps,
    optimizer,
    precision,
    schedule,
    target_modules,
    validation_strategy,
    warm_up,
)
from engram.schema.codec import Path

NOT_THE_MODELS_OWN = ("chatml", "alpaca", "metharme", "jinja")


def adapter(sheet: Sheet, path: Path, value: Any) -> None:
    """Read how much of the model is trained."""
    if is_one_of(value, ["lora"]):
        sheet.carry(path, "adapter.type", "lora")
    elif is_one_of(value, ["qlora"]):
        sheet.refuse(path, reasons.QUANTISED)
        sheet.put("adapter.type", "lora", "LoRA on the base as it is, not quantised")
    else:
        sheet.refuse(path, f"{reasons.LORA}; {word(value)} is another way")


def lora(rule: Rule) -> Rule:
    """Apply a rule of LoRA's options only where an adapter is trained."""

    def chosen(sheet: Sheet, path: Path, value: Any) -> None:
        if sheet.get("adapter"):
            rule(sheet, path, value)
        else:
            sheet.ignore(path, "counts only with an adapter, and the whole model is trained")

    return chosen


def linear_layers(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over that every linear layer is adapted, the named ones included."""
    if is_one_of(value, [True]):
        sheet.carry(path, "adapter.target_modules", "all-linear")
    else:
        sheet.ignore(path, "is off; lora_target_modules names the layers")


def named_layers(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the named layers, unless all linear ones are asked for."""
    if is_one_of(sheet.get("lora_target_linear"), [True]):
        sheet.ignore(path, "lora_target_linear takes every linear layer")
    else:
        target_modules(sheet, path, value)


def train_on_inputs(sheet: Sheet, path: Path, value: Any) -> None:
    """Read whether prompts are learned too; plain text is learned whole whatever this says."""
    if sheet.wrote("data.format") == "text":
        sheet.ignore(path, "plain text is learned whole")
        return
    try:
        sheet.carry(path, "train.loss_on", "all" if flag(value) else "completion")
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))


def chat_template(sheet: Sheet, path: Path, value: Any) -> None:
    """Ignore a template that is the model's own; one that may be another would change what is learned."""
    if is_one_of(value, NOT_THE_MODELS_OWN):
        sheet.refuse(path, f"{reasons.TEMPLATE}; where that is {word(value)} leave the key out")
    elif str(value).startswith("tokenizer_default"):
        sheet.ignore(path, reasons.TEMPLATE)
    else:
        sheet.ignore(path, f"{reasons.TEMPLATE}: see that it is {word(value)}")


def checkpointing(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over gradient checkpointing; where activations wait is of no matter."""
    try:
        on = is_one_of(value, ["offload", "offload_disk", "unsloth"]) or flag(value)
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
    else:
        sheet.carry(path, "train.gradient_checkpointing", on)


def evals_per_epoch(sheet: Sheet, path: Path, value: Any) -> None:
    """Know once an epoch; other shares need the number of rows."""
    if is_one_of(value, [1]):
        sheet.carry(path, "train.eval_every", None, "once an epoch")
    elif is_one_of(value, [0]):
        sheet.ignore(path, "Engram always validates")
    else:
        sheet.refuse(path, "validation comes once an epoch or each so many steps (train.eval_every)", matters=False)


def tracker(name: str) -> Rule:
    """Return the rule of a key whose being there turns a tracker on."""

    def rule(sheet: Sheet, path: Path, value: Any) -> None:
        wanted = not is_one_of(value, [False, ""])
        if path[-1] == "wandb_project" and is_one_of(sheet.get("use_wandb"), [False]):
            wanted = False
        if not wanted:
            sheet.ignore(path, "is off")
        else:
            before = sheet.wrote("train.report_to") or []
            names = before if name in before else [*before, name]
            sheet.carry(path, f"train.report_to.{names.index(name)}", name, "", {"train.report_to": names})

    return rule


def excess(sheet: Sheet, path: Path, value: Any) -> None:
    """Know what happens to rows that are too long."""
    if is_one_of(value, ["truncate"]):
        sheet.ignore(path, "is what Engram does")
    else:
        sheet.refuse(path, "Engram cuts rows that are too long, and counts what is lost", matters=False)


KEPT: dict[str, Rule] = {
    "base_model": keep("model.source", text),
    "model_revision": keep("model.revision", text),
    "revision_of_model": keep("model.revision", text),
    "adapter": adapter,
    "lora_r": lora(keep("adapter.r", whole)),
    "lora_alpha": lora(keep("adapter.alpha", whole)),
    "lora_dropout": lora(keep("adapter.dropout", number)),
    "lora_target_linear": lora(linear_layers),
    "lora_target_modules": lora(named_layers),
    "sequence_len": keep("train.max_seq_length", whole, f"{reasons.CUT}; Axolotl leaves them out"),
    "sample_packing": keep("train.packing", flag, "packed rows never see each other"),
    "train_on_inputs": train_on_inputs,
    "micro_batch_size": keep("train.per_device_train_batch_size", whole),
    "gradient_accumulation_steps": keep("train.gradient_accumulation_steps", whole),
    "num_epochs": keep("train.num_train_epochs", number),
    "max_steps": max_steps,
    "learning_rate": keep("train.learning_rate", number),
    "lr_scheduler": schedule,
    "warmup_steps": warm_up("lr_scheduler", "warmup_ratio"),
    "warmup_ratio": warm_up("lr_scheduler", "warmup_steps"),
    "optimizer": optimizer,
    "weight_decay": keep("train.weight_decay", number),
    "max_grad_norm": keep("train.max_grad_norm", number),
    "group_by_length": keep("train.group_by_length", flag),
    "seed": keep("train.seed", whole),
    "bf16": precision("bf16"),
    "fp16": precision("fp16"),
    "bfloat16": precision("bf16", "the weights themselves stay in fp32"),
    "float16": precision("fp16", "the weights themselves stay in fp32"),
    "float32": precision("fp32"),
    "gradient_checkpointing": checkpointing,
    "early_stopping_patience": keep("train.early_stopping_patience", whole),
    "eval_strategy": validation_strategy,
    "evaluation_strategy": validation_strategy,
    "eval_steps": every_steps("train.eval_every", "Engram always validates"),
    "evals_per_epoch": evals_per_epoch,
    "save_steps": every_steps("train.save_every.steps", reasons.KEEPS),
    "val_set_size": valid_share,
    "dataset_exact_deduplication": deduplicated,
    "fsdp": sharded,
    "ddp": keep("train.parallel", lambda value: "ddp" if flag(value) else "none"),
    "wandb_project": tracker("wandb"),
    "use_wandb": tracker("wandb"),
    "use_mlflow": tracker("mlflow"),
    "use_tensorboard": tracker("tensorboard"),
    "chat_template": chat_template,
    "excess_length_strategy": excess,
    "trust_remote_code": refuse(reasons.CODE, matters=False),
}
