"""The contestants of R3, one a process: the same rows, model, adapter and schedule, trained by different loops.

Called as ``lora_classify.py ours|padded|grouped PLAN``, where PLAN is the JSON of a `Plan`. Only the training loop is
timed. The validation loss is measured afterwards by one function for all, on a fresh model in fp32.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from race import ROUND, RaceFailed, report_result

from engram.data.rows import Row
from engram.schema.recipe import Data, Model, Recipe, Train

OURS, PADDED, GROUPED = "ours", "padded", "grouped"
MADE_UP, SST2 = "made-up", "sst2"
LABELS = ("negative", "positive")
DATA_SEED = 7
SMALL_VALIDATION = 16
# Token counts of SST-2's training sentences at some shares of them; made-up texts follow these lengths.
SHARES, TOKENS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0), (3, 8, 15, 22, 31, 43, 52, 67)
SPECIAL_TOKENS = 2
TELLING, MISLABELLED = 2, 5  # one word in two tells the label; one label in five is wrong
GOOD, BAD, PLAIN = (
    tuple(words.split())
    for words in (
        "warm bright clever",
        "dull flat clumsy",
        "the a of and in with this that film story cast plot scene actor camera music moment ending it its is was not "
        "but for on as at by from one two more than when while people family city night house road letter voice hand",
    )
)


@dataclass(frozen=True)
class Plan:
    """What every contestant does.

    batch: rows per optimizer step. learning_rate: at its peak.
    data: MADE_UP or SST2.
    """

    rows: int
    valid_rows: int
    epochs: int
    batch: int
    learning_rate: float
    precision: str
    threads: int
    data: str


def sst2_folder() -> Path:
    """Return the folder of the SST-2 files (train.tsv, dev.tsv); raises RaceFailed when they are not here."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for folder in (os.environ.get("ENGRAM_TEST_DATA"), beside):
        if folder and (Path(folder) / "sst2" / "train.tsv").is_file():
            return Path(folder) / "sst2"
    raise RaceFailed("There is no sst2/train.tsv here: let ENGRAM_TEST_DATA name the folder that holds sst2.")


def read_rows(folder: Path | None, part: str, count: int) -> list[Row]:
    """Return `count` rows of a part (train or dev), drawn by a fixed seed, or made up when there is no folder."""
    random = np.random.Generator(np.random.PCG64([DATA_SEED, part == "dev"]))
    if folder is None:
        return [mislabelled(Row(i, *made_up(random))) for i in range(count)]
    lines = (folder / f"{part}.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.rsplit("\t", 1) for line in lines if line]
    chosen = random.permutation(len(pairs))[:count]
    return [Row(number, pairs[i][0], int(pairs[i][1])) for number, i in enumerate(chosen)]


def made_up(random: np.random.Generator) -> tuple[str, int]:
    """Return one text, as long as a sentence of SST-2, and the label that half of its words, at least one, tell."""
    label = int(random.integers(2))
    length = round(np.interp(random.random(), SHARES, TOKENS)) - SPECIAL_TOKENS
    words = random.choice(np.array(PLAIN, dtype=object), size=max(1, length))
    said = random.choice(GOOD if label else BAD, size=max(1, len(words) // TELLING))
    words[random.choice(len(words), size=len(said), replace=False)] = said
    return " ".join(words), label


def mislabelled(row: Row) -> Row:
    """Give every fifth row the wrong label.

    The text doesn't tell which, so no loop can bring the loss below the entropy of a coin that falls wrong once in
    five throws, 0.500, and a loop that learns the words ends there, whatever the order of its rows.
    """
    return replace(row, label=1 - row.label) if row.id % MISLABELLED == 0 else row


@dataclass
class Counted:
    """What the training saw: optimizer steps, rows, real tokens, and tokens with their padding."""

    steps: int = 0
    rows: int = 0
    tokens: int = 0
    padded: int = 0


class Bench:
    """The model, the rows and the timer that every contestant gets."""

    def __init__(self, plan: Plan, seed: int) -> None:
        import torch

        from engram.kinds.language.classify import code
        from engram.kinds.language.classify.examples import tokenise_rows as tokenise

        torch.set_num_threads(plan.threads)
        folder = sst2_folder() if plan.data == SST2 else None
        self.plan, self.code, self.seed = plan, code, seed
        self.options = Train(
            learning_rate=plan.learning_rate,
            num_train_epochs=float(plan.epochs),
            per_device_train_batch_size=plan.batch,
            lr_scheduler_type="linear",
            warmup_ratio=0.1,
            precision=plan.precision,  # type: ignore[arg-type]
            early_stopping_patience=0,
            seed=seed,
        )
        self.loaded = self.new_model()
        self.train, self.valid = (
            tokenise(self.loaded.tokenizer, read_rows(folder, part, count), self.loaded.max_length, len(LABELS))
            for part, count in (("train", plan.rows), ("dev", plan.valid_rows))
        )
        self.counted = Counted()

    def new_model(self) -> Any:
        """Build the model: the same weights, head and adapter each time, drawn from the seed."""
        recipe = Recipe(
            name="race",
            kind="language",
            task="classify",
            model=Model("embedded:minilm"),
            data=Data(sources=()),
            train=self.options,
        )
        return self.code.load(recipe, LABELS)

    def count(self, rows: int, real: int, padded: int) -> None:
        """Take one batch into the books."""
        self.counted.rows += rows
        self.counted.tokens += real
        self.counted.padded += padded

    def timed(self, work: Callable[[], None]) -> tuple[float, float]:
        """Run the training and return its CPU and wall seconds."""
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        return time.process_time() - cpu, time.perf_counter() - wall

    def losses(self) -> tuple[float, float]:
        """Return the validation loss before and after training, in fp32, measured on a fresh model."""
        from engram.pipeline.measure.train import validation_loss
        from engram.train.adapter import restore_weights, trained_weights

        fresh = self.new_model()
        first = validation_loss(self.code, fresh, self.valid) if self.seed == 0 else float("nan")
        restore_weights(fresh.model, trained_weights(self.loaded.model))
        return first, validation_loss(self.code, fresh, self.valid)


def train_ours(bench: Bench, folder: Path) -> Callable[[], None]:
    """Return our loop, as it comes: rows of like length share a step.

    It validates on one small batch each epoch and writes its checkpoints, as it always does, and both are timed.
    """
    from engram.train.loop import fit
    from engram.train.training import Training

    train = bench.train
    few = list(range(min(SMALL_VALIDATION, len(bench.valid.ids))))

    def collate(rows: Sequence[int]) -> Any:
        batch = bench.code.collate(bench.loaded, train, rows)
        bench.count(len(rows), sum(len(train.ids[row]) for row in rows), batch["input_ids"].numel())
        return batch

    training = Training(
        model=bench.loaded.model,
        loss=bench.code.loss,
        lengths=train.lengths,
        collate=collate,
        valid_batches=lambda: [bench.code.collate(bench.loaded, bench.valid, few)],
        options=bench.options,
        folder=folder,
    )

    def work() -> None:
        bench.counted.steps = fit(training).steps

    return work


def train_peer(bench: Bench, folder: Path, sampling: str) -> Callable[[], None]:
    """Return transformers.Trainer on the same peft model; no validation, checkpoint, bar or log is asked of it."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    from engram.train.fused_lora import unfuse

    plan, train = bench.plan, bench.train
    unfuse(bench.loaded.model)
    rows = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": target}
        for ids, target in zip(train.ids, train.targets, strict=True)
    ]
    pad = DataCollatorWithPadding(bench.loaded.tokenizer)

    def collate(batch: list[dict[str, Any]]) -> Any:
        padded = pad(batch)
        bench.count(len(batch), sum(len(row["input_ids"]) for row in batch), padded["input_ids"].numel())
        return padded

    arguments = TrainingArguments(
        output_dir=str(folder),
        use_cpu=True,
        bf16=plan.precision == "bf16",
        learning_rate=plan.learning_rate,
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=plan.batch,
        lr_scheduler_type="linear",
        warmup_steps=bench.options.warmup_ratio,
        weight_decay=bench.options.weight_decay,
        max_grad_norm=bench.options.max_grad_norm,
        train_sampling_strategy=sampling,
        dataloader_pin_memory=False,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=bench.seed,
    )
    trainer = Trainer(
        model=bench.loaded.model,
        args=arguments,
        train_dataset=rows,
        data_collator=collate,
        processing_class=bench.loaded.tokenizer,
    )

    def work() -> None:
        trainer.train()
        bench.counted.steps = trainer.state.global_step

    return work


def main() -> None:
    """Train as one contestant and report figures, counts and losses."""
    name, plan = sys.argv[1], Plan(**json.loads(sys.argv[2]))
    bench = Bench(plan, seed=int(os.environ[ROUND]))
    with tempfile.TemporaryDirectory() as folder:
        if name == OURS:
            work = train_ours(bench, Path(folder))
        else:
            work = train_peer(bench, Path(folder), "random" if name == PADDED else "group_by_length")
        cpu, wall = profiled(bench, work) if "--profile" in sys.argv else bench.timed(work)
    first, last = bench.losses()
    report_result(cpu_s=cpu, wall_s=wall, first_loss=first, loss=last, **vars(bench.counted))


def profiled(bench: Bench, work: Callable[[], None]) -> tuple[float, float]:
    """Run the training under torch's profiler and print where its CPU time goes."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        times = bench.timed(work)
    print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=40))
    return times


if __name__ == "__main__":
    main()
