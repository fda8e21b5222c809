"""Runs: queued, watched, waited for, commanded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from engram.client.effects import Give, Pause
from engram.client.nouns.noun import Noun, gives, returns

# In these nothing happens to a run until somebody does something.
RESTING = frozenset(
    {"published", "refused", "cancelled", "failed_user", "failed_platform", "paused", "awaiting_review"}
)
LOOK_SECONDS = 0.5
EVENTS = 500


class Runs(Noun):
    """Runs of the server."""

    @returns
    def create(self, recipe: str, *, set: Sequence[str] = (), profile: str | None = None, priority: int = 0) -> Any:
        """Queue a run of a recipe and return it.

        set: changes to the recipe, as ``["train.seed=7"]``. Example: ``client.runs.create("quickstart")["id"]``.
        """
        body = {"recipe": recipe, "set": list(set), "profile": profile, "priority": priority}
        return (yield from self._post("/runs", body, makes=True))

    @gives
    def list(self, *, state: str | None = None, kind: str | None = None, recipe: str | None = None) -> Any:
        """Iterate over the runs that you see, newest first: ``for run in client.runs.list(state="running")``."""
        yield from self._pages("/runs", {"state": state, "kind": kind, "recipe": recipe})

    @returns
    def get(self, run: str) -> Any:
        """Return a run: its state, stage, metrics and artifact. Example: ``client.runs.get(run["id"])["state"]``."""
        return (yield from self._get(f"/runs/{run}"))

    @gives
    def events(self, run: str, *, after: int = 0, follow: bool = True) -> Any:
        """Iterate over what a run says, in order, until it rests; without `follow` over what it has said so far.

        after: a `cursor` to go on from. Example: ``for event in client.runs.events(id): print(event["type"])``.
        """
        while True:
            rests = (yield from self._get(f"/runs/{run}"))["state"] in RESTING  # asked first: all it said comes after
            while True:
                found = yield from self._get(f"/runs/{run}/events", after=after, limit=EVENTS)
                for one in found["items"]:
                    yield Give(one)
                after = found["next"]
                if len(found["items"]) < EVENTS:
                    break
            if rests or not follow:
                return
            yield Pause(LOOK_SECONDS)

    @returns
    def wait(self, run: str) -> Any:
        """Wait until a run rests (published, refused, failed, cancelled, paused, awaiting_review) and return it."""
        while (found := (yield from self._get(f"/runs/{run}")))["state"] not in RESTING:
            yield Pause(LOOK_SECONDS)
        return found

    @returns
    def cancel(self, run: str) -> Any:
        """Cancel a run: at once while it waits, between two steps while it works. Returns the run."""
        return (yield from self._post(f"/runs/{run}/cancel", None))

    @returns
    def pause(self, run: str) -> Any:
        """Ask a run to stop after its present step, with a checkpoint. Returns the run."""
        return (yield from self._post(f"/runs/{run}/pause", None))

    @returns
    def resume(self, run: str) -> Any:
        """Queue a run again that was paused, cancelled or lost: it goes on from its checkpoint. Returns the run."""
        return (yield from self._post(f"/runs/{run}/resume", None))

    @returns
    def review(self, run: str, decision: Literal["approve", "reject"], reason: str) -> Any:
        """Decide on a verdict that waits for a person: ``client.runs.review(id, "approve", "looked at the rows")``."""
        return (yield from self._post(f"/runs/{run}/review", {"decision": decision, "reason": reason}, makes=True))
