"""What a kind's code gives for each of its tasks: the functions that the pipeline calls, and nothing else is called.

``task(name)`` of the module that a card names as its `code` returns a module with these. They are functions, and what
one returns another takes: the pipeline looks into a loaded model and into examples no further than the protocols here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engram.evaluate.metric import Scored
from engram.evaluate.predicted import Predicted
from engram.export.format import BaseRef
from engram.schema.options import Options
from engram.schema.recipe import Model, Recipe

if TYPE_CHECKING:
    from engram.train.fitting import Fitting
    from engram.train.training import Outcome

OnProgress = Callable[[int, int], None]
Batch = Mapping[str, Any]


class Loaded(Protocol):
    """A model with what makes its inputs.

    base: what it was built from, None for one that was reopened from an export.
    """

    @property
    def model(self) -> Any:
        """The module: what is trained, or something that is called as it is."""

    @property
    def base(self) -> BaseRef | None:
        """The base model."""


class Examples(Protocol):
    """Rows as the model takes them."""

    @property
    def lengths(self) -> Sequence[int]:
        """The length of each row, in the unit of ``train.max_seq_length``: batches are filled and ordered by it."""


class TaskCode(Protocol):
    """The functions of one task.

    ANSWERS: the class of its answers, one that the task's metrics take. A module may also have `vary`, which is called
    in place of `collate` for training rows: ``vary(loaded, examples, rows, epoch)``, for a kind that shows a row
    otherwise in each epoch. What it draws depends on the recipe's seed, the epoch and the row alone, so that a resumed
    training and other batches draw the same. It may have `render` too, for a kind whose models learn a part only of
    what they read: ``render(recipe, row)`` returns that reading in texts, each with whether it is learned.

    A kind that learns by acting gives `fit` and `validate` in place of `collate`, `loss` and `scoring_batches`, and
    `begin`, which makes its rows: see `PlayedCode`. Any kind may have ``show(loaded, examples, answers)``, which
    returns what a report shows besides numbers, as plain data.
    """

    ANSWERS: type[Scored]

    def find_base(self, model: Model) -> BaseRef:
        """Return the base model that a recipe names, fetched where that is needed; raises NotFound."""

    def load(self, recipe: Recipe, labels: Sequence[str], device: str = "cpu") -> Any:
        """Build the model that a recipe trains: always the same for the same recipe, and a baseline until trained."""

    def examine(self, recipe: Recipe, parts: Iterable[Sequence[Any]], labels: Sequence[str]) -> dict[str, float]:
        """Return what the card's data gate asks of the rows of all parts, without a model's weights."""

    def prepare(self, loaded: Any, rows: Iterable[Any]) -> Any:
        """Return rows as examples, in their order."""

    def collate(self, loaded: Any, examples: Any, rows: Sequence[int]) -> Batch:
        """Return some of the examples as a batch on the model's device."""

    def loss(self, model: Any, batch: Batch) -> tuple[Any, int]:
        """Return the sum of the losses with its graph, and the number of targets; no row's depends on the others."""

    def scoring_batches(self, loaded: Any, examples: Any) -> Iterator[Batch]:
        """Yield all examples in batches for a validation."""

    def predict(self, loaded: Any, examples: Any, on_progress: OnProgress | None = None) -> Predicted:
        """Answer every example in its given order, in fp32."""

    def baselines(self, loaded: Any, train: Any, test: Any, on_progress: OnProgress | None = None) -> dict[str, Any]:
        """Answer the test rows by the reference baselines; the card's `reference_baseline` is among them."""

    def answer(self, loaded: Any, inputs: Sequence[Any], options: Sequence[Options] | None = None) -> list[Any]:
        """Answer inputs as the card's predict_in and predict_out say; UsageError for one that it can't take."""

    def export(self, loaded: Any, name: str, folder: Path) -> None:
        """Write one format of the export room."""

    def reopen(
        self,
        name: str,
        folder: Path,
        base: BaseRef,
        labels: tuple[str, ...],
        recipe: Recipe,
        digests: Mapping[str, str] | None = None,
    ) -> Any:
        """Open exported files with the ecosystem's own loader, ready to predict."""


class PlayedCode(Protocol):
    """What stands in place of `LOOP` in the code of a task whose rows are seeds of episodes."""

    def begin(self, recipe: Recipe, seeds: Sequence[int]) -> Sequence[Any]:
        """Return what the episode of each seed shows first, as plain numbers: what a model may be asked."""

    def fit(self, loaded: Any, train: Any, valid: Any, job: Fitting) -> Outcome:
        """Train the model; resume when a checkpoint is there, exactly where the environment allows it."""

    def validate(self, loaded: Any, valid: Any) -> float:
        """Return what training makes small, over the validation rows: for a policy, minus its mean return."""


LOOP = ("collate", "loss", "scoring_batches")
PLAYED = tuple(sorted(name for name in vars(PlayedCode) if not name.startswith("_")))
NAMES = tuple(sorted(name for name in {**TaskCode.__annotations__, **vars(TaskCode)} if not name.startswith("_")))
