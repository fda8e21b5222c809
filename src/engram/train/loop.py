"""The training loop: one for every torch kind.

Read `fit` first: load or start, then for each optimizer step `_step`, validation, checkpoint, command. Everything
that the next step depends on is in the checkpoint, so k steps + kill -9 + resume equals an uninterrupted run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engram.errors import Cancelled, CheckpointError, Diverged, LearnsNothing, Paused
from engram.proc import crashpoint
from engram.schema.codec import to_dict
from engram.train import checkpoint, packing
from engram.train.adapter import restore_weights
from engram.train.batches import count_steps, plan_epoch
from engram.train.callbacks import About, Callbacks, TrainerState, load_callbacks
from engram.train.distributed import World, add_up, deal, heed, joined, wait
from engram.train.host_memory import keep_freed
from engram.train.optimizer import make_optimizer, restore_optimizer
from engram.train.parallel import quiet_until_last, require_supported, rest, share, whole
from engram.train.precision import autocast, make_scaler, multiplies_in_bf16, settle
from engram.train.progress import Progress
from engram.train.resume import Saved, find_saved, restore_generators, seed_process, write_checkpoint
from engram.train.schedule import learning_rate_at
from engram.train.stopping import Stopping, observe
from engram.train.training import Outcome, Training
from engram.train.watchdog import Watchdog

COMMANDS = ("none", "checkpoint", "pause", "cancel")


def fit(training: Training) -> Outcome:
    """Train until the planned steps are done or early stopping is due; resume when a checkpoint is there.

    Called by each process that torchrun started, it trains with all of them, and each returns the outcome; events and
    checkpoints come from the first. With ``fsdp2`` the model is left in parts: the weights are in the checkpoint.

    Raises Diverged or LearnsNothing (watchdogs), Cancelled or Paused (commands, after a checkpoint), CheckpointError
    when the checkpoint belongs to another recipe, split or base model, UserError for a callback that fails and for
    packing or sharing that can't be had.
    """
    if not any(p.requires_grad for p in training.model.parameters()) or not len(training.lengths):
        raise LearnsNothing("There is nothing to train: no trainable parameter or no training row.")
    keep_freed()  # each step needs the blocks of the step before again
    with joined(training.options.parallel, next(training.model.parameters()).device) as world:
        run = _Run(training, world)
        try:
            run.begin()
            while not run.progress.finished:
                run.step()
                run.validate_if_due()
                run.save_if_due()
                run.obey()
            outcome = run.outcome()
        except BaseException as error:
            run.end_after(error)
            raise
        run.tell("on_train_end", status="finished")
        return outcome


class _Run:
    """The moving parts of one training: optimizer, scaler, plan of the epoch and progress."""

    def __init__(self, training: Training, world: World) -> None:
        self.precision = settle(training.options.precision, world.device)
        self.options = replace(training.options, precision=self.precision)
        self.training, self.world = replace(training, options=self.options), world
        require_supported(self.options.parallel, self.options.precision, world)
        if self.options.packing:
            packing.enable(training.model)
        self.saved = find_saved(self.training, world)
        self.resumed = self.saved is not None
        if self.saved is not None:
            restore_weights(training.model, self.saved.checkpoint.tensors["weights"])
        self.loss = share(training.model, training.loss, world, self.options.parallel)
        self.parameters = [p for p in training.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(training.model, self.options)
        self.scaler = make_scaler(self.precision, world.device)
        self.watchdog = Watchdog()
        self.progress = Progress(
            stopping=Stopping(patience=self.options.early_stopping_patience),
            batches_per_step=self.options.gradient_accumulation_steps * world.size,
        )
        self.callbacks = self._callbacks()
        self._planned: tuple[int, list[list[list[int]]]] = (-1, [])
        self._epoch_ended = False
        self._written: tuple[int, Path] | None = None

    # --- start ---------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        if self.saved is None:
            seed_process(self.world, self.options.seed)
        else:
            self._go_on(self.saved)
        self.total = count_steps(self.training.lengths, self.options, self.progress.batches_per_step)
        if self.precision == "bf16" and not multiplies_in_bf16(self.world.device):
            self.emit("note", {"text": "bf16 is emulated on this processor and slow; train.precision: auto takes fp32"})
        self.tell("on_train_begin")
        if self.saved is None:
            self._observe(self._valid_loss())
        self.saved = None  # its tensors are needed no more

    def _go_on(self, saved: Saved) -> None:
        found, state = saved.checkpoint, saved.checkpoint.state
        if saved.changed:
            self.emit("note", {"text": "resume: approximate", "because_changed": list(saved.changed)})
        restore_optimizer(self.training.model, self.optimizer, found.tensors["optimizer"])
        restore_generators(found, self.world, self.options.seed)
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        self.progress = Progress.from_state(state["progress"])
        self.callbacks.restore(state.get("callbacks", {}))
        self.watchdog.still = self.progress.still
        self._written = (self.progress.step, found.folder)
        if self.world.first:
            self._point_best_if_here(found.folder)
            checkpoint.prune(self.training.folder)
        self.emit("resumed", {"step": self.progress.step, "checkpoint": found.folder.name})

    # --- one optimizer step --------------------------------------------------------------------------------------

    def step(self) -> None:
        started = time.perf_counter()
        progress, batches = self.progress, self._epoch_steps()[self.progress.position]
        rate = learning_rate_at(progress.step, self.total, self.options)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, targets, tokens = self._accumulate(batches)
        self.scaler.unscale_(self.optimizer)
        norm = self._normalise_and_clip(targets)
        overflow = self.precision == "fp16" and not math.isfinite(norm)  # the scaler skips such a step
        self.watchdog.check(progress.step + 1, loss, 0.0 if overflow else norm, targets)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.tokens += tokens
        progress.targets += targets
        progress.still = self.watchdog.still
        if math.isfinite(norm):
            progress.grad_norms.append(norm)
        self._advance_cursor()
        speed = round(tokens / (time.perf_counter() - started), 1)
        self._tell_step({"loss": loss, "lr": rate, "grad_norm": norm, "tokens": tokens, "tokens_per_second": speed})
        crashpoint("train.after-step")

    def _accumulate(self, batches: Sequence[Sequence[int]]) -> tuple[float, int, int]:
        """Add up gradients of loss *sums*, so that 8 batches of 1 equal 1 batch of 8 whatever their token counts."""
        losses: list[torch.Tensor] = []
        targets, tokens = 0, 0
        self.training.model.train()
        mine = list(deal(self.world, batches))
        for place, (rows, counts) in enumerate(mine):
            vary = self.training.vary
            batch = vary(rows, self.progress.epoch) if vary else self.training.collate(rows)
            with quiet_until_last(self.loss, last=place == len(mine) - 1):
                with autocast(self.precision, self.world.device):
                    total, count = self.loss(batch)
                if not counts:  # another process has this batch; all of them must go through one each
                    total, count = total * 0.0, 0
                if count or self.world.size > 1:
                    self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
            losses.append(total.detach().double())
            targets += count
            tokens += sum(self.training.lengths[row] for row in rows) if counts else 0
        loss, all_targets, all_tokens = add_up(self.world, float(torch.stack(losses).sum()), targets, tokens)
        return (loss / all_targets if all_targets else 0.0), int(all_targets), int(all_tokens)

    def _normalise_and_clip(self, targets: int) -> float:
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if not gradients:
            return 0.0
        # Sharing has made means over the processes, where sums were asked for.
        torch._foreach_mul_(gradients, self.world.size / max(1, targets))
        limit = self.options.max_grad_norm or float("inf")
        return float(whole(torch.nn.utils.clip_grad_norm_(self.parameters, limit)))

    def _epoch_steps(self) -> list[list[list[int]]]:
        if self._planned[0] != self.progress.epoch:
            epoch, times = self.progress.epoch, self.progress.batches_per_step or None
            self._planned = (epoch, plan_epoch(self.training.lengths, self.options, epoch, times))
        return self._planned[1]

    def _advance_cursor(self) -> None:
        self.progress.position += 1
        self._epoch_ended = self.progress.position >= len(self._epoch_steps())
        if self._epoch_ended:
            self.progress.epoch, self.progress.position = self.progress.epoch + 1, 0
        self.progress.finished = self.progress.step >= self.total

    # --- between steps -------------------------------------------------------------------------------------------

    def validate_if_due(self) -> None:
        every = self.options.eval_every
        due = self._epoch_ended if every is None else self.progress.step % every == 0
        if due or self.progress.finished:
            self._observe(self._valid_loss())
            self.progress.finished = self.progress.finished or self.progress.stopping.due

    def save_if_due(self) -> None:
        best_now = self.progress.stopping.best_step == self.progress.step
        if best_now or self.progress.finished or self.progress.step % self.options.save_every.steps == 0:
            self._save()

    def obey(self) -> None:
        command = self.training.command() if self.world.first else "none"
        command = heed(self.world, command if command in COMMANDS else "checkpoint", COMMANDS)
        if command == "none" or self.progress.finished:
            return
        self._save()
        wait(self.world)  # who goes on at once must find what the first has written
        if command == "pause":
            raise Paused(f"Paused after step {self.progress.step} of {self.total}.")
        if command == "cancel":
            raise Cancelled(f"Cancelled after step {self.progress.step} of {self.total}.")

    def outcome(self) -> Outcome:
        wait(self.world)
        best = checkpoint.find(self.training.folder, "best") or checkpoint.find(self.training.folder)
        if best is None:
            raise CheckpointError("Training ended without a checkpoint.")
        checkpoint.check(best)
        progress, stopping = self.progress, self.progress.stopping
        return Outcome(
            best=best,
            steps=progress.step,
            first_valid_loss=stopping.first,
            best_valid_loss=stopping.best,
            best_step=stopping.best_step,
            tokens=progress.tokens,
            targets=progress.targets,
            stopped_early=stopping.due or bool(progress.stopped_by),
            grad_norms=tuple(progress.grad_norms),
        )

    def _observe(self, loss: float) -> None:
        self.progress.stopping = observe(self.progress.stopping, loss, self.progress.step)
        self.emit("metric", {"step": self.progress.step, "total": self.total, "valid_loss": loss})
        self.tell("on_log", logs={"valid_loss": loss})
        self.tell("on_evaluate", metrics={"valid_loss": loss})
        self._stop_if_asked()

    def _valid_loss(self) -> float:
        """Return the mean loss over the validation rows, in the precision of training."""
        self.training.model.eval()
        loss, targets = 0.0, 0
        with torch.no_grad():
            for batch, counts in deal(self.world, self.training.valid_batches()):
                with autocast(self.precision, self.world.device):  # the making of a batch is no part of the model
                    total, count = self.loss(batch)
                if counts:
                    loss, targets = loss + float(total), targets + count
        rest(self.loss)
        loss, all_targets = add_up(self.world, loss, targets)
        if all_targets == 0:
            raise LearnsNothing("No validation row has a target.", remedy="Check data.split.valid and the labels.")
        if not math.isfinite(loss):
            raise Diverged(
                f"The validation loss is {loss} after step {self.progress.step}.",
                remedy="Lower train.learning_rate, or set train.precision to fp32.",
            )
        return loss / all_targets

    def _save(self) -> None:
        step = self.progress.step
        if self._written is not None and self._written[0] == step:
            return  # nothing has changed since: written again, the folder that the pointers name would be gone a moment
        kept = {"callbacks": self.callbacks.state()} if self.callbacks.members else {}
        state = {"progress": self.progress.to_state(), "scaler": self.scaler.state_dict(), **kept}
        folder = write_checkpoint(self.training, self.world, self.optimizer, step, state)
        self._written = (step, folder)
        if self.world.first:
            checkpoint.point(self.training.folder, "latest", folder)
            self._point_best_if_here(folder)
            checkpoint.prune(self.training.folder)
        self.emit("checkpoint", {"step": step, "folder": folder.name})
        self.tell("on_save")

    def _point_best_if_here(self, folder: Path) -> None:
        """Also called on resume: a process may die after it named `latest` and before it named `best`."""
        if self.progress.stopping.best_step == self.progress.step:
            checkpoint.point(self.training.folder, "best", folder)

    # --- what others are told ------------------------------------------------------------------------------------

    def emit(self, kind: str, body: Mapping[str, Any]) -> None:
        if self.world.first:
            self.training.emit(kind, body)

    def tell(self, event: str, status: str = "running", **numbers: Mapping[str, float]) -> None:
        if self.callbacks.members:
            self.callbacks.call(event, replace(self._state(), status=status), **numbers)

    def end_after(self, error: BaseException) -> None:
        """Tell the callbacks that training ends; a callback that fails then must not hide why."""
        status = "paused" if isinstance(error, Paused) else "cancelled" if isinstance(error, Cancelled) else "failed"
        try:
            self.tell("on_train_end", status=status)
        except Exception as failed:
            error.add_note(str(failed))

    def _tell_step(self, logs: Mapping[str, float]) -> None:
        self.emit("metric", {"step": self.progress.step, "total": self.total, **logs})
        if self.progress.step % self.options.logging_steps == 0:
            self.tell("on_log", logs=logs)
        self.tell("on_step_end")
        if self._epoch_ended:
            self.tell("on_epoch_end")
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if not (self.options.callbacks or self.options.report_to):
            return
        asked = heed(self.world, "stop" if self.callbacks.asked_to_stop else "go", ("go", "stop"))
        if asked == "stop" and not self.progress.stopped_by:
            self.progress.finished, self.progress.stopped_by = True, self.callbacks.asked_to_stop or "callback"
            self.emit("note", {"text": f"the callback {self.progress.stopped_by} asked to stop"})

    def _callbacks(self) -> Callbacks:
        if not self.world.first:
            return Callbacks({})
        training = self.training
        folder = training.tracking or training.folder.parent / "tracking"
        run, config = training.run or training.folder.parent.name, training.config or {"train": to_dict(self.options)}
        return load_callbacks(self.options, About(run, folder, config))

    def _state(self) -> TrainerState:
        progress = self.progress
        return TrainerState(
            global_step=progress.step,
            max_steps=self.total,
            epoch=progress.epoch + progress.position / len(self._epoch_steps()),
            num_input_tokens_seen=progress.tokens,
            best_metric=progress.stopping.best,
            best_global_step=progress.stopping.best_step,
            output_dir=self.training.folder,
            resumed=self.resumed,
        )
