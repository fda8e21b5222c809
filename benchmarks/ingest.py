"""The contestants of R2, one a process: a file of rows becomes a clean split, and the split becomes tokens.

Called as ``ingest.py ours|peer|stratified PLAN``, where PLAN is the JSON of a `Plan`. Only the work is timed, after
the same work was done on a small file, so that all code is loaded. A cold contestant begins with an empty cache; one
from cache does the work a second time, in a process of its own, with what its library kept of the first.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
from race import report_result

from engram.prep.normalise import normalise
from engram.schema.recipe import Clean, Data, Model, PrepStep, Recipe, Source, SplitPlan, Train

OURS, PEER, STRATIFIED = "ours", "peer", "stratified"
CSV, JSONL = "csv", "jsonl"
PARTS = ("train", "valid", "test")
LABELS = ("billing", "delivery", "password", "refund")
SEED = 42
# Of a hundred rows so many are other copies of one, and so many have no text.
COPIES, EMPTY, HUNDRED = 5, 1, 100
SHORTEST, LONGEST = 6, 40
MAX_LENGTH = 256
UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Plan:
    """What every contestant does. file: the rows. small: a file of the same format to warm up on.

    cache: where the library keeps what it made; absent means an empty place that is thrown away.
    """

    file: str
    small: str
    cache: str | None = None


def rows(kept: int) -> Iterator[tuple[str, str]]:
    """Yield texts and labels: `kept` different texts, each label as often as the others; copies; rows without a text.

    The words are those of a sample that ships with Engram. A copy has other white space at its ends, so that only
    cleaned rows are the same.
    """
    random = np.random.Generator(np.random.PCG64(SEED))
    sample = (package_files("engram") / "samples" / "support_tickets.csv").read_text(encoding="utf-8")
    words = np.array([word for line in csv.DictReader(sample.splitlines()) for word in line["text"].split()])
    for number in range(kept):
        text = " ".join(words[random.integers(len(words), size=random.integers(SHORTEST, LONGEST))]) + f" {number}"
        label = LABELS[number % len(LABELS)]
        yield text, label
        if number % HUNDRED < COPIES:
            yield f" {text}  ", label
        elif number % HUNDRED < COPIES + EMPTY:
            yield "  ", label


def write_rows(path: Path, kept: int) -> int:
    """Write a file of rows, as its name says CSV or JSON Lines, and return how many there are."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        if path.suffix == f".{CSV}":
            table.writerow(("text", "label"))
        for text, label in rows(kept):
            if path.suffix == f".{CSV}":
                table.writerow((text, label))
            else:
                stream.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")
            count += 1
    return count


class Clock:
    """Takes the times and the greatest resident memory at some points of the work."""

    def __init__(self) -> None:
        self.memory = {"start": self._peak()}
        self.began = time.process_time(), time.perf_counter()
        self.at: dict[str, tuple[float, float]] = {}

    def take(self, point: str) -> None:
        """Note how long it took to come here, and the most memory so far."""
        self.at[point] = time.process_time() - self.began[0], time.perf_counter() - self.began[1]
        self.memory[point] = self._peak()

    def _peak(self) -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


Parts = dict[str, tuple[int, int]]


def recipe_of(file: str) -> Recipe:
    """Return the recipe: as it comes, but for its one source."""
    return Recipe(
        name="race",
        kind="language",
        task="classify",
        model=Model("embedded:minilm"),
        data=Data(sources=(Source(path=file),), clean=Clean(), split=SplitPlan(seed=SEED)),
        prep=(PrepStep("normalise"),),
        train=Train(max_seq_length=MAX_LENGTH),
    )


def ingest_ours(file: str, cache: Path) -> tuple[Clock, Parts]:
    """Do what a run does with its data before it trains; return rows and tokens of each part."""
    from engram.data.prepare import prepare_split
    from engram.data.rows import read_part
    from engram.kinds.language.classify import code
    from engram.prep.plan import plan as plan_prep

    recipe = recipe_of(file)
    tokenizer = code.tokenizer_of(recipe)
    clock = Clock()
    prep = plan_prep(recipe.prep)
    made = prepare_split(recipe.data, folder=Path(), cache=cache, steps=prep.texts, step_names=prep.names)
    clock.take("split")
    parts = {
        name: code.tokenise(tokenizer, list(read_part(made.folder, part)), recipe, made.split.labels)
        for name, part in made.split.parts.items()
    }
    clock.take("tokens")
    return clock, {name: (len(part.ids), sum(part.lengths)) for name, part in parts.items()}


class FirstSeen:
    """Tells which texts of a batch are no copies, and not empty; it remembers 16 bytes of each text that it saw."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def __call__(self, texts: Sequence[str]) -> list[bool]:
        """Return one answer for each text."""
        keep = []
        for text in texts:
            key = blake2b(text.encode(), digest_size=16).digest()
            keep.append(bool(text) and key not in self.seen)
            self.seen.add(key)
        return keep


def ingest_peer(file: str, cache: Path, *, stratified: bool) -> tuple[Clock, Parts]:
    """Do the same with the library datasets, in batches; return rows and tokens of each part.

    stratified: keep the labels' proportions in every part, as our side does, which takes this library long. Without it
    the rows are dealt by a plain draw, and the labels, which are known, are numbered while texts are cleaned.
    """
    import datasets
    import pyarrow.compute as compute

    from engram.kinds.language.classify import code

    datasets.disable_progress_bars()
    tokenizer = code.tokenizer_of(recipe_of(file))
    # The first call changes the tokenizer, and with it the key of the cache; so it comes before the work.
    tokenizer("", truncation=True, max_length=MAX_LENGTH)
    numbers = {label: number for number, label in enumerate(LABELS)}

    def clean(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        texts = {"text": [normalise(text or "") for text in batch["text"]]}
        return texts if stratified else {**texts, "label": [numbers[label] for label in batch["label"]]}

    def tokenise(batch: dict[str, list[str]]) -> dict[str, Any]:
        return {"input_ids": tokenizer(batch["text"], truncation=True, max_length=MAX_LENGTH)["input_ids"]}

    clock = Clock()
    kind = "csv" if file.endswith(CSV) else "json"
    rows = datasets.load_dataset(kind, data_files=file, cache_dir=str(cache), split="train")
    rows = rows.map(clean, batched=True).filter(FirstSeen(), batched=True, input_columns="text")
    by = {"stratify_by_column": "label"} if stratified else {}
    if stratified:
        rows = rows.class_encode_column("label")
    tenth = len(rows) // 10
    first = rows.train_test_split(test_size=2 * tenth, seed=SEED, **by)
    second = first["test"].train_test_split(test_size=tenth, seed=SEED, **by)
    parts = dict(zip(PARTS, (first["train"], second["train"], second["test"]), strict=True))
    clock.take("split")
    parts = {name: part.map(tokenise, batched=True, remove_columns="text") for name, part in parts.items()}
    clock.take("tokens")
    tokens = {n: compute.sum(compute.list_value_length(part.data["input_ids"])).as_py() for n, part in parts.items()}
    return clock, {name: (len(part), int(tokens[name])) for name, part in parts.items()}


def kept_files(cache: Path) -> set[Path]:
    """Return the files of a cache, locks apart."""
    return {path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"}


def ingest(name: str, file: str, cache: Path) -> tuple[Clock, Parts]:
    """Ingest a file as one contestant does."""
    return ingest_ours(file, cache) if name == OURS else ingest_peer(file, cache, stratified=name == STRATIFIED)


def main() -> None:
    """Ingest as one contestant and report times, memory and counts."""
    name, plan = sys.argv[1], Plan(**json.loads(sys.argv[2]))
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as other:
        cache = Path(plan.cache or empty)
        ingest(name, plan.small, Path(other))
        before = kept_files(cache)
        clock, parts = ingest(name, plan.file, cache)
        fresh = len(kept_files(cache) - before)
    (split_cpu, split_wall), (cpu, wall) = clock.at["split"], clock.at["tokens"]
    report_result(
        cpu_s=cpu,
        wall_s=wall,
        split_cpu_s=split_cpu,
        split_wall_s=split_wall,
        memory=clock.memory,
        rows={part: count for part, (count, _) in parts.items()},
        tokens=sum(count for _, count in parts.values()),
        fresh=fresh,
    )


if __name__ == "__main__":
    main()
