"""Rows that stand in no file: the seeds of episodes, dealt to train, valid and test so that none stands in two parts.

Two policies that play the test seeds begin the same episodes, so their returns can be compared pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engram.data.cache import discard, entry_key, is_sound, load_split, seal, split_digest, sweep
from engram.data.prepare import Prepared
from engram.data.rows import body_line
from engram.errors import UsageError
from engram.files import new_folder, sha256_file, write_json
from engram.schema.codec import to_dict
from engram.schema.form import SEED
from engram.schema.recipe import Data
from engram.schema.split import DataReport, Part, Split

PARTS = ("train", "valid", "test")
USUAL = 500
SEEDS = 2**31  # environments take seeds below this

Begin = Callable[[Sequence[int]], Sequence[Any]]


def prepare_seeds(data: Data, *, played: str, begin: Begin, cache: Path) -> Prepared:
    """Return the split of an environment's episodes: from the cache if a sound one is there, else put there whole.

    played: names the environment, with all that it is made with: it is part of every row. begin: seeds → what each
    episode shows first, as plain numbers.

    Raises UsageError when a part gets no seed.
    """
    drawn = deal_seeds(data)
    first = {part: list(begin(seeds)) for part, seeds in drawn.items()}
    # What is shown first is part of the key: another release of an environment may begin otherwise.
    target = cache / entry_key(data, SEED, [], [played, repr(first["test"])])
    cached = target.is_dir() and is_sound(target)
    if not cached:
        _make(drawn, first, played, data, target)
    split, report = load_split(target)
    return Prepared(split, report, target, cached)


def deal_seeds(data: Data) -> dict[str, list[int]]:
    """Return the seeds of each part; all of them differ, and they depend on ``data`` alone.

    Raises UsageError when a part gets none.

    >>> from engram.schema.recipe import SplitPlan
    >>> {part: len(seeds) for part, seeds in deal_seeds(Data(seeds=10, split=SplitPlan(0.6, 0.2, 0.2))).items()}
    {'train': 6, 'valid': 2, 'test': 2}
    """
    import numpy as np

    plan, count = data.split, min(data.seeds or USUAL, data.limit or SEEDS)
    sizes = {"test": round(count * plan.test), "valid": round(count * plan.valid)}
    sizes["train"] = count - sum(sizes.values())
    empty = next((part for part in PARTS if sizes[part] < 1), "")
    if empty:
        raise UsageError(
            f"{count} seeds leave none for the part {empty!r}.", remedy="Raise data.seeds, or change data.split."
        )
    bits, seen, drawn = np.random.PCG64(plan.seed), set[int](), dict[str, list[int]]()
    for part, size in sizes.items():
        drawn[part] = []
        while len(drawn[part]) < size:
            seed = int(bits.random_raw()) % SEEDS
            if seed not in seen:
                seen.add(seed)
                drawn[part].append(seed)
    return {part: drawn[part] for part in PARTS}


def _make(drawn: dict[str, list[int]], first: dict[str, list[Any]], played: str, data: Data, target: Path) -> None:
    if target.is_dir():
        discard(target)
    if target.parent.is_dir():
        sweep(target.parent)
    with new_folder(target) as folder:
        parts, number = {}, 0
        for name in PARTS:
            lines = []
            for seed, shown in zip(drawn[name], first[name], strict=True):
                lines.append(body_line(number, {"environment": played, "seed": seed, "input": shown}))
                number += 1
            file = folder / f"{name}.jsonl"
            file.write_text("".join(lines), encoding="utf-8", newline="\n")
            parts[name] = Part(file.name, len(lines), sha256_file(file))
        split = Split(split_digest({name: part.digest for name, part in parts.items()}, ()), parts, (), ())
        write_json(folder / "split.json", to_dict(split))
        write_json(folder / "report.json", to_dict(_report(drawn, first, played, data)))
        seal(folder)


def _report(drawn: dict[str, list[int]], first: dict[str, list[Any]], played: str, data: Data) -> DataReport:
    count = sum(map(len, drawn.values()))
    known = {*drawn["train"], *drawn["valid"]}
    sizes = ", ".join(f"{name} {len(seeds)}" for name, seeds in drawn.items())
    return DataReport(
        rows_read=count,
        rows_kept=count,
        dropped={},
        leaked_test_rows=sum(seed in known for seed in drawn["test"]),
        missing_values=0,
        class_counts={},
        said=(
            f"rows are the seeds of episodes in {played}",
            f"seeds in parts: {sizes} (drawn with seed {data.split.seed}; none stands in two parts)",
        ),
        example={"kept": {"seed": str(drawn["train"][0]), "input": str(first["train"][0])}},
    )
