"""TRL: what `trl sft` and `trl dpo` take, one flat file over transformers' training arguments."""

from __future__ import annotations

from typing import Any

from engram.config.importers import reasons
from engram.config.importers.places import place
from engram.config.importers.rows import Shape, finish_parts, part_of, put_shape, valid_share
from engram.config.importers.rules import drop, flag, is_one_of, keep, number, refuse, text, whole
from engram.config.importers.sheet import Rule, Sheet, Unfit
from engram.config.importers.sources import carry_source, with_split
from engram.config.importers.trainer_keys import RULES as TRAINER
from engram.config.importers.trainer_keys import defaults
from engram.config.importers.training import target_modules
from engram.schema.codec import Path

NAME, TITLE = "trl", "TRL"
BY_COLUMNS = (
    "TRL tells by the columns what rows are; where Engram can't, name it in data.format (messages, prompt_completion, "
    "text). TRL learns conversations whole unless assistant_only_loss is true: see that train.loss_on is what you want."
)
FORMATS = {"messages": "messages", "conversations": "sharegpt", "completion": "prompt_completion", "text": "text"}
DPO = "belongs to trl dpo, and learning from preferences is not there yet"


def completion_only(sheet: Sheet, path: Path, value: Any) -> None:
    """Read what of a row is learned; the key for conversations and the one for prompts say the same."""
    try:
        sheet.carry(path, "train.loss_on", "completion" if flag(value) else "all")
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))


def assistant_only(sheet: Sheet, path: Path, value: Any) -> None:
    """Read whether only answers of conversations are learned."""
    if is_one_of(value, [False]) and sheet.get("completion_only_loss") is not None:
        sheet.ignore(path, "completion_only_loss says what is learned")
    else:
        completion_only(sheet, path, value)


def loss_type(sheet: Sheet, path: Path, value: Any) -> None:
    """Know the loss of trl sft; any other changes the training."""
    if is_one_of(value, ["nll", "chunked_nll"]):
        sheet.ignore(path, "is Engram's loss, the cross-entropy")
    else:
        sheet.refuse(path, "Engram's loss is the cross-entropy; others are not there yet")


def use_peft(sheet: Sheet, path: Path, value: Any) -> None:
    """Read whether an adapter is trained."""
    try:
        sheet.carry(path, "adapter.type", "lora" if flag(value) else "full")
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))


def columns(sheet: Sheet, path: Path, value: Any) -> None:
    """Tell the format of rows by the columns that are asked for."""
    names = value if isinstance(value, list) else []
    found = next((shape for column, shape in FORMATS.items() if column in names), None)
    if found:
        sheet.carry(path, "data.format", found)
    else:
        sheet.ignore(path, "Engram reads the columns that the format has")


def lora(rule: Rule) -> Rule:
    """Apply a rule of LoRA's options only where an adapter is trained."""

    def chosen(sheet: Sheet, path: Path, value: Any) -> None:
        if is_one_of(sheet.get("use_peft"), [True]):
            rule(sheet, path, value)
        else:
            sheet.ignore(path, "counts only with use_peft: true, and the whole model is trained")

    return chosen


_OWN: dict[str, Rule] = {
    "model_name_or_path": keep("model.source", text),
    "model_revision": keep("model.revision", text),
    "use_peft": use_peft,
    "lora_r": lora(keep("adapter.r", whole)),
    "lora_alpha": lora(keep("adapter.alpha", whole)),
    "lora_dropout": lora(keep("adapter.dropout", number)),
    "lora_target_modules": lora(target_modules),
    "lora_task_type": refuse("Engram's task is set by the recipe, and trl writes text", ["CAUSAL_LM"]),
    "max_length": keep("train.max_seq_length", whole, reasons.CUT),
    "max_seq_length": keep("train.max_seq_length", whole, reasons.CUT),
    "packing": keep("train.packing", flag, "packed rows never see each other"),
    "packing_strategy": refuse("Engram packs whole rows", ["bfd", "ffd"]),
    "truncation_mode": refuse("Engram cuts the end of a row that is too long", ["keep_start"]),
    "completion_only_loss": completion_only,
    "assistant_only_loss": assistant_only,
    "loss_type": loss_type,
    "dtype": drop(reasons.WEIGHTS),
    "torch_dtype": drop(reasons.WEIGHTS),
    "test_split_size": valid_share,
    "chat_template_path": refuse(reasons.TEMPLATE),
    "eos_token": refuse("the end of a row is what the model's own tokenizer says"),
    "model_init_kwargs": refuse("Engram opens a model as it is", [{}, "{}"]),
    "dataset_kwargs": refuse("Engram prepares rows by itself", [{}, "{}"]),
    "shuffle_dataset": drop("Engram mixes rows before it deals them to the parts"),
    "trust_remote_code": refuse(reasons.CODE, matters=False),
    "router_aux_loss_coef": refuse("Engram's loss is the cross-entropy", [0]),
    "env": drop("variables are set before engram is started"),
    "config": drop("names this file"),
}

_IGNORED = {
    reasons.LOADING: "dataset_batch_size dataset_streaming streaming num_of_sequences chars_per_token",
    reasons.PADDING: "pad_token pad_to_multiple_of padding_free eval_packing padding_value label_pad_token_id",
    reasons.SPEED: "attn_implementation use_liger_loss use_liger ignore_bias_buffers "
    "gradient_checkpointing_use_reentrant",
    reasons.GENERATING: "generate_during_eval",
}

_REFUSED = {
    reasons.QUANTISED: "load_in_4bit load_in_8bit",
    reasons.LORA: "use_rslora use_dora lora_modules_to_save lora_target_parameters",
}

_DETAILS = {
    reasons.QUANTISED: "bnb_4bit_quant_type use_bnb_nested_quant bnb_4bit_quant_storage",
}

_DPO = (
    "beta label_smoothing loss_weights ld_alpha f_divergence_type f_alpha_divergence_coef use_weighting discopop_tau "
    "precompute_ref_log_probs precompute_ref_batch_size sync_ref_model ref_model_mixup_alpha ref_model_sync_steps "
    "reference_free force_use_ref_model disable_dropout max_prompt_length max_completion_length use_logits_to_keep "
    "rpo_alpha model_adapter_name ref_adapter_name base_model_attribute_name tools is_encoder_decoder "
    "ref_model_init_kwargs rpo_alpha"
)

RULES: dict[str, Rule] = {
    **TRAINER,
    **{key: drop(reason) for reason, keys in _IGNORED.items() for key in keys.split()},
    **{key: refuse(reason) for reason, keys in _REFUSED.items() for key in keys.split()},
    **{key: refuse(reason, matters=False) for reason, keys in _DETAILS.items() for key in keys.split()},
    **{key: refuse(DPO, ()) for key in _DPO.split()},
    **_OWN,
    **dict.fromkeys(
        ("dataset_name", "dataset_config", "dataset_train_split", "dataset_test_split", "dataset_text_field"),
        drop("is read with the data set"),
    ),
    "datasets": refuse("must be a list of data sets", ()),
}

MIXED: dict[str, Rule] = {
    "path": drop("is read with its data set"),
    "name": drop("is read with its data set"),
    "data_dir": refuse("Engram reads a data set of the hub whole"),
    "data_files": refuse("name the files as sources: one path each", ()),
    "split": drop("is read with its data set"),
    "columns": columns,
    "fraction": refuse("Engram reads every source whole", [1]),
}


def convert(sheet: Sheet) -> None:
    """Write the recipe of a TRL file."""
    for key in ("max_length", "max_seq_length"):
        if sheet.says((key,)) and sheet.get(key) is None:
            sheet.refuse((key,), "means that no row is cut, and Engram cuts at train.max_seq_length")
    given = _mixture(sheet) if isinstance(sheet.get("datasets"), list) else _one_set(sheet)
    sheet.apply(RULES)
    dpo = any(one.reason == DPO for one in sheet.unsupported)
    sheet.put("task", "generate", "text is written")
    adapter = is_one_of(sheet.get("use_peft"), [True])
    sheet.default("adapter.type", "full", "use_peft would ask for an adapter")
    if adapter:
        sheet.default("adapter.r", 16)
        sheet.default("adapter.alpha", 32)
        sheet.default("adapter.dropout", 0.05)
        layers = "TRL leaves the layers to PEFT, by architecture; Engram adapts every linear layer"
        sheet.put("adapter.target_modules", "all-linear", f"not in the file: {layers}")
    sheet.put("export", ["adapter", "merged"] if adapter else ["merged"], reasons.WRITTEN)
    if dpo:
        chosen = Shape("prompt_completion", {"prompt": "prompt", "completion": "chosen"})
        put_shape(sheet, chosen, "the chosen answers are learned, the rejected ones are not compared")
    defaults(sheet, 1e-6 if dpo else 2e-5)
    sheet.default("train.precision", "bf16")
    sheet.default("train.gradient_checkpointing", True)
    sheet.default("train.max_seq_length", 1024)
    finish_parts(sheet, given)
    if not sheet.is_written("data.format"):
        sheet.notes.append(BY_COLUMNS)


def _one_set(sheet: Sheet) -> set[str]:
    name, test = ("dataset_name",), ("dataset_test_split",)
    keys: dict[str, Path] = {"subset": ("dataset_config",), "split": ("dataset_train_split",)}
    given: set[str] = set()
    if sheet.get(*name) is None or not carry_source(sheet, 0, name, keys):
        return given
    if sheet.get(*test) is not None:
        given |= _test_split(sheet, test, text(sheet.get(*name)))
    if sheet.get("dataset_text_field") is not None:
        sheet.carry(("dataset_text_field",), "data.columns.text", str(sheet.get("dataset_text_field")))
        sheet.put("data.format", "text", "dataset_text_field names a column of text")
        sheet.default("train.loss_on", "all")
    return given


def _test_split(sheet: Sheet, path: Path, name: str) -> set[str]:
    split = sheet.get(*path)
    part = part_of(str(split))
    try:
        source = with_split(sheet, name, place(sheet, name), split)
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
        return set()
    first = {key: sheet.wrote(f"data.sources.0.{key}") for key in ("subset", "revision")}
    more = source | {key: value for key, value in first.items() if value is not None}
    more |= {"split": split, "part": part} if "hub" in source else {"part": part}
    lines = {f"data.sources.1.{key}": value for key, value in more.items()}
    sheet.carry(path, "data.sources.1", more, f"its rows are the part {part}", lines)
    return {part}


def _mixture(sheet: Sheet) -> set[str]:
    """Read the list of data sets that are trained on together."""
    index = 0
    for number_, entry in enumerate(sheet.get("datasets")):
        at = ("datasets", number_)
        if not isinstance(entry, dict) or entry.get("path") is None:
            sheet.refuse(at, "must be a block of keys with a path")
            continue
        if carry_source(sheet, index, (*at, "path"), {"subset": (*at, "name"), "split": (*at, "split")}):
            sheet.apply(MIXED, at)
            index += 1
        else:
            sheet.set_aside(at, reasons.NOT_READ)
    return set()
