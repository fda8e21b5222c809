"""Axolotl's data sets: a list of blocks with a path and a type, and the columns by `field_…` keys."""

from __future__ import annotations

from typing import Any

from engram.config.importers import reasons
from engram.config.importers.rows import Shape, put_shape
from engram.config.importers.rules import drop, is_one_of, keep, refuse, words
from engram.config.importers.sheet import Rule, Sheet, Unfit
from engram.config.importers.sources import carry_source
from engram.schema.codec import Path

READERS = ("json", "csv", "parquet", "text", "arrow")
ALPACA_FIELDS = {
    "field_instruction": "instruction",
    "field_input": "input",
    "field_output": "output",
    "field_system": "system",
}
SHAREGPT = {"role": "from", "content": "value"}

_WAYS = "Engram turns rows into text in one way for each format"
TYPE_RULES: dict[str, Rule] = {
    **dict.fromkeys(ALPACA_FIELDS, drop(reasons.WITH_ITS_SET)),
    **{key: refuse(f"{_WAYS}; give the text in the rows") for key in ("format", "no_input_format", "system_prompt")},
    "system_format": refuse(_WAYS, ["{system}"]),
}
RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "path", "data_files", "type", "split", "name", "revision", "field", "text_column", "field_messages",
            "field_tools", "message_property_mappings", "message_field_role", "message_field_content",
        ),
        drop(reasons.WITH_ITS_SET),
    ),
    "ds_type": drop("Engram looks at the file to see what it is"),
    "trust_remote_code": refuse(reasons.CODE, matters=False),
    "preprocess_shards": drop(reasons.LOADING),
    "chat_template": refuse(reasons.TEMPLATE, ["tokenizer_default"]),
    "roles_to_train": refuse("Engram learns the answers of the assistant", [["assistant"], ["gpt"]]),
    "train_on_eos": refuse("Engram learns the end of each answer", ["turn"]),
    "skip": refuse("Engram reads every source whole", [0]),
    **{
        key: refuse("Engram reads every source whole", ())
        for key in ("shards", "shards_idx", "input_transform", "input_format", "conversation")
    },
    **{
        key: refuse("Engram reads conversations with the roles user, assistant, system and tool", ())
        for key in (
            "roles", "message_field_training", "message_field_training_detail", "drop_system_message", "field_human",
            "field_model", "field_thinking", "template_thinking_key", "split_thinking", "chat_template_jinja",
        )
    },
    **{
        key: refuse(reasons.REWARD, (), matters=False)
        for key in (
            "step_separator", "max_completion_length", "train_on_last_step_only", "logprobs_field", "temperature",
        )
    },
}  # fmt: skip


def read_data(sheet: Sheet) -> set[str]:
    """File the lists of data sets; return the parts that have sources of their own."""
    index, given = 0, set()
    shapes: list[Shape] = []
    for key, part in (("datasets", ""), ("pretraining_dataset", ""), ("test_datasets", "valid")):
        entries = sheet.get(key)
        if not isinstance(entries, list):
            continue
        for number, entry in enumerate(entries):
            at = (key, number)
            if not isinstance(entry, dict):
                sheet.refuse(at, "must be a block of keys")
                continue
            if entry.get("path") is None and entry.get("data_files") is None:
                sheet.refuse(at, "names no path")
                continue
            if _shape(sheet, at, shapes) and _source(sheet, index, at, part):
                sheet.apply(RULES, at)
                index += 1
                given |= {part} if part else set()
            else:
                sheet.set_aside(at, reasons.NOT_READ)
    if shapes:
        put_shape(sheet, shapes[-1], "by the type of the data sets")
    return given


def _source(sheet: Sheet, index: int, at: Path, part: str) -> bool:
    why = f"{at[0]} is what Axolotl validates on"
    keys: dict[str, Path] = {"split": (*at, "split"), "subset": (*at, "name"), "revision": (*at, "revision")}
    files = (*at, "data_files")
    if sheet.get(*files) is None:
        return carry_source(sheet, index, (*at, "path"), keys, part, why)
    try:
        names = words(sheet.get(*files))
    except Unfit as unfit:
        sheet.refuse(files, str(unfit))
        return False
    if sheet.get(*at, "path") not in READERS or len(names) != 1:
        sheet.refuse(files, "name one file of this machine in each data set, or read the data set of the hub whole")
        return False
    if isinstance(sheet.get(*files), list):
        files = (*files, 0)
    return carry_source(sheet, index, files, {"split": (*at, "split")}, part, why)


def _shape(sheet: Sheet, at: Path, shapes: list[Shape]) -> bool:
    """File a data set's type, and the columns that it names; False when Engram can't read such rows."""
    path = (*at, "type")
    said = sheet.get(*path)
    if sheet.get("rl"):
        if said is not None:
            sheet.refuse(path, reasons.REWARD, matters=False)
        shapes[:] = shapes or [Shape("prompt_completion", {"prompt": "prompt", "completion": "chosen"})]
        return True
    try:
        found, columns = _meant(sheet, at, said)
        shapes.append(shapes[-1].with_(found) if shapes else found)
    except Unfit as unfit:
        sheet.refuse(path if said is not None else at, str(unfit))
        return False
    for key, role in columns.items():
        sheet.carry((*at, *key.split("/")), f"data.columns.{role}", sheet.get(*at, *key.split("/")))
    if isinstance(said, dict):
        sheet.apply(TYPE_RULES, path)
    elif said is not None:
        sheet.carry(path, "data.format", found.format)
    return True


def _meant(sheet: Sheet, at: Path, said: Any) -> tuple[Shape, dict[str, str]]:
    """Return the shape that a type means, and its keys that name columns, each with our role."""
    if isinstance(said, dict):
        keys = {f"type/{key}": role for key, role in ALPACA_FIELDS.items() if said.get(key)}
        if not {"output", "instruction"} <= {*keys.values()}:
            raise Unfit("must name field_instruction and field_output")
        return Shape("alpaca", {role: str(sheet.get(*at, *key.split("/"))) for key, role in keys.items()}), keys
    if said is None or is_one_of(said, ["completion", "pretrain"]):
        if said is None and at[0] != "pretraining_dataset":
            raise Unfit("has no type, so how its rows are read is not said")
        key = "text_column" if sheet.get(*at, "text_column") else "field"
        column = sheet.get(*at, key)
        return Shape("text", {"text": str(column or "text")}), {key: "text"} if column else {}
    if is_one_of(said, ["alpaca"]):
        return Shape("alpaca"), {}
    if is_one_of(said, ["chat_template", "sharegpt"]):
        return _conversation(sheet, at, str(said).lower())
    raise Unfit(f"rows of the type {str(said)[:60]!r} are not read yet: alpaca, chat_template and completion are")


def _conversation(sheet: Sheet, at: Path, said: str) -> tuple[Shape, dict[str, str]]:
    named = {key: sheet.get(*at, f"message_field_{key}") for key in SHAREGPT}
    mapping = sheet.get(*at, "message_property_mappings") or {key: name for key, name in named.items() if name}
    if not isinstance(mapping, dict):
        raise Unfit("has message_property_mappings that are no block of keys")
    own = said == "sharegpt" or mapping == SHAREGPT
    if not own and any(mapping.get(key, key) != key for key in SHAREGPT):
        raise Unfit("names role and content of a message in its own way; Engram reads role/content and from/value")
    role = "conversations" if own else "messages"
    column = sheet.get(*at, "field_messages")
    keys = {"field_messages": role} if column else {}
    columns = {role: str(column or ("conversations" if own and said == "sharegpt" else "messages"))}
    if sheet.get(*at, "field_tools"):
        keys["field_tools"] = "tools"
        columns["tools"] = str(sheet.get(*at, "field_tools"))
    return Shape("sharegpt" if own else "messages", columns), keys


def special_tokens(sheet: Sheet, path: Path, value: Any) -> None:
    """Carry over added special tokens; others that exist are the tokenizer's own business."""
    end = refuse("the model's own tokenizer says this", ())
    sheet.apply(
        {
            "additional_special_tokens": keep("model.special_tokens", words),
            "pad_token": drop(reasons.PADDING),
            **dict.fromkeys(("bos_token", "eos_token", "unk_token"), end),
        },
        path,
    )
    if not sheet.is_filed(path):
        sheet.ignore(path, "names no token")
