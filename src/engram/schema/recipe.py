"""The recipe: what people write, and the only thing that they must learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engram.schema.codec import FieldProblem, Path
from engram.schema.criterion import Criterion
from engram.schema.policy import Policy

FORMAT = "engram.recipe/1"


@dataclass(frozen=True)
class Model:
    """Where the weights come from.

    source: hub id, local folder, ``embedded:minilm``, or ``made:`` and a name of the kind's own, as ``made:causal``:
        a small model with random weights that is made on the spot, for data that such a model can learn from nothing;
        ``gym:`` and the id of an environment, as ``gym:CartPole-v1``, for what learns by acting.
    revision: a branch, tag or commit of the hub; pinned to a commit at the first run.
    special_tokens: tokens that the tokenizer learns and never splits, as ``<context>``; each gets a row of its own in
        the embeddings, which is trained and exported.
    template: how a conversation is written down, as ``"{prompt}\\n\\n{response}"``; ``{system}`` may stand before
        ``{prompt}``. Absent means the chat template of the tokenizer where it has one.
    language: what is spoken, for a recogniser that knows several (Whisper), as ``de``; absent means English.
    """

    source: str
    revision: str = "main"
    special_tokens: tuple[str, ...] = ()
    template: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class Source:
    """One source of rows: exactly one of `path`, `sample`, `hub` and `dataset`.

    path: a file, a folder of files or of sub-folders named by labels, or a pattern such as ``data/part-*.jsonl``;
        relative to the recipe's folder or absolute.
    sample: the name of a sample that ships with Engram.
    part: give all its rows to one part of the split (for data with splits as given).
    format: ``auto`` looks at the content and says what it found.
    header: the column names when the file has no header line (CSV, TSV), or other names for the columns (CoNLL).
    delimiter: one character; found by looking when absent (CSV only).
    quoting: false when quotes are ordinary characters (CSV and TSV).
    hub: a data set of the hub, as ``org/name`` or ``org/name@revision``.
    revision: a branch, tag or commit of the hub.
    subset: one of the data set's configurations, where it has several (hub only).
    split: the part of the data set that is read, as ``train``, where it has several (hub only).
    paragraphs: rows are paragraphs with blank lines between them, not lines (text only).
    dataset: the name or the digest (``sha256:…``) of a dataset of this home; a run pins the digest.
    names: how the names of the files in a folder tell columns, as ``{label}_{speaker}_{take}``; the suffix is left out
        (folders of sounds or images only).
    """

    path: str | None = None
    sample: str | None = None
    part: Literal["train", "valid", "test"] | None = None
    license: str = "unstated"
    format: str = "auto"
    header: tuple[str, ...] | None = None
    delimiter: str | None = None
    quoting: bool = True
    hub: str | None = None
    revision: str = "main"
    subset: str | None = None
    split: str | None = None
    paragraphs: bool = False
    dataset: str | None = None
    names: str | None = None


@dataclass(frozen=True)
class Clean:
    """What happens to each row before the split.

    deduplicate: ``exact`` drops rows whose cleaned text is the same (and the same label), ``near`` also those that
        differ by a word or two, and keeps such texts in one part of the split; ``none`` keeps all rows.
    near_threshold: the Jaccard similarity of their pairs of words from which two texts are near (`near` only).
    repair_encoding: mend text that was decoded with the wrong encoding, such as ``cafÃ©`` for ``café``.
    """

    deduplicate: Literal["near", "exact", "none"] = "exact"
    near_threshold: float = 0.8
    repair_encoding: bool = False
    strip: bool = True


@dataclass(frozen=True)
class SplitPlan:
    """How rows are dealt to train, valid and test.

    stratify: a column whose proportions are kept in every part.
    group: a column whose equal values stay in one part (leakage guard).
    held_out: column → values whose rows are the part test, as ``{speaker: [ada]}``; the others are dealt.
    """

    train: float = 0.8
    valid: float = 0.1
    test: float = 0.1
    stratify: str | None = "label"
    group: str | None = None
    held_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seed: int = 42


@dataclass(frozen=True)
class Data:
    """Sources, columns, labels, cleaning and split.

    format: the form of the rows (`schema.form`); ``auto`` takes the first form of the task whose columns are there.
    columns: role → column name in the file, as ``{text: sentence}``; without it a role's column has the role's name.
    labels: value in the file → name shown to people; absent means the values are the names.
    limit: use at most so many rows (drawn from the start after the seeded shuffle); for quick trials.
    seeds: how many episodes of an environment are dealt to the parts, each by its seed; they stand in place of sources.
    """

    sources: tuple[Source, ...] = ()
    format: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] | None = None
    clean: Clean = Clean()
    split: SplitPlan = SplitPlan()
    limit: int | None = None
    seeds: int | None = None


@dataclass(frozen=True)
class PrepStep:
    """One prep step: its name, and its options where it has some.

    A recipe writes a name, or a block with that one key: ``normalise``, ``{instruct: {template: "Sum up: {text}"}}``.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> str | dict[str, dict[str, Any]]:
        """Return the step as recipes write it.

        >>> PrepStep("normalise").to_plain(), PrepStep("pack", {"tokens": 2048}).to_plain()
        ('normalise', {'pack': {'tokens': 2048}})
        """
        return {self.name: dict(self.options)} if self.options else self.name

    @classmethod
    def from_plain(cls, value: Any, path: Path) -> PrepStep:
        """Read a step as recipes write it; what the options mean is checked where the steps are known.

        Raises FieldProblem for anything but a name or a block with one name, whose options are a block.
        """
        where = repr(".".join(map(str, path)))
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping) or len(value) != 1:
            told = f"{where} must be the name of a step, or a block with one name: {{instruct: {{template: …}}}}."
            raise FieldProblem(path, told)
        (name, options), *_ = value.items()
        if options is not None and not isinstance(options, Mapping):
            told = f"the options of the prep step {str(name)!r} must be a block of keys."
            raise FieldProblem((*path, name), told)
        return cls(str(name), dict(options or {}))


@dataclass(frozen=True)
class Adapter:
    """How much of the model is trained: all of it (`full`) or low-rank adapters (`lora`, Hu et al. 2021)."""

    type: Literal["lora", "full"] = "lora"
    r: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"


@dataclass(frozen=True)
class SaveEvery:
    """A checkpoint each so many optimizer steps."""

    steps: int = 100


@dataclass(frozen=True)
class Train:
    """The training loop's options, under the names that users of transformers know.

    tokens_per_batch: fill each batch up to so many tokens, padding included, instead of a number of rows.
    max_seq_length: longer rows are truncated, and counted as lost tokens. A token of a sound is a frame of 20 ms.
    loss_on: what a text model learns: the ``completion`` (all answers of a conversation and their ends), or ``all``.
    packing: put rows one after the other in one sequence of up to tokens_per_batch (or max_seq_length × rows) tokens;
        no row sees another, and nothing is padded.
    precision: ``bf16`` and ``fp16`` compute in mixed precision; weights stay fp32. ``auto`` is bf16 where the processor
        multiplies in it, else fp32: where bf16 is emulated it takes many times as long.
    early_stopping_patience: evaluations without a better validation loss before training stops; 0 never stops.
    eval_every: optimizer steps between validations; absent means once an epoch.
    callbacks: registered callbacks, which look on and may ask to stop.
    report_to: trackers that get the numbers besides the journal, as ``[jsonl, tensorboard]``; they are callbacks too.
    logging_steps: optimizer steps between two logs to callbacks and trackers.
    parallel: how several processes (``engram train --workers``, or torchrun) share the work: ``ddp`` copies the model,
        ``fsdp2`` parts it, ``none`` refuses it. One process trains alone whatever stands here.
    """

    learning_rate: float = 2.0e-4
    num_train_epochs: float = 3.0
    max_steps: int | None = None
    per_device_train_batch_size: int = 16
    tokens_per_batch: int | None = None
    gradient_accumulation_steps: int = 1
    lr_scheduler_type: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    max_seq_length: int = 256
    loss_on: Literal["completion", "all"] = "completion"
    group_by_length: bool = True
    packing: bool = False
    gradient_checkpointing: bool = False
    early_stopping_patience: int = 3
    eval_every: int | None = None
    save_every: SaveEvery = SaveEvery()
    callbacks: tuple[str, ...] = ()
    report_to: tuple[str, ...] = ()
    logging_steps: int = 1
    parallel: Literal["ddp", "fsdp2", "none"] = "ddp"
    seed: int = 42


@dataclass(frozen=True)
class Evaluate:
    """Which metrics are reported, and how the intervals are drawn.

    max_new_tokens: the most tokens that a text model writes for one answer, here and when it serves.
    judge: the digest of an artifact of this home that is asked about a model's answers, as a recogniser about what
        was spoken; measures that need one are not measured without it.
    """

    metrics: tuple[str, ...] = ()
    bootstrap: int = 10_000
    max_new_tokens: int = 64
    judge: str | None = None


@dataclass(frozen=True)
class Simulate:
    """The load of the deployment simulation."""

    concurrency: int = 8
    seconds: float = 5.0


@dataclass(frozen=True)
class Recipe:
    """Model + data + training + gates + exports. Immutable; profiles are resolved before it is built.

    policy: what learns in an environment, in recipes of kinds whose rows are seeds.
    """

    name: str
    kind: str
    task: str
    model: Model
    data: Data
    format: str = FORMAT
    title: str = ""
    category: str = ""
    use: Literal["commercial", "research"] = "commercial"
    prep: tuple[PrepStep, ...] = (PrepStep("normalise"),)
    adapter: Adapter = Adapter()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    gates: Mapping[str, tuple[Criterion, ...]] = field(default_factory=dict)
    export: tuple[str, ...] = ("adapter", "merged")
    simulate: Simulate = Simulate()
    policy: Policy | None = None
