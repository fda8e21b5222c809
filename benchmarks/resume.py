"""The contestants of R7, one a process: a training that was stopped at some step goes on.

Called as ``resume.py prepare|resume NAME PLAN``, where PLAN is the JSON of a `Plan`. ``prepare`` trains past every
stop without a break, leaves a checkpoint at each, and writes down the loss of the step after it. ``resume`` starts
from one of these and is timed until the first optimizer step is done. Nothing else is timed: neither imports nor the
building of model, tokenizer and rows.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lora_classify import LABELS, read_rows
from race import report_result

from engram.data.rows import Row

OURS, MAPPED, STREAMED, UNSKIPPED = "ours", "mapped", "streamed", "unskipped"
LOSSES = "losses.json"
SEED = 7
SPECIAL_TOKENS = 2


@dataclass(frozen=True)
class Plan:
    """What every contestant does: one epoch of `rows` in steps of `batch`, stopped after some steps.

    stops: the steps after which checkpoints are left. stop: the one to go on from. folder: where they are.
    """

    rows: int
    batch: int
    stops: tuple[int, ...]
    stop: int
    threads: int
    folder: str

    def at(self, name: str, stop: int) -> Path:
        """Return the folder of a contestant's checkpoint; those that differ in the resume alone share it."""
        return Path(self.folder) / (MAPPED if name == UNSKIPPED else name) / str(stop)


class Watch:
    """What is seen of the steps: when the first was done, its number, and the loss of each."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}
        self.first: tuple[float, float] | None = None

    def start(self) -> None:
        """Start the clock."""
        self.began = time.process_time(), time.perf_counter()

    def done(self, step: int, loss: float) -> None:
        """Take a step that is done into the books."""
        if self.first is None:
            self.first = time.process_time() - self.began[0], time.perf_counter() - self.began[1]
        self.losses[step] = loss


class Bench:
    """The model, the tokenizer and the rows that every contestant gets."""

    def __init__(self, plan: Plan) -> None:
        from transformers import BertConfig, BertForSequenceClassification

        from engram.kinds.language.load import open_tokenizer
        from engram.kinds.language.source import find_folder
        from engram.schema.recipe import Model

        torch.set_num_threads(plan.threads)
        self.plan, self.watch = plan, Watch()
        self.tokenizer = open_tokenizer(find_folder(Model("embedded:minilm")))
        self.rows = read_rows(None, "train", plan.rows)
        torch.manual_seed(SEED)
        config = BertConfig(
            vocab_size=len(self.tokenizer),
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=256,
            num_labels=len(LABELS),
        )
        self.model = BertForSequenceClassification(config)
        self.batches = 0

    def collate(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """Tokenise and pad some rows; both sides do it when a step needs them."""
        self.batches += 1
        found = self.tokenizer([row.text for row in rows], padding=True, truncation=True, return_tensors="pt")
        return {**found, "labels": torch.tensor([row.label for row in rows])}


def train_ours(bench: Bench, folder: Path, stops: Sequence[int], last: int) -> Callable[[], None]:
    """Return our loop, which goes on from what is in `folder`, leaves copies at `stops` and is cancelled at `last`."""
    from engram.errors import Cancelled
    from engram.schema.recipe import Train
    from engram.train.loop import fit
    from engram.train.training import Training

    plan, watch = bench.plan, bench.watch

    def loss(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
        count = len(batch["labels"])
        return model(**batch).loss * count, count

    def emit(kind: str, body: Mapping[str, Any]) -> None:
        if kind == "metric" and "loss" in body:
            watch.done(body["step"], body["loss"])
        if kind == "checkpoint" and body["step"] in stops:
            shutil.copytree(folder, plan.at(OURS, body["step"]))

    def command() -> str:
        step = max(watch.losses)
        return "cancel" if step >= last else "checkpoint" if step in stops else "none"

    training = Training(
        model=bench.model,
        loss=loss,
        lengths=[len(row.text.split()) + SPECIAL_TOKENS for row in bench.rows],
        collate=lambda rows: bench.collate([bench.rows[row] for row in rows]),
        valid_batches=lambda: [bench.collate(bench.rows[: plan.batch])],
        options=Train(num_train_epochs=1.0, per_device_train_batch_size=plan.batch, precision="fp32", seed=SEED),
        folder=folder,
        emit=emit,
        command=command,
    )

    def work() -> None:
        try:
            fit(training)
        except Cancelled:
            return

    return work


class Streamed(torch.utils.data.IterableDataset[Row]):
    """The rows, one after the other, as a stream that knows no places."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def train_peer(
    bench: Bench, name: str, folder: Path, stops: Sequence[int], last: int, begin: Path | None
) -> Callable[[], None]:
    """Return transformers.Trainer with its defaults, which goes on from the checkpoint `begin` and stops at `last`."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    plan, watch = bench.plan, bench.watch
    losses: list[torch.Tensor] = []
    bench.model.register_forward_hook(lambda model, given, out: losses.append(out.loss.detach()))

    class Steps(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            watch.done(state.global_step, losses[-1].item())
            control.should_save = control.should_save or state.global_step in stops
            control.should_training_stop = state.global_step >= last

    arguments = TrainingArguments(
        output_dir=str(folder),
        use_cpu=True,
        num_train_epochs=1,
        max_steps=-(-plan.rows // plan.batch) if name == STREAMED else -1,
        per_device_train_batch_size=plan.batch,
        remove_unused_columns=False,
        ignore_data_skip=name == UNSKIPPED,
        report_to="none",
        disable_tqdm=True,
        seed=SEED,
    )
    trainer = Trainer(
        model=bench.model,
        args=arguments,
        train_dataset=Streamed(bench.rows) if name == STREAMED else bench.rows,
        data_collator=bench.collate,
        callbacks=[Steps()],
    )

    def work() -> None:
        trainer.train(resume_from_checkpoint=str(begin) if begin else None)

    return work


def prepare(bench: Bench, name: str, folder: Path) -> None:
    """Train past the last stop, keep a checkpoint of each, and write down the losses of the steps after them."""
    plan = bench.plan
    last = max(plan.stops) + 1
    if name == OURS:
        work = train_ours(bench, folder, plan.stops, last)
    else:
        work = train_peer(bench, name, folder, plan.stops, last, None)
    bench.watch.start()
    work()
    if name != OURS:
        for stop in plan.stops:
            shutil.move(folder / f"checkpoint-{stop}", plan.at(name, stop))
    losses = {stop: bench.watch.losses[stop + 1] for stop in plan.stops}
    (plan.at(name, 0).parent / LOSSES).write_text(json.dumps(losses))
    report_result(cpu_s=0.0, wall_s=0.0)


def resume(bench: Bench, name: str, folder: Path) -> None:
    """Go on from a checkpoint for one step, and report its time and loss, and the loss without a stop."""
    plan = bench.plan
    saved = plan.at(name, plan.stop)
    if name == OURS:
        shutil.copytree(saved, folder, dirs_exist_ok=True)
        work = train_ours(bench, folder, (), plan.stop + 1)
    else:
        work = train_peer(bench, name, folder, (), plan.stop + 1, saved)
    bench.watch.start()
    work()
    cpu, wall = bench.watch.first or (float("nan"), float("nan"))
    unbroken = json.loads((saved.parent / LOSSES).read_text())[str(plan.stop)]
    (step, loss), *_ = bench.watch.losses.items()
    report_result(cpu_s=cpu, wall_s=wall, step=step, loss=loss, unbroken=unbroken, batches=bench.batches)


def main() -> None:
    """Do one part as one contestant."""
    part, name, said = sys.argv[1:]
    given = json.loads(said)
    bench = Bench(Plan(**{**given, "stops": tuple(given["stops"])}))
    with tempfile.TemporaryDirectory(dir=bench.plan.folder) as folder:
        (prepare if part == "prepare" else resume)(bench, name, Path(folder))


if __name__ == "__main__":
    main()
