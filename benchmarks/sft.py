"""The contestants of R3 (SFT) and R4, one a process: the same rows, base, adapter and schedule, trained by other loops.

Called as ``sft.py NAME PLAN``, where NAME is a key of `OURS` or `PEERS` and PLAN the JSON of a `Plan`. Only the
training loop is timed. The validation loss is measured afterwards by one function for all, on a fresh model in fp32,
and before training each contestant's own first batches are held against their rows alone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sft_data
from race import ROUND, report_result
from sft_probe import PROBED_ROWS, mixing, real_tokens, row_losses

from engram.schema.recipe import Adapter, Data, Model, Recipe, Train

PACKED, PADDED, GROUPED = "packed", "padded", "grouped"
# name → what our loop is told
OURS: dict[str, dict[str, Any]] = {
    PACKED: {"packing": True},
    PADDED: {"group_by_length": False},
    GROUPED: {"group_by_length": True},
}
TRL_PADDED, TRL_GROUPED, TRL_FREE = "trl-padded", "trl-grouped", "trl-padding-free"
TRL_BFD, TRL_WRAPPED = "trl-packing-bfd", "trl-packing-wrapped"
# name → what the peer is told beside what all of them are
PEERS: dict[str, dict[str, Any]] = {
    TRL_PADDED: {},
    TRL_GROUPED: {"train_sampling_strategy": "group_by_length"},
    TRL_FREE: {"padding_free": True},
    TRL_BFD: {"packing": True, "packing_strategy": "bfd"},
    TRL_WRAPPED: {"packing": True, "packing_strategy": "wrapped"},
}
SMALL_VALIDATION = 16


@dataclass(frozen=True)
class Plan:
    """What every contestant does.

    base: folder of the model. batch: rows of an optimizer step where a step is counted in rows. tokens: tokens of a
    packed step; longest: of a row. bins: packed sequences of `longest` tokens in one step of the peer.
    """

    base: str
    rows: int
    valid_rows: int
    batch: int
    tokens: int
    longest: int
    learning_rate: float
    precision: str
    threads: int

    @property
    def bins(self) -> int:
        """Packed sequences of the longest row's length that make one step of the peer's."""
        return max(1, self.tokens // self.longest)


@dataclass
class Counted:
    """What the training saw: optimizer steps, rows, real tokens, those to be learned, and all with their padding."""

    steps: int = 0
    rows: int = 0
    tokens: int = 0
    targets: int = 0
    padded: int = 0


class Bench:
    """The model, the rows and the timer that every contestant gets."""

    def __init__(self, plan: Plan, name: str, seed: int) -> None:
        import torch

        from engram.kinds.language.generate import code

        torch.set_num_threads(plan.threads)
        self.plan, self.code, self.seed = plan, code, seed
        self.options = replace(
            Train(
                learning_rate=plan.learning_rate,
                num_train_epochs=1.0,
                per_device_train_batch_size=plan.batch,
                lr_scheduler_type="linear",
                warmup_ratio=0.1,
                precision=plan.precision,  # type: ignore[arg-type]
                max_seq_length=plan.longest,
                early_stopping_patience=0,
                seed=seed,
            ),
            **OURS.get(name, {}),
            **({"tokens_per_batch": plan.tokens} if name == PACKED else {}),
        )
        self.loaded = self.new_model(self.options)
        self.train, self.valid = (
            sft_data.examples(sft_data.made_up(part, count, plan.longest))
            for part, count in (("train", plan.rows), ("valid", plan.valid_rows))
        )
        self.counted = Counted()

    def new_model(self, options: Train) -> Any:
        """Build the model: the same base and adapter each time, the adapter drawn from the seed."""
        recipe = Recipe(
            name="race",
            kind="language",
            task="generate",
            model=Model(self.plan.base),
            data=Data(sources=()),
            adapter=Adapter(r=16, alpha=32, dropout=0.0),
            train=options,
        )
        return self.code.load(recipe)

    def count(self, ids: Any, real: Any, learned: int) -> None:
        """Take one batch into the books; every row ends with the one end token that it has."""
        self.counted.rows += int(((ids == sft_data.END) & real).sum())
        self.counted.tokens += int(real.sum())
        self.counted.targets += learned
        self.counted.padded += ids.numel()

    def probed(self) -> tuple[Any, list[int]]:
        """Return one batch of the first rows, made as our loop makes it, and their lengths."""
        lengths = [len(ids) for ids in self.train.ids[:PROBED_ROWS]]
        return self.code.collate(self.loaded, self.train, range(len(lengths))), lengths

    def timed(self, work: Callable[[], None]) -> tuple[float, float]:
        """Run the training and return its CPU and wall seconds."""
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        return time.process_time() - cpu, time.perf_counter() - wall

    def losses(self) -> tuple[float, float]:
        """Return the validation loss before and after training, in fp32, padded, measured on a fresh model."""
        from engram.pipeline.measure.train import validation_loss
        from engram.train.adapter import restore_weights, trained_weights

        fresh = self.new_model(replace(self.options, packing=False))
        first = validation_loss(self.code, fresh, self.valid) if self.seed == 0 else float("nan")
        restore_weights(fresh.model, trained_weights(self.loaded.model))
        return first, validation_loss(self.code, fresh, self.valid)


def train_ours(bench: Bench, folder: Path) -> tuple[Callable[[], None], Iterator[Any]]:
    """Return our loop and some of its batches.

    It validates on one small batch each epoch and writes its checkpoints, as it always does, and both are timed.
    """
    from engram.train.batches import plan_epoch
    from engram.train.loop import fit
    from engram.train.training import Training

    train = bench.train
    few = list(range(min(SMALL_VALIDATION, len(bench.valid.ids))))

    def collate(rows: Sequence[int]) -> Any:
        batch = bench.code.collate(bench.loaded, train, rows)
        learned = int((batch["targets"] != sft_data.MASKED).sum())
        bench.count(batch["input_ids"], real_tokens(batch), learned)
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

    planned = (rows for step in plan_epoch(train.lengths, bench.options, 0) for rows in step)
    return work, (bench.code.collate(bench.loaded, train, rows) for rows in planned)


def train_peer(bench: Bench, folder: Path, name: str) -> tuple[Callable[[], None], Iterator[Any]]:
    """Return TRL's SFTTrainer on the same peft model and tokens, and some of its batches.

    No validation, checkpoint, bar or log is asked of it, and no layer is computed twice (gradient checkpointing).
    """
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    from engram.train.fused_lora import unfuse

    plan, train, options, told = bench.plan, bench.train, bench.options, PEERS[name]
    unfuse(bench.loaded.model)
    disable_progress_bars()
    labels = [sft_data.labels(ids, targets) for ids, targets in zip(train.ids, train.targets, strict=True)]
    arguments = SFTConfig(
        output_dir=str(folder),
        use_cpu=True,
        bf16=plan.precision == "bf16",
        gradient_checkpointing=False,
        learning_rate=plan.learning_rate,
        num_train_epochs=options.num_train_epochs,
        per_device_train_batch_size=plan.bins if told.get("packing") else plan.batch,
        max_length=plan.longest if told.get("packing") else None,
        lr_scheduler_type="linear",
        warmup_steps=options.warmup_ratio,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        dataloader_pin_memory=False,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=bench.seed,
        **told,
    )
    trainer = SFTTrainer(
        model=bench.loaded.model,
        args=arguments,
        train_dataset=Dataset.from_dict({"input_ids": [list(ids) for ids in train.ids], "labels": labels}),
        processing_class=bench.loaded.tokenizer,
    )
    pad = trainer.data_collator

    def collate(rows: Any) -> Any:
        batch = pad(rows)
        bench.count(batch["input_ids"], real_tokens(batch), int((batch["labels"][:, 1:] != sft_data.MASKED).sum()))
        return batch

    trainer.data_collator = collate

    def work() -> None:
        trainer.train()
        bench.counted.steps = trainer.state.global_step

    size, ready = arguments.per_device_train_batch_size, trainer.train_dataset
    return work, (pad([ready[i] for i in range(at, min(at + size, len(ready)))]) for at in range(0, len(ready), size))


def main() -> None:
    """Train as one contestant and report figures, counts and losses."""
    name, plan = sys.argv[1], Plan(**json.loads(sys.argv[2]))
    bench = Bench(plan, name, seed=int(os.environ[ROUND]))
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        work, batches = train_ours(bench, at) if name in OURS else train_peer(bench, at, name)
        mixed = mixing(bench.loaded.model, batches)
        rows = row_losses(bench.loaded.model, *bench.probed()) if name in OURS else []
        cpu, wall = profiled(bench, work) if "--profile" in sys.argv else bench.timed(work)
    first, last = bench.losses()
    found = {"first_loss": first, "loss": last, "mixed": mixed, "row_losses": rows}
    report_result(cpu_s=cpu, wall_s=wall, **found, **vars(bench.counted))


def profiled(bench: Bench, work: Callable[[], None]) -> tuple[float, float]:
    """Run the training under torch's profiler and print where its CPU time goes."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        times = bench.timed(work)
    print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=30, max_name_column_width=40))
    return times


if __name__ == "__main__":
    main()
