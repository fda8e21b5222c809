"""AutoTrain: a task, a base model, and blocks for data, parameters and the hub."""

from __future__ import annotations

from dataclasses import dataclass

from engram.config.importers import reasons
from engram.config.importers.autotrain_keys import COLUMNS, DATA, HUB, PARAMS, TOP
from engram.config.importers.places import place, recipe_name
from engram.config.importers.rows import Shape, finish_parts, part_of, put_shape
from engram.config.importers.rules import is_one_of, word
from engram.config.importers.sheet import Sheet, Unfit
from engram.config.importers.sources import carry_source, with_split
from engram.schema.codec import Path

NAME, TITLE = "autotrain", "AutoTrain"
RULES = TOP
DATA_BLOCK, PARAMS_BLOCK, MAPPING = ("data",), ("params",), ("data", "column_mapping")


@dataclass(frozen=True)
class Task:
    """One of AutoTrain's tasks: ours, the shape of its rows, and what AutoTrain does by default.

    columns: their column → (our role, the name it has by default).
    """

    ours: str
    format: str
    columns: dict[str, tuple[str, str]]
    learning_rate: float
    epochs: float
    batch: int
    longest: int
    patience: int
    adapter: bool


CLASSES = Task(
    "classify", "label", {"text_column": ("text", "text"), "target_column": ("label", "target")},
    5e-5, 3, 8, 128, 5, False,
)  # fmt: skip
TAGS = Task(
    "tag", "tags", {"tokens_column": ("tokens", "tokens"), "tags_column": ("tags", "tags")},
    5e-5, 3, 8, 128, 5, False,
)  # fmt: skip
SEQ2SEQ = Task(
    "generate", "prompt_completion", {"text_column": ("prompt", "text"), "target_column": ("completion", "target")},
    5e-5, 3, 2, 128, 0, True,
)  # fmt: skip
LLM = Task("generate", "text", {"text_column": ("text", "text")}, 3e-5, 1, 2, 2048, 0, True)

TASKS = {
    "text_classification": CLASSES,
    "text_binary_classification": CLASSES,
    "text_multi_class_classification": CLASSES,
    "token_classification": TAGS,
    "text_token_classification": TAGS,
    "seq2seq": SEQ2SEQ,
    "llm": LLM,
    "llm_sft": LLM,
    "llm_generic": LLM,
    "llm_training": LLM,
    "llm_finetuning": LLM,
    "lm_training": LLM,
}
REWARDS = ("llm_dpo", "llm_orpo", "llm_reward", "llm_ppo")
OTHERS = "Engram's language models classify, tag and write text; this task is not there yet"


def convert(sheet: Sheet) -> None:
    """Write the recipe of an AutoTrain file."""
    task = _task(sheet)
    if task is None:
        sheet.set_aside((), "goes with a task that is not there yet")
        return
    _name(sheet)
    given = _data(sheet, task)
    sheet.put("export", ["adapter", "merged"] if _adapter(sheet, task) else ["merged"], reasons.WRITTEN)
    if task.ours == "generate":
        sheet.write("train.loss_on", "all" if task is LLM else "completion", f"what {TITLE} does for this task")
    for rules, at in ((COLUMNS, MAPPING), (DATA, DATA_BLOCK), (PARAMS, PARAMS_BLOCK), (HUB, ("hub",)), (TOP, ())):
        sheet.apply(rules, at)
    sheet.default("train.learning_rate", task.learning_rate)
    sheet.default("train.num_train_epochs", float(task.epochs))
    sheet.default("train.per_device_train_batch_size", task.batch)
    sheet.default("train.gradient_accumulation_steps", 4 if task is LLM else 1)
    sheet.default("train.lr_scheduler_type", "linear")
    sheet.default("train.weight_decay", 0.0)
    sheet.default("train.precision", "fp32")
    sheet.default("train.group_by_length", False)
    sheet.default("train.max_seq_length", task.longest)
    sheet.default("train.early_stopping_patience", task.patience)
    if task is LLM:
        sheet.default("train.gradient_checkpointing", True)
    finish_parts(sheet, given)


def _task(sheet: Sheet) -> Task | None:
    said = sheet.get("task")
    name = str(said).lower().replace("-", "_")
    if name in TASKS:
        sheet.carry(("task",), "task", TASKS[name].ours)
        return TASKS[name]
    if name in REWARDS:
        sheet.refuse(("task",), "learning from preferences or rewards is not there yet")
        sheet.put("task", "generate", "the chosen answers are learned, the rejected ones are not compared")
        return LLM
    if sheet.says(("task",)):
        sheet.give_up(("task",), f"{word(said)}: {OTHERS}")
    else:
        sheet.lacks.append("it names no task")
        sheet.final = True
    return None


def _name(sheet: Sheet) -> None:
    if isinstance(sheet.get("project_name"), str):
        sheet.carry(("project_name",), "name", recipe_name(sheet.get("project_name")))


def _data(sheet: Sheet, task: Task) -> set[str]:
    given: set[str] = set()
    keys: dict[str, Path] = {"split": (*DATA_BLOCK, "train_split")}
    if sheet.get(*DATA_BLOCK, "path") is None:
        return given
    if not carry_source(sheet, 0, (*DATA_BLOCK, "path"), keys):
        sheet.set_aside(DATA_BLOCK, reasons.NOT_READ)
        return given
    valid = (*DATA_BLOCK, "valid_split")
    if sheet.get(*valid) is not None:
        given = second_source(sheet, valid)
    _columns(sheet, task)
    return given


def second_source(sheet: Sheet, path: Path) -> set[str]:
    """File the split that AutoTrain validates on, as a source with a part of its own."""
    name, split = str(sheet.get(*DATA_BLOCK, "path")), sheet.get(*path)
    part = part_of(str(split))
    try:
        source = with_split(sheet, name, place(sheet, name), split)
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
        return set()
    more = source | ({"split": split} if "hub" in source else {}) | {"part": part}
    lines = {f"data.sources.1.{key}": value for key, value in more.items()}
    sheet.carry(path, "data.sources.1", more, f"its rows are the part {part}", lines)
    return {part}


def _columns(sheet: Sheet, task: Task) -> None:
    shape = task.format
    roles = dict(task.columns)
    template = (*DATA_BLOCK, "chat_template")
    if task is LLM and sheet.get(*template) is not None:
        shape, roles = "messages", {"text_column": ("messages", "messages")}
        _template(sheet, template)
    columns = {}
    for theirs, (role, default) in roles.items():
        path = (*MAPPING, theirs)
        value = sheet.get(*path)
        columns[role] = str(value) if value is not None else default
        if value is not None:
            sheet.carry(path, f"data.columns.{role}", columns[role])
    put_shape(sheet, Shape(shape, columns), f"what {TITLE} reads for this task")


def _template(sheet: Sheet, path: Path) -> None:
    if is_one_of(sheet.get(*path), ["tokenizer"]):
        sheet.carry(path, "data.format", "messages")
    elif is_one_of(sheet.get(*path), ["none"]):
        sheet.ignore(path, "asks for none")
    else:
        sheet.refuse(path, f"{reasons.TEMPLATE}; write tokenizer")


def _adapter(sheet: Sheet, task: Task) -> bool:
    """File peft and quantization; the base is quantised to int4 unless the file says otherwise."""
    peft, quantised = (*PARAMS_BLOCK, "peft"), (*PARAMS_BLOCK, "quantization")
    if not task.adapter or not is_one_of(sheet.get(*peft), [True]):
        if is_one_of(sheet.get(*peft), [False]):
            sheet.carry(peft, "adapter.type", "full")
        sheet.put("adapter.type", "full", f"not in the file: {TITLE} trains the whole model")
        return False
    if sheet.get(*quantised) is None:
        sheet.refuse(
            peft, f"{TITLE} quantises the base to int4 here; write quantization: none for LoRA on the base as it is"
        )
        sheet.put("adapter.type", "lora", "LoRA on the base as it is, not quantised")
    else:
        sheet.carry(peft, "adapter.type", "lora")
    sheet.default("adapter.r", sheet.get(*PARAMS_BLOCK, "lora_r") or 16)
    sheet.default("adapter.alpha", 32)
    sheet.default("adapter.dropout", 0.05)
    sheet.default("adapter.target_modules", "all-linear")
    return True
