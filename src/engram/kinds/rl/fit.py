"""Training a policy: Stable-Baselines3 takes the turns, and all around them is as in every other training.

Read `fit` first. A turn is a rollout and its update; after each come validation, checkpoint and command. Everything
that the next turn depends on is in the checkpoint, so k turns + kill -9 + resume equals an uninterrupted run wherever
an episode that is played again is the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engram.errors import Cancelled, CheckpointError, LearnsNothing, Paused, UsageError
from engram.kinds.rl import algorithms
from engram.kinds.rl.environment import repeats
from engram.kinds.rl.load import Examples, Loaded
from engram.kinds.rl.measure import validate
from engram.kinds.rl.practice import aligned, open_episodes, places, replay
from engram.proc import crashpoint
from engram.schema.policy import Policy
from engram.train import checkpoint, randomness
from engram.train.adapter import restore_weights, trained_weights
from engram.train.callbacks import About, TrainerState, load_callbacks
from engram.train.fitting import Fitting
from engram.train.progress import Progress
from engram.train.stopping import Stopping, observe
from engram.train.training import Outcome
from engram.train.watchdog import Watchdog

VALIDATIONS = 10  # in a training whose recipe does not say how often
EXACT, APPROXIMATE = "exact", "approximate"


def fit(loaded: Loaded, train: Examples, valid: Examples, job: Fitting) -> Outcome:
    """Train until the planned steps are done or early stopping is due; resume when a checkpoint is there.

    Raises Diverged or LearnsNothing (watchdogs), Cancelled or Paused (commands, after a checkpoint), CheckpointError
    when the checkpoint belongs to another recipe, split or environment.
    """
    if job.options.max_steps is None:
        raise UsageError("'train.max_steps' must say how many steps are taken.", remedy="Write max_steps: 50000.")
    run = _Run(loaded, train, valid, job, job.options.max_steps)
    try:
        run.begin()
        while not run.progress.finished:
            run.turn()
            run.validate_if_due()
            run.save_if_due()
            run.obey()
        outcome = run.outcome()
    except BaseException as error:
        run.end_after(error)
        raise
    finally:
        run.close()
    run.tell("on_train_end", status="finished")
    return outcome


class _Run:
    """The moving parts of one training: algorithm, environments, progress. `Progress.step` counts their steps."""

    def __init__(self, loaded: Loaded, train: Examples, valid: Examples, job: Fitting, total: int) -> None:
        self.loaded, self.valid, self.job, self.total = loaded, valid, job, total
        self.options = job.options
        self.saved = _find_saved(job)
        self.resumed = self.saved is not None
        recipe = loaded.recipe
        self.env = places(recipe, train.seeds, (recipe.policy or Policy()).n_envs)
        self.resume = EXACT if repeats(recipe, train.seeds[0]) else APPROXIMATE
        self.algorithm = algorithms.make_algorithm(recipe, loaded, self.env, total)
        self.listener = algorithms.listener(self.algorithm)
        self.progress = Progress(stopping=Stopping(patience=self.options.early_stopping_patience))
        self.watchdog = Watchdog()
        # Rollouts are taken whole, so a training may end some steps after those that were asked for.
        size = (
            self.env.num_envs * getattr(self.algorithm, "n_steps", 1)
            if hasattr(self.algorithm, "rollout_buffer")
            else 1
        )
        self.planned = -(-total // size) * size
        self.every = self.options.eval_every or max(1, total // VALIDATIONS)
        self._before = 0
        self._written: tuple[int, Path] | None = None
        run, config = job.run or job.folder.parent.name, job.config
        self.callbacks = load_callbacks(
            self.options, About(run, job.tracking or job.folder.parent / "tracking", config)
        )

    def begin(self) -> None:
        """Say how exact a resume is; then go on from the checkpoint, or validate what has learned nothing yet."""
        if self.resume == APPROXIMATE:
            told = "resume: approximate, because an episode of this environment is not the same when it is played again"
            self.job.emit("note", {"text": told})
        if self.saved is not None:
            self._go_on(self.saved)
        self.tell("on_train_begin")
        if self.saved is None:
            self._observe()
        self.saved = None

    def _go_on(self, found: checkpoint.Checkpoint) -> None:
        state = found.state
        was, now = state["environment"], dict(self.job.environment)
        changed = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
        if changed:
            self.job.emit("note", {"text": "resume: approximate", "because_changed": changed})
        restore_weights(self.loaded.model, found.tensors["weights"])
        algorithms.restore(self.algorithm, found.tensors, state["algorithm"])
        self._go_on_playing(found)
        randomness.restore(found.tensors["random"], state["random"])
        self.progress = Progress.from_state(state["progress"])
        self._before = self.progress.step
        self.callbacks.restore(state.get("callbacks", {}))
        self._written = (self.progress.step, found.folder)
        self._point_best_if_here(found.folder)
        checkpoint.prune(self.job.folder)
        self.job.emit("resumed", {"step": self.progress.step, "checkpoint": found.folder.name})

    def _go_on_playing(self, found: checkpoint.Checkpoint) -> None:
        """Play the open episodes again; where they come out otherwise, new ones begin, and the run says so."""
        kept = {name: tensor.numpy() for name, tensor in found.tensors["episodes"].items()}
        last, starts = aligned(kept.pop("last")), kept.pop("starts")
        shown = replay(self.env, found.state["begun"], kept)
        if shown.astype(last.dtype).tobytes() == last.tobytes():
            self.algorithm._last_obs, self.algorithm._last_episode_starts = last, starts.astype(bool)
            return
        if self.resume == EXACT:
            self.job.emit("note", {"text": "resume: approximate, because an open episode came out otherwise"})
        self.resume = APPROXIMATE
        self.algorithm._last_obs = self.env.reset()
        self.algorithm._last_episode_starts = np.ones(self.env.num_envs, dtype=bool)

    def turn(self) -> None:
        """Take one turn, look at it, and tell of it."""
        started, progress, algorithm = time.perf_counter(), self.progress, self.algorithm
        self._before = progress.step
        algorithms.turn(algorithm, self.listener)
        progress.step = int(algorithm.num_timesteps)
        taken = progress.step - self._before
        loss, norm = algorithms.losses(algorithm), algorithms.grad_norm(algorithm)
        progress.tokens += taken
        if loss is not None and norm is not None:
            self.watchdog.check(progress.step, loss, norm, taken)
            progress.targets += taken
            progress.grad_norms.append(norm)
        progress.finished = progress.step >= self.total
        speed = round(taken / (time.perf_counter() - started), 1)
        rate = float(next(iter(algorithms.optimizers(algorithm).values())).param_groups[0]["lr"])
        numbers = {"loss": loss, "lr": rate, "grad_norm": norm, "tokens": taken, "tokens_per_second": speed}
        logs = {name: value for name, value in numbers.items() if value is not None}
        if loss is not None:
            self.job.emit("metric", {"step": progress.step, "total": self.planned, "unit": "steps", **logs})
        self.tell("on_log", logs=logs)
        self.tell("on_step_end")
        crashpoint("acting.after-turn")

    def validate_if_due(self) -> None:
        """Validate each `eval_every` steps, and at the end."""
        if self._crossed(self.every) or self.progress.finished:
            self._observe()
            self.progress.finished = self.progress.finished or self.progress.stopping.due

    def save_if_due(self) -> None:
        """Write a checkpoint each `save_every` steps, where the policy is the best so far, and at the end."""
        best_now = self.progress.stopping.best_step == self.progress.step
        if best_now or self.progress.finished or self._crossed(self.options.save_every.steps):
            self._save()

    def obey(self) -> None:
        """Do what the controlling side wants; raises Paused or Cancelled after a checkpoint."""
        command = self.job.command()
        if command == "none" or self.progress.finished:
            return
        self._save()
        if command == "pause":
            raise Paused(f"Paused after step {self.progress.step} of {self.planned}.")
        if command == "cancel":
            raise Cancelled(f"Cancelled after step {self.progress.step} of {self.planned}.")

    def outcome(self) -> Outcome:
        """Return how it ended; raises LearnsNothing when no update was ever made."""
        progress, stopping = self.progress, self.progress.stopping
        if not progress.targets:
            raise LearnsNothing(
                f"Nothing was learned in {progress.step} steps.", remedy="Lower policy.learning_starts, or take more."
            )
        best = checkpoint.find(self.job.folder, "best") or checkpoint.find(self.job.folder)
        if best is None:
            raise CheckpointError("Training ended without a checkpoint.")
        checkpoint.check(best)
        return Outcome(
            best=best,
            steps=progress.step,
            first_valid_loss=stopping.first,
            best_valid_loss=stopping.best
            if (self.job.folder / "best.json").exists()
            else validate(self.loaded, self.valid),
            best_step=stopping.best_step,
            tokens=progress.tokens,
            targets=progress.targets,
            stopped_early=stopping.due or bool(progress.stopped_by),
            grad_norms=tuple(progress.grad_norms),
            resume=self.resume,
        )

    def close(self) -> None:
        """Close the environments."""
        self.env.close()

    # --- between turns -------------------------------------------------------------------------------------------

    def _crossed(self, every: int) -> bool:
        return self.progress.step // every > self._before // every

    def _observe(self) -> None:
        """Play the validation seeds; the generators of the training are put back."""
        with randomness.undisturbed():
            algorithms.take(self.loaded.model, self.algorithm)
            loss = validate(self.loaded, self.valid)
        self.progress.stopping = observe(self.progress.stopping, loss, self.progress.step)
        said = {"valid_loss": loss, "valid_reward": -loss}
        self.job.emit("metric", {"step": self.progress.step, "total": self.planned, **said})
        self.tell("on_log", logs=said)
        self.tell("on_evaluate", metrics=said)

    def _save(self) -> None:
        step = self.progress.step
        if self._written is not None and self._written[0] == step:
            return
        algorithms.take(self.loaded.model, self.algorithm)
        tensors, values = algorithms.capture(self.algorithm)
        begun, actions = open_episodes(self.env)
        generators, words = randomness.capture()
        episodes = {
            "last": torch.from_numpy(np.ascontiguousarray(self.algorithm._last_obs)),
            "starts": torch.from_numpy(np.asarray(self.algorithm._last_episode_starts, dtype=np.uint8)),
            **{name: torch.from_numpy(one) for name, one in actions.items()},
        }
        kept = {"callbacks": self.callbacks.state()} if self.callbacks.members else {}
        folder = checkpoint.save(
            self.job.folder,
            step,
            {"weights": trained_weights(self.loaded.model), **tensors, "episodes": episodes, "random": generators},
            {
                "identity": dict(self.job.identity),
                "environment": dict(self.job.environment),
                "progress": self.progress.to_state(),
                "algorithm": values,
                "begun": begun,
                "random": words,
                **kept,
            },
        )
        self._written = (step, folder)
        checkpoint.point(self.job.folder, "latest", folder)
        self._point_best_if_here(folder)
        checkpoint.prune(self.job.folder)
        self.job.emit("checkpoint", {"step": step, "folder": folder.name})
        self.tell("on_save")

    def _point_best_if_here(self, folder: Path) -> None:
        if self.progress.stopping.best_step == self.progress.step:
            checkpoint.point(self.job.folder, "best", folder)

    # --- what others are told ------------------------------------------------------------------------------------

    def tell(self, event: str, status: str = "running", **numbers: Mapping[str, float]) -> None:
        """Call the callbacks and trackers; one of them may ask to stop."""
        if not self.callbacks.members:
            return
        self.callbacks.call(event, self._state(status), **numbers)
        if self.callbacks.asked_to_stop and not self.progress.stopped_by:
            self.progress.finished, self.progress.stopped_by = True, self.callbacks.asked_to_stop
            self.job.emit("note", {"text": f"the callback {self.progress.stopped_by} asked to stop"})

    def end_after(self, error: BaseException) -> None:
        """Tell the callbacks that training ends; one that fails then must not hide why."""
        status = "paused" if isinstance(error, Paused) else "cancelled" if isinstance(error, Cancelled) else "failed"
        try:
            self.tell("on_train_end", status=status)
        except Exception as failed:
            error.add_note(str(failed))

    def _state(self, status: str) -> TrainerState:
        progress = self.progress
        return TrainerState(
            global_step=progress.step,
            max_steps=self.total,
            epoch=progress.step / self.total,
            num_input_tokens_seen=progress.tokens,
            best_metric=progress.stopping.best,
            best_global_step=progress.stopping.best_step,
            output_dir=self.job.folder,
            resumed=self.resumed,
            status=status,
        )


def _find_saved(job: Fitting) -> checkpoint.Checkpoint | None:
    folder = checkpoint.find(job.folder)
    if folder is None:
        return None
    found: Any = checkpoint.load(folder)
    if found.state["identity"] != dict(job.identity):
        raise CheckpointError(
            f"{folder} belongs to another recipe, split or environment.",
            remedy="Start a new run instead of resuming this one.",
        )
    return found  # type: ignore[no-any-return]
