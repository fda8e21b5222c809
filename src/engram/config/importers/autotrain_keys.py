"""AutoTrain's keys, block by block, each with its rule."""

from __future__ import annotations

from typing import Any

from engram.config.importers import reasons
from engram.config.importers.rules import drop, flag, is_one_of, keep, number, one_of, refuse, text, whole
from engram.config.importers.sheet import Rule, Sheet, Unfit
from engram.config.importers.training import optimizer, schedule, target_modules, trackers, validation_strategy, warm_up
from engram.schema.codec import Path

PREFERENCES = "learning from preferences or rewards is not there yet"


def trainer(sheet: Sheet, path: Path, value: Any) -> None:
    """Know the trainers that learn text; others compare answers."""
    if is_one_of(value, ["sft", "default", "generic"]):
        sheet.ignore(path, "is what the task generate does")
    else:
        sheet.refuse(path, PREFERENCES)


def block_size(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the longest row; minus one leaves it to model_max_length."""
    if is_one_of(value, [-1]):
        sheet.ignore(path, "leaves it to model_max_length")
    else:
        keep("train.max_seq_length", whole, reasons.CUT)(sheet, path, value)


def model_max_length(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the longest row, unless block_size says it."""
    if sheet.get(*path[:-1], "block_size") not in (None, -1):
        sheet.ignore(path, "block_size says how long a row may be")
    else:
        keep("train.max_seq_length", whole, reasons.CUT)(sheet, path, value)


def mixed_precision(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over the precision."""
    keep("train.precision", one_of(bf16="bf16", fp16="fp16", none="fp32", no="fp32"))(sheet, path, value)


def quantization(sheet: Sheet, path: Path, value: Any) -> None:
    """A quantised base matters only where an adapter is trained on it."""
    if is_one_of(value, ["none", "no", False]) or not is_one_of(sheet.get(*path[:-1], "peft"), [True]):
        sheet.ignore(path, "asks for none, or counts only with peft")
    else:
        sheet.refuse(path, reasons.QUANTISED)


def lora(rule: Rule) -> Rule:
    """Apply a rule of LoRA's options only where an adapter is trained."""

    def chosen(sheet: Sheet, path: Path, value: Any) -> None:
        if sheet.wrote("adapter.type") == "lora":
            rule(sheet, path, value)
        else:
            sheet.ignore(path, "counts only with peft: true, and the whole model is trained")

    return chosen


def checkpointing(sheet: Sheet, path: Path, value: Any) -> None:
    """Read the switch that turns gradient checkpointing off."""
    try:
        sheet.carry(path, "train.gradient_checkpointing", not flag(value))
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))


def end_of_text(sheet: Sheet, path: Path, value: Any) -> None:
    """Know that rows end with the end of text."""
    refuse("Engram ends each row with the end of text", [True])(sheet, path, value)


TOP: dict[str, Rule] = {
    "base_model": keep("model.source", text),
    "log": trackers,
    "backend": drop(reasons.DEVICE),
    **dict.fromkeys(("task", "project_name", "data", "params", "hub"), refuse("is not what AutoTrain takes here", ())),
}

DATA: dict[str, Rule] = {
    **dict.fromkeys(("path", "train_split", "valid_split"), refuse("can't be read without a path and a task", ())),
    "chat_template": drop("asks for nothing in this task"),
    "column_mapping": refuse("must be a block of keys", [{}]),
    "categorical_columns": drop("goes with tables"),
    "numerical_columns": drop("goes with tables"),
}

COLUMNS: dict[str, Rule] = {
    **dict.fromkeys(
        ("text_column", "target_column", "tokens_column", "tags_column"), drop("names no column that this task reads")
    ),
    **dict.fromkeys(
        ("prompt_text_column", "rejected_text_column", "prompt_column"), refuse(PREFERENCES, matters=False)
    ),
    **dict.fromkeys(
        (
            "sentence1_column", "sentence2_column", "sentence3_column", "image_column", "objects_column",
            "audio_column", "question_column", "answer_column", "id_column",
        ),
        refuse("belongs to a task that is not there yet", matters=False),
    ),
}  # fmt: skip

HUB: dict[str, Rule] = {
    "username": drop(reasons.HUB),
    "push_to_hub": drop(reasons.HUB),
    "token": drop(reasons.SECRET),
}

PARAMS: dict[str, Rule] = {
    "lr": keep("train.learning_rate", number),
    "epochs": keep("train.num_train_epochs", number),
    "batch_size": keep("train.per_device_train_batch_size", whole),
    "gradient_accumulation": keep("train.gradient_accumulation_steps", whole),
    "scheduler": schedule,
    "warmup_ratio": warm_up("scheduler"),
    "weight_decay": keep("train.weight_decay", number),
    "max_grad_norm": keep("train.max_grad_norm", number),
    "optimizer": optimizer,
    "mixed_precision": mixed_precision,
    "max_seq_length": keep("train.max_seq_length", whole, reasons.CUT),
    "block_size": block_size,
    "model_max_length": model_max_length,
    "seed": keep("train.seed", whole),
    "early_stopping_patience": keep("train.early_stopping_patience", whole),
    "disable_gradient_checkpointing": checkpointing,
    "eval_strategy": validation_strategy,
    "evaluation_strategy": validation_strategy,
    "peft": drop("this task trains the whole model"),
    "quantization": quantization,
    "lora_r": lora(keep("adapter.r", whole)),
    "lora_alpha": lora(keep("adapter.alpha", whole)),
    "lora_dropout": lora(keep("adapter.dropout", number)),
    "target_modules": lora(target_modules),
    "trainer": trainer,
    "merge_adapter": drop("export names what is written"),
    "packing": keep("train.packing", flag, "packed rows never see each other"),
    "add_eos_token": end_of_text,
    "log": trackers,
    "chat_template": refuse("say it in data", ()),
    "auto_find_batch_size": refuse("say the size: batch_size"),
    "early_stopping_threshold": refuse("Engram counts any better validation loss as better", [0], matters=False),
    "max_target_length": refuse("Engram bounds prompt and answer together (train.max_seq_length)", matters=False),
    "unsloth": drop(reasons.SPEED),
    "use_flash_attention_2": drop(reasons.SPEED),
    "attn_implementation": drop(reasons.SPEED),
    "padding": drop(reasons.PADDING),
    "logging_steps": drop(reasons.LOGS),
    "save_total_limit": drop(reasons.KEEPS),
    "save_strategy": drop(reasons.KEEPS),
    "distributed_backend": drop(reasons.PARALLEL),
    "push_to_hub": drop(reasons.HUB),
    "repo_id": drop(reasons.HUB),
    "username": drop(reasons.HUB),
    "token": drop(reasons.SECRET),
    "max_samples": keep("data.limit", whole),
    **dict.fromkeys(
        ("model_ref", "dpo_beta", "max_prompt_length", "max_completion_length"), refuse(PREFERENCES, (), matters=False)
    ),
    "max_doc_stride": refuse("belongs to a task that is not there yet", matters=False),
}
