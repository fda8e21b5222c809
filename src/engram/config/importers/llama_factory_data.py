"""LLaMA-Factory's data sets: names, and the dataset_info.json that says what they stand for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from engram.config.importers.places import shift
from engram.config.importers.rows import Shape, put_shape
from engram.config.importers.rules import is_one_of, whole, words
from engram.config.importers.sheet import Sheet, Unfit
from engram.config.parse import MAX_BYTES
from engram.errors import did_you_mean
from engram.schema.codec import Path

INFO = "dataset_info.json"
ONLINE = "ONLINE"
MAX_SETS = 100

# Their roles of columns → ours.
ALPACA = {"prompt": "instruction", "query": "input", "response": "output", "system": "system"}
SHAREGPT = {"messages": "conversations", "system": "system", "tools": "tools"}
ROLE_TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
SHAREGPT_TAGS = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}
# What an entry may say besides that Engram can't follow.
BEYOND = {
    "num_samples": "takes a number of its rows only",
    "folder": "takes one folder of a data set of the hub",
    "script_url": "is loaded by a script",
    "load_from": "is loaded in a way of its own",
}
MEDIA = ("images", "videos", "audios", "kto_tag", "history")


@dataclass(frozen=True)
class Found:
    """A dataset_info.json: its folder, what it says, and for the absence of one why."""

    folder: File
    sets: Mapping[str, Any]
    missing: str = ""


def read_data(sheet: Sheet) -> set[str]:
    """File dataset, eval_dataset, dataset_dir and max_samples; return the parts that have sources of their own."""
    info = read_info(sheet)
    if sheet.says(("dataset_dir",)):
        if info.missing and sheet.get("dataset_dir") != ONLINE:
            sheet.refuse(("dataset_dir",), info.missing)
        else:
            sheet.ignore(("dataset_dir",), f"{INFO} there says what the names of data sets stand for")
    sources: list[dict[str, str]] = []
    shapes: list[Shape] = []
    for key, part in (("dataset", ""), ("eval_dataset", "valid")):
        if sheet.get(key) is not None:
            _sets(sheet, (key,), info, part, sources, shapes)
    if shapes:
        put_shape(sheet, shapes[-1], f"what {INFO} says of the data sets")
    _limit(sheet, len(sources))
    return {source["part"] for source in sources if "part" in source}


def _sets(sheet: Sheet, path: Path, info: Found, part: str, sources: list[dict[str, str]], shapes: list[Shape]) -> None:
    faults: list[str] = []
    lines: dict[str, str] = {}
    try:
        names = words(sheet.get(*path))[:MAX_SETS]
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
        return
    before = len(sources)
    for name in names:
        try:
            source, shape = one_set(sheet, info, name)
            shape = shapes[-1].with_(shape) if shapes else shape
        except Unfit as unfit:
            faults.append(f"the data set {name!r} {unfit}")
            continue
        shapes.append(shape)
        sources.append({**source, "part": part} if part else source)
    for index, source in enumerate(sources[before:], before):
        lines |= {f"data.sources.{index}.{key}": value for key, value in source.items()}
    if faults:
        sheet.refuse(path, "; ".join(faults))
        for ours, value in lines.items():
            sheet.put(ours, value, f"what could be read of {path[-1]}")
    else:
        ours = f"data.sources.{before}" if before else "data.sources"
        sheet.carry(path, ours, sources[before:], f"by {_shown(info)}" if info.sets else "", lines)


def _shown(info: Found) -> str:
    try:
        return File(os.path.relpath(info.folder / INFO)).as_posix()
    except ValueError:  # another drive
        return str(info.folder / INFO)


def read_info(sheet: Sheet) -> Found:
    """Look for the dataset_info.json in dataset_dir, then beside the file."""
    said = sheet.get("dataset_dir")
    if said == ONLINE:
        return Found(File(), {}, "online")
    name = said if isinstance(said, str) else "data"
    if name.startswith("REMOTE:"):
        return Found(File(), {}, f"{INFO} is looked for on this machine, not on the hub")
    folders = [*(folder / name for folder in sheet.folders), *sheet.folders[1:]]
    for folder in folders:
        if os.path.isfile(folder / INFO):  # noqa: PTH113 - a name that is too long is no file, and no error
            return _open(folder)
    return Found(File(), {}, f"there is no {INFO} in {folders[0]} or beside the file")


def _open(folder: File) -> Found:
    file = folder / INFO
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        sets = json.loads(content) if len(content) <= MAX_BYTES else None
    except (OSError, ValueError, RecursionError):
        sets = None
    if isinstance(sets, dict):
        return Found(folder, sets)
    return Found(folder, {}, f"{file} can't be read: it must be a JSON object of at most 1 MiB")


def one_set(sheet: Sheet, info: Found, name: str) -> tuple[dict[str, str], Shape]:
    """Return the source and the shape of one named data set.

    Raises Unfit, with a text that goes on after the name, for one that is not described or that Engram can't read.
    """
    if info.missing == "online":
        return {"hub": name, "split": "train"}, _alpaca(sheet, {})
    if info.missing:
        raise Unfit(f"is described nowhere: {info.missing}")
    entry = info.sets.get(name)
    if not isinstance(entry, dict):
        raise Unfit(f"is not in {_shown(info)}. {did_you_mean(name, info.sets)}".strip())
    for key, why in BEYOND.items():
        if entry.get(key) is not None:
            raise Unfit(f"{why} ({key})")
    return _source(sheet, info, entry), shape_of(sheet, entry)


def _source(sheet: Sheet, info: Found, entry: Mapping[str, Any]) -> dict[str, str]:
    if isinstance(entry.get("hf_hub_url"), str):
        source = {"hub": entry["hf_hub_url"]}
        details = {key: entry[key] for key in ("subset", "split", "revision") if isinstance(entry.get(key), str)}
        return source | {"split": "train"} | details
    file = entry.get("file_name")
    if not isinstance(file, str) or not file.strip():
        raise Unfit("names neither a file nor a data set of the Hugging Face hub")
    if "://" in file:
        raise Unfit("is an address; download it first")
    absolute = File(file).is_absolute() or File(str(sheet.get("dataset_dir") or "")).is_absolute()
    where = info.folder / file
    return {"path": shift(sheet, str(where) if absolute else file, where)}


def shape_of(sheet: Sheet, entry: Mapping[str, Any]) -> Shape:
    """Return how the rows of a described data set look."""
    columns, tags = _names(entry, "columns"), _names(entry, "tags")
    extra = [key for key in MEDIA if columns.get(key)]
    if extra:
        raise Unfit(f"has columns that Engram does not read: {', '.join(extra)}")
    if entry.get("ranking"):
        if sheet.get("stage") is None or is_one_of(sheet.get("stage"), ["sft", "pt"]):
            raise Unfit("holds better and worse answers (ranking), which this stage does not compare")
        # The stages that compare are refused; what --partial can learn of a pair is the chosen answer.
        chosen = {"prompt": columns.get("prompt") or "instruction", "completion": columns.get("chosen") or "chosen"}
        return Shape("prompt_completion", chosen)
    kind = entry.get("formatting", "alpaca")
    if is_one_of(kind, ["alpaca"]):
        return _alpaca(sheet, columns)
    if not is_one_of(kind, ["sharegpt", "openai"]):
        raise Unfit(f"has the format {kind!r}; Engram reads alpaca and sharegpt")
    if is_one_of(kind, ["openai"]) or all(tags.get(tag) == name for tag, name in ROLE_TAGS.items()):
        column = columns.get("messages", "messages")
        return Shape("messages", {"messages": column, **({"tools": columns["tools"]} if columns.get("tools") else {})})
    if tags and any(tags.get(tag, own) != own for tag, own in SHAREGPT_TAGS.items()):
        raise Unfit("names the roles of a conversation in its own way (tags)")
    given = {ours: columns[key] for key, ours in SHAREGPT.items() if columns.get(key)}
    return Shape("sharegpt", {"conversations": "conversations", **given})


def _names(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return one block of names of an entry, those without a value left out."""
    found = entry.get(key) or {}
    if not isinstance(found, dict) or not all(isinstance(name, str | None) for name in found.values()):
        raise Unfit(f"has {key} that are no block of names")
    return {role: name for role, name in found.items() if name}


def _alpaca(sheet: Sheet, columns: Mapping[str, Any]) -> Shape:
    if is_one_of(sheet.get("stage"), ["pt"]):
        return Shape("text", {"text": columns.get("prompt", "instruction" if not columns else "text")})
    if not columns:
        return Shape("alpaca")
    return Shape("alpaca", {ours: columns[key] for key, ours in ALPACA.items() if columns.get(key)})


def _limit(sheet: Sheet, sets: int) -> None:
    path = ("max_samples",)
    if sheet.get(*path) is None:
        return
    try:
        rows = whole(sheet.get(*path))
    except Unfit as unfit:
        sheet.refuse(path, str(unfit))
        return
    if sets == 1:
        sheet.carry(path, "data.limit", rows, "drawn after the rows are mixed, not the first ones")
    else:
        sheet.refuse(path, f"so many rows of each of {sets} data sets; Engram limits all rows together (data.limit)")
