"""Axolotl: one flat file, with a list of data sets that say how their rows are turned into text."""

from __future__ import annotations

from engram.config.importers import reasons
from engram.config.importers.axolotl_data import read_data
from engram.config.importers.axolotl_keys import RULES
from engram.config.importers.rows import finish_parts
from engram.config.importers.sheet import Sheet

NAME, TITLE = "axolotl", "Axolotl"


def convert(sheet: Sheet) -> None:
    """Write the recipe of an Axolotl file."""
    given = read_data(sheet)
    sheet.apply(RULES)
    sheet.put("task", "generate", "text is written")
    trained = bool(sheet.get("adapter"))
    if trained:
        sheet.default("adapter.r", 8)
        sheet.default("adapter.alpha", 8)
        sheet.default("adapter.dropout", 0.0)
        layers = "Axolotl leaves the layers to PEFT, by architecture; Engram adapts every linear layer"
        sheet.put("adapter.target_modules", "all-linear", f"not in the file: {layers}")
    else:
        sheet.default("adapter.type", "full", "there is no adapter")
    sheet.put("export", ["adapter", "merged"] if trained else ["merged"], reasons.WRITTEN)
    sheet.default("train.loss_on", "all" if sheet.wrote("data.format") == "text" else "completion")
    sheet.default("train.max_seq_length", 512)
    sheet.default("train.per_device_train_batch_size", 1)
    if sheet.wrote("train.max_steps") is None:
        sheet.default("train.num_train_epochs", 1.0)
    sheet.default("train.warmup_ratio", 0.03, "at most 100 steps there")
    sheet.default("train.weight_decay", 0.0)
    sheet.default("train.group_by_length", False)
    sheet.default("train.early_stopping_patience", 0, "it never stops early")
    finish_parts(sheet, given)
