"""The training loop: one for every torch kind.

Read `fit` first: load or start, then for each optimizer step `_step`, validation, checkpoint, command. Everything
that the next step depends on is in the checkpoint, so k steps + kill -9 + resume equals an uninterrupted run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from engram.errors import Cancelled, CheckpointError, Diverged, LearnsNothing, Paused
from engram.proc import crashpoint
from engram.train import checkpoint, randomness
from engram.train.adapter import restore_weights, trained_weights
from engram.train.batches import count_steps, plan_epoch
from engram.train.optimizer import make_optimizer, optimizer_tensors, restore_optimizer
from engram.train.precision import autocast, make_scaler
from engram.train.progress import Progress
from engram.train.schedule import learning_rate_at
from engram.train.stopping import Stopping, observe
from engram.train.training import Outcome, Training
from engram.train.watchdog import Watchdog


def fit(training: Training) -> Outcome:
    """Train until the planned steps are done or early stopping is due; resume when a checkpoint is there.

    Raises Diverged or LearnsNothing (watchdogs), Cancelled or Paused (commands, after a checkpoint), CheckpointError
    when the checkpoint belongs to another recipe, split or base model.
    """
    run = _Run(training)
    run.resume_or_start()
    while not run.progress.finished:
        run.step()
        run.validate_if_due()
        run.save_if_due()
        run.obey()
    return run.outcome()


class _Run:
    """The moving parts of one training: optimizer, scaler, plan of the epoch and progress."""

    def __init__(self, training: Training) -> None:
        self.training, self.options = training, training.options
        self.device = next(training.model.parameters()).device
        self.parameters = [p for p in training.model.parameters() if p.requires_grad]
        if not self.parameters or not len(training.lengths):
            raise LearnsNothing("There is nothing to train: no trainable parameter or no training row.")
        self.optimizer = make_optimizer(training.model, training.options)
        self.scaler = make_scaler(training.options.precision, self.device)
        self.watchdog = Watchdog()
        self.total = count_steps(training.lengths, training.options)
        self.progress = Progress(stopping=Stopping(patience=training.options.early_stopping_patience))
        self._planned: tuple[int, list[list[list[int]]]] = (-1, [])
        self._epoch_ended = False
        self._saved: tuple[int, Path] | None = None

    # --- start ---------------------------------------------------------------------------------------------------

    def resume_or_start(self) -> None:
        folder = checkpoint.find(self.training.folder)
        if folder is None:
            self._observe(self._valid_loss())
            return
        saved = checkpoint.load(folder)
        if saved.state["identity"] != dict(self.training.identity):
            raise CheckpointError(
                f"{folder} belongs to another recipe, split or base model.",
                remedy="Start a new run instead of resuming this one.",
            )
        if saved.state["environment"] != dict(self.training.environment):
            changed = sorted(
                name
                for name in {*saved.state["environment"], *self.training.environment}
                if saved.state["environment"].get(name) != self.training.environment.get(name)
            )
            self.training.emit("note", {"text": "resume: approximate", "because_changed": changed})
        restore_weights(self.training.model, saved.tensors["weights"])
        restore_optimizer(self.training.model, self.optimizer, saved.tensors["optimizer"])
        randomness.restore(saved.tensors["random"], saved.state["random"])
        if saved.state["scaler"]:
            self.scaler.load_state_dict(saved.state["scaler"])
        self.progress = Progress.from_state(saved.state["progress"])
        self.watchdog.still = self.progress.still
        self._saved = (self.progress.step, folder)
        self._point_best_if_here(folder)
        checkpoint.prune(self.training.folder)
        self.training.emit("resumed", {"step": self.progress.step, "checkpoint": folder.name})

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
        overflow = self.options.precision == "fp16" and not math.isfinite(norm)  # the scaler skips such a step
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
        seconds = time.perf_counter() - started
        self.training.emit(
            "metric",
            {
                "step": progress.step,
                "total": self.total,
                "loss": loss,
                "lr": rate,
                "grad_norm": norm,
                "tokens": tokens,
                "tokens_per_second": round(tokens / seconds, 1),
            },
        )
        crashpoint("train.after-step")

    def _accumulate(self, batches: Sequence[Sequence[int]]) -> tuple[float, int, int]:
        """Add up gradients of loss *sums*, so that 8 batches of 1 equal 1 batch of 8 whatever their token counts."""
        losses: list[torch.Tensor] = []
        targets, tokens = 0, 0
        self.training.model.train()
        for rows in batches:
            batch = self.training.collate(rows)
            with autocast(self.options.precision, self.device):
                total, count = self.training.loss(self.training.model, batch)
            targets += count
            tokens += sum(self.training.lengths[row] for row in rows)
            if count:
                self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
                losses.append(total.detach().double())
        return (float(torch.stack(losses).sum()) / targets if targets else 0.0), targets, tokens

    def _normalise_and_clip(self, targets: int) -> float:
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if not gradients:
            return 0.0
        torch._foreach_mul_(gradients, 1.0 / max(1, targets))
        limit = self.options.max_grad_norm or float("inf")
        return float(torch.nn.utils.clip_grad_norm_(self.parameters, limit))

    def _epoch_steps(self) -> list[list[list[int]]]:
        if self._planned[0] != self.progress.epoch:
            self._planned = (self.progress.epoch, plan_epoch(self.training.lengths, self.options, self.progress.epoch))
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
        command = self.training.command()
        if command == "none" or self.progress.finished:
            return
        self._save()
        if command == "pause":
            raise Paused(f"Paused after step {self.progress.step} of {self.total}.")
        if command == "cancel":
            raise Cancelled(f"Cancelled after step {self.progress.step} of {self.total}.")

    def outcome(self) -> Outcome:
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
            stopped_early=stopping.due,
            grad_norms=tuple(progress.grad_norms),
        )

    def _observe(self, loss: float) -> None:
        self.progress.stopping = observe(self.progress.stopping, loss, self.progress.step)
        self.training.emit("metric", {"step": self.progress.step, "total": self.total, "valid_loss": loss})

    def _valid_loss(self) -> float:
        """Return the mean loss over the validation rows, in the precision of training."""
        self.training.model.eval()
        loss, targets = 0.0, 0
        with torch.no_grad(), autocast(self.options.precision, self.device):
            for batch in self.training.valid_batches():
                total, count = self.training.loss(self.training.model, batch)
                loss, targets = loss + float(total), targets + count
        if targets == 0:
            raise LearnsNothing("No validation row has a target.", remedy="Check data.split.valid and the labels.")
        if not math.isfinite(loss):
            raise Diverged(
                f"The validation loss is {loss} after step {self.progress.step}.",
                remedy="Lower train.learning_rate, or set train.precision to fp32.",
            )
        return loss / targets

    def _save(self) -> None:
        if self._saved is not None and self._saved[0] == self.progress.step:
            return  # nothing has changed since: written again, the folder that the pointers name would be gone a moment
        random_tensors, random_values = randomness.capture()
        folder = checkpoint.save(
            self.training.folder,
            self.progress.step,
            {
                "weights": trained_weights(self.training.model),
                "optimizer": optimizer_tensors(self.training.model, self.optimizer),
                "random": random_tensors,
            },
            {
                "identity": dict(self.training.identity),
                "environment": dict(self.training.environment),
                "progress": self.progress.to_state(),
                "random": random_values,
                "scaler": self.scaler.state_dict(),
            },
        )
        checkpoint.point(self.training.folder, "latest", folder)
        self._saved = (self.progress.step, folder)
        self._point_best_if_here(folder)
        checkpoint.prune(self.training.folder)
        self.training.emit("checkpoint", {"step": self.progress.step, "folder": folder.name})

    def _point_best_if_here(self, folder: Path) -> None:
        """Also called on resume: a process may die after it named `latest` and before it named `best`."""
        if self.progress.stopping.best_step == self.progress.step:
            checkpoint.point(self.training.folder, "best", folder)
