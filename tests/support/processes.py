"""Trainings in several processes that the real torchrun starts on loopback.

    python -m torch.distributed.run … -m support.processes FOLDER TASK…

Each process does the tasks one after the other, so that one start of torch serves several of them. A task may be named
with folders before it, in which it is then done.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]


def torchrun(folder: Path, *tasks: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """Do tasks in a folder by `processes` processes, and return how torchrun ended."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    command += ["--nproc-per-node", str(processes), "-m", "support.processes", str(folder), *tasks]
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


def alone(folder: Path, task: str) -> None:
    """Do a task in this process, as the one process that there is."""
    TASKS[task](folder / task)


def _options(**more: Any) -> Any:
    """Return options with two batches in each step, whoever goes through them."""
    from support import jobs

    own = {"precision": "fp32", "gradient_accumulation_steps": 2 // int(os.environ.get("WORLD_SIZE", "1"))}
    return replace(jobs.PLAN, **{**own, "warmup_ratio": 0.0, **more})


def train(folder: Path, options: Any, double: bool = False, dropout: float = 0.0, **parts: Any) -> Any:
    """Train the tiny BERT on all processes; the first leaves ``events.jsonl`` and ``outcome.json``."""
    import torch
    from support import jobs, tiny

    from engram.train.adapter import attach
    from engram.train.loop import fit

    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    first = os.environ.get("RANK", "0") == "0"
    if "model" not in parts and not options.packing:
        base = tiny.bert(dropout=dropout, seed=options.seed)
        parts["model"] = attach(base, parts.pop("adapter", tiny.FULL), "SEQ_CLS")
    job = jobs.make_job(folder / "checkpoints", options, **parts)
    if double:
        job = replace(job, model=job.model.double())

    def emit(kind: str, body: Mapping[str, Any]) -> None:
        if not first:
            raise AssertionError("only the first process speaks")
        with (folder / "events.jsonl").open("a") as stream:
            stream.write(json.dumps({"kind": kind, **body}) + "\n")

    outcome = fit(replace(job, emit=emit))
    if first:
        said = {"steps": outcome.steps, "tokens": outcome.tokens, "targets": outcome.targets, "best": outcome.best.name}
        (folder / "outcome.json").write_text(json.dumps(said))
    return outcome


def exact_ddp(folder: Path) -> None:
    """64 bits, all weights; 29 rows leave steps whose batches do not go round."""
    from support import jobs

    train(folder, _options(parallel="ddp"), double=True, rows=jobs.Rows(29, seed=4, masked=0.4))


def half(folder: Path) -> None:
    """The same with one batch in each step: what two processes would do that do not hear each other."""
    from support import jobs

    options = _options(parallel="ddp", gradient_accumulation_steps=1, max_steps=3)
    train(folder, options, double=True, rows=jobs.Rows(29, seed=4, masked=0.4))


def ddp(folder: Path) -> None:
    """32 bits, LoRA, packed rows."""
    from support import tiny

    options = _options(parallel="ddp", packing=True, tokens_per_batch=30, max_steps=12, learning_rate=1e-3)
    train(folder, options, adapter=replace(tiny.LORA, dropout=0.0))


def fsdp2(folder: Path) -> None:
    """32 bits, every weight in parts."""
    train(folder, _options(parallel="fsdp2", learning_rate=1e-3))


def exact_fsdp2(folder: Path) -> None:
    """64 bits, every weight in parts, LoRA."""
    from support import tiny

    train(folder, _options(parallel="fsdp2"), double=True, adapter=replace(tiny.LORA, dropout=0.0))


def dropout(folder: Path) -> None:
    """Dropout, which each process draws for itself."""
    train(folder, _options(parallel="ddp"), dropout=0.1)


def halves(folder: Path) -> None:
    """The same with a pause after step 5, and then to the end."""
    from support import jobs

    from engram.errors import Paused

    step = {"now": 0}

    def loss(model: Any, batch: Any) -> Any:
        step["now"] += model.training
        return jobs.loss(model, batch)

    first = os.environ.get("RANK", "0") == "0"
    try:
        train(folder, _options(parallel="ddp"), dropout=0.1, loss=loss,
              command=lambda: "pause" if first and step["now"] == 5 else "none")  # fmt: skip
    except Paused:
        train(folder, _options(parallel="ddp"), dropout=0.1)


def killed(folder: Path) -> None:
    """The same, and the second process is killed in its seventh step."""
    from support import jobs

    from engram.proc import kill_hard

    step = {"now": 0}

    def loss(model: Any, batch: Any) -> Any:
        step["now"] += model.training
        if step["now"] == 7 and os.environ["RANK"] == "1":
            kill_hard(os.getpid())
        return jobs.loss(model, batch)

    train(folder, _options(parallel="ddp"), dropout=0.1, loss=loss)


def after_death(folder: Path) -> None:
    """Go on with what `killed` left."""
    train(folder.parent / "killed", _options(parallel="ddp"), dropout=0.1)


def pause(folder: Path) -> None:
    """The command comes to the first process alone; all must obey it."""
    from engram.errors import Paused

    first = os.environ.get("RANK", "0") == "0"
    try:
        train(
            folder, _options(parallel="fsdp2", max_steps=8), command=lambda: "pause" if first else "none", double=True
        )
    except Paused:
        (folder / f"paused-{os.environ.get('RANK', '0')}").touch()


def go_on(folder: Path) -> None:
    """Go on with what `pause` left, whoever left it."""
    train(folder.parent / "pause", _options(parallel="fsdp2", max_steps=8), double=True)


def uninterrupted(folder: Path) -> None:
    """What `pause` and `go_on` are to come to."""
    train(folder, _options(parallel="fsdp2", max_steps=8), double=True)


def callback(folder: Path) -> None:
    """A callback of the first process asks to stop; a tracker writes."""
    from engram import registry
    from engram.train import callbacks

    class Stop:
        def on_step_end(self, state: Any, control: Any) -> None:
            control.should_training_stop = state.global_step == 4

    plain = registry.get
    callbacks.registry.get = lambda what, name: (lambda about: Stop()) if name == "stop" else plain(what, name)
    train(folder, _options(parallel="ddp", callbacks=("stop",), report_to=("jsonl",)))


def nothing_to_learn(folder: Path) -> None:
    """Every label is masked: each process must end with the same words."""
    from support import jobs

    from engram.errors import LearnsNothing

    try:
        train(folder, _options(parallel="ddp"), rows=jobs.Rows(12, seed=1, masked=1.0))
    except LearnsNothing as error:
        (folder / f"told-{os.environ.get('RANK', '0')}").write_text(str(error))


def no_way(folder: Path) -> None:
    """Several processes, and a recipe that says that none share the work."""
    from engram.errors import UserError

    try:
        train(folder, _options(parallel="none"))
    except UserError as error:
        (folder / f"told-{os.environ.get('RANK', '0')}").write_text(str(error))


TASKS: dict[str, Callable[[Path], None]] = {
    function.__name__: function
    for function in (
        exact_ddp, half, ddp, fsdp2, exact_fsdp2, dropout, halves, killed, after_death, pause, go_on, uninterrupted,
        callback, nothing_to_learn, no_way,
    )
}  # fmt: skip


if __name__ == "__main__":
    import torch.distributed

    # One meeting for all tasks: torchrun's store keeps the addresses of the first, and a second would call on those.
    torch.distributed.init_process_group("gloo")
    for name in sys.argv[2:]:
        TASKS[Path(name).name](Path(sys.argv[1]) / name)
