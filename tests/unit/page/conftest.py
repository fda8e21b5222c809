"""One realistic run, as records, that the report's tests start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import pytest
from unit.page.measured import (
    confusion,
    examples,
    per_class,
    per_type,
    reliability,
    tag_confusion,
    training_curve,
)

from engram.kinds.language.card import CARD
from engram.pipeline.directions import directions
from engram.pipeline.page.page import render
from engram.schema.criterion import Criterion
from engram.schema.recipe import Data, Model, Recipe, Source
from engram.schema.report import Measure, Report
from engram.schema.run import RunRecord
from engram.schema.split import DataReport
from engram.schema.takes import Noun
from engram.schema.verdict import Finding, Verdict

LABELS = (
    "billing_dispute",
    "card_lost_or_stolen",
    "delivery_delay",
    "login_problem",
    "product_question",
    "refund_status",
    "subscription_cancel",
    "technical_fault",
)
DIGEST = "sha256:3f1c9a07b5de0c4471a2be9ad61d9f1b2b0d6c51c88e07f3a941d25f0e6b7c18"
BARE = Recipe(name="bare", kind="language", task="classify", model=Model("embedded:minilm"), data=Data(sources=()))
TAGS = ("O", "B-person", "I-person", "B-location", "I-location", "B-product", "I-product", "B-group", "I-group")
TAGS += ("B-creative-work", "I-creative-work", "B-corporation", "I-corporation")
KPIS = {"loss": "min", "perplexity": "min"}
SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1"


@dataclass
class Sample:
    """Everything `render` takes; tests change what they are about."""

    run: RunRecord
    recipe: Recipe
    data: DataReport | None
    reports: dict[str, Report]
    verdicts: dict[str, Verdict]
    curve: list[dict[str, float]]
    provenance: dict[str, str] = field(default_factory=dict)
    better: dict[str, str] = field(default_factory=lambda: directions(CARD.tasks["classify"], BARE))
    gives: Noun | None = "classes"

    def html(self) -> str:
        return render(
            self.run,
            self.recipe,
            self.data,
            self.reports,
            self.verdicts,
            self.curve,
            self.provenance,
            better=self.better,
            gives=self.gives,
        )


def evaluation(labels: tuple[str, ...], rows_each: int = 40) -> Report:
    """Return the evaluate report of so many classes."""
    matrix = confusion(labels, rows_each, seed=3)
    method = "paired bootstrap 10 000, seed 0"
    return Report(
        run="r_01JD7N",
        stage="evaluate",
        n=sum(map(sum, matrix)),
        split_digest=DIGEST,
        times_scored=1,
        metrics={
            "accuracy": Measure(0.885, (0.867, 0.902), 0.813, 0.072, (0.0549, 0.0893), method, 1.2e-12),
            "macro_f1": Measure(0.8791, (0.858, 0.899), 0.8024, 0.0767, (0.0571, 0.0961), method),
            "weighted_f1": Measure(0.8838, (0.865, 0.901), 0.8117, 0.0721, (0.0543, 0.0897), method),
            "ece": Measure(0.0613, (0.049, 0.078), 0.0702, -0.0089, (-0.0271, 0.0094), method),
        },
        details={
            "labels": list(labels),
            "confusion_matrix": matrix,
            "per_class_f1": per_class(labels, matrix),
            "reliability": reliability(),
            "baselines": {"majority": {"accuracy": 0.141, "macro_f1": 0.031, "weighted_f1": 0.035}},
            "reference": "linear_probe",
        },
    )


def a_sample() -> Sample:
    """Return a published run of eight classes and 180 steps."""
    run_id = "r_01JD7N4Q2W8ZK5T3VXB6M9HCFE"
    run = RunRecord(
        id=run_id,
        recipe="ticket_triage",
        kind="language",
        task="classify",
        created="2026-11-20T15:02:11.042+00:00",
        state="published",
        stage="publish",
        reason="Every critical gate passed; the artifact is published and certified.",
    )
    accuracy = Finding("accuracy", ">=", 0.88, 0.885, True, "major", 356, (0.867, 0.902))
    recipe = Recipe(
        name="ticket_triage",
        title="Support ticket triage",
        kind="language",
        task="classify",
        model=Model("embedded:minilm"),
        data=Data(
            sources=(Source(sample="support_tickets", license="CC0-1.0"),),
            columns={"text": "message", "label": "category"},
        ),
        gates={"evaluate": (Criterion("accuracy", at_least=0.88, severity="major"),)},
    )
    data = DataReport(
        rows_read=3720,
        rows_kept=3560,
        dropped={"duplicate": 121, "missing_text": 17, "unknown_label": 14, "leaked": 8},
        leaked_test_rows=0,
        missing_values=0,
        class_counts={
            "train": {label: 430 - 40 * at for at, label in enumerate(LABELS)},
            "valid": {label: 54 - 5 * at for at, label in enumerate(LABELS)},
            "test": {label: 54 - 5 * at for at, label in enumerate(LABELS)},
        },
        said=(
            "support_tickets.csv is CSV, UTF-8, with a comma between columns and a header line.",
            "The column message is read as text, category as label.",
        ),
        example={
            "raw": {
                "message": "  I was charged twice for my May invoice \u2014 please help!!  ",
                "category": "billing_dispute",
            },
            "kept": {"text": "I was charged twice for my May invoice \u2014 please help!!", "label": "billing_dispute"},
        },
    )
    verdicts = {
        "data": _verdict(
            run_id,
            "data",
            Finding("missing_values", "==", 0, 0.0, True, "critical", 3560),
            Finding("leaked_test_rows", "==", 0, 0.0, True, "critical", 356),
        ),
        "train": _verdict(
            run_id,
            "train",
            Finding("valid_loss_trend", "<=", 0, -1.19, True, "critical", 9),
            Finding("grad_norm_p95", "<=", 5.0, 1.37, True, "major", 180),
        ),
        "evaluate": _verdict(
            run_id,
            "evaluate",
            Finding("accuracy", "gain >=", 0, 0.072, True, "critical", 356, (0.0549, 0.0893)),
            accuracy,
            Finding("ece", "<=", 0.1, 0.0613, True, "major", 356, (0.049, 0.078)),
        ),
        "export": _verdict(
            run_id, "export", Finding("parity_max_difference", "<=", 1e-4, 3.1e-6, True, "critical", 64)
        ),
        "simulate": _verdict(
            run_id,
            "simulate",
            Finding(
                "p95_ms",
                "<=",
                200,
                212.4,
                False,
                "major",
                1412,
                reason="212.4 ms on this machine; asked for at most 200 ms",
            ),
            Finding("error_rate", "<=", 0.01, 0.0, True, "critical", 1412),
            Finding("throughput_rps", ">=", 50, 282.4, True, "major", 1412),
        ),
    }
    simulate = Report(
        run_id,
        "simulate",
        1412,
        {"p95_ms": Measure(212.4), "error_rate": Measure(0.0), "throughput_rps": Measure(282.4)},
    )
    provenance = {
        "run": run_id,
        "recipe": DIGEST,
        "split": DIGEST.replace("3f1c", "9b2e"),
        "base model": "embedded:minilm at 8b3219a92973c328a8e22fadcfa821b5dc75636a",
        "artifact": DIGEST.replace("3f1c", "77ad"),
        "certificate": "VERIFIED, ledger entry 42",
        "code version": "0.1.0",
        "environment": "Python 3.11.9, torch 2.13.0, linux x86-64, 2 cores",
    }
    return Sample(
        run,
        recipe,
        data,
        {"evaluate": evaluation(LABELS), "simulate": simulate},
        verdicts,
        training_curve(180, 20),
        provenance,
    )


def tagging(tags: tuple[str, ...] = TAGS) -> Sample:
    """Return a published run of the task tag, with one report for data and one for evaluate."""
    sample = a_sample()
    method = "paired bootstrap, 10000 resamples, seed 0, 95 % percentile"
    measures = {
        "span_f1": Measure(0.5114, (0.4712, 0.5498), 0.3021, 0.2093, (0.1644, 0.2531), f"{method}; strict, B-I-O tags"),
        "span_precision": Measure(0.5802, (0.533, 0.6251), 0.4417, 0.1385, (0.0862, 0.189), method),
        "span_recall": Measure(0.4572, (0.418, 0.4961), 0.2296, 0.2276, (0.183, 0.2705), method),
        "token_accuracy": Measure(0.9489, (0.9441, 0.9535), 0.9312, 0.0177, (0.0128, 0.0226), method),
    }
    details = {
        "labels": list(tags),
        "tag_confusion": tag_confusion(tags),
        "per_type_f1": per_type(tags),
        "reference": "linear_probe",
        "baselines": {
            "majority": {"span_f1": 0.1204, "span_precision": 0.4, "span_recall": 0.0709, "token_accuracy": 0.9},
            "linear_probe": {name: one.baseline for name, one in measures.items()},
        },
    }
    gain = Finding("span_f1", "gain >=", 0, 0.1644, True, "critical", 1287, (0.1644, 0.2531))
    sample.run = replace(sample.run, recipe="entity_extraction", task="tag")
    sample.recipe = replace(sample.recipe, name="entity_extraction", title="Entities in posts", task="tag", gates={})
    sample.data = _uncounted(
        sample,
        "examples/posts.conll is CoNLL, UTF-8.",
        {"tokens": '["Ana", "moved", "to", "Rome"]', "tags": '["B-person", "O", "O", "B-location"]'},
    )
    sample.reports = {
        "data": _dealt(sample.run.id, 3394, 1009, 1287),
        "evaluate": Report(sample.run.id, "evaluate", 1287, measures, DIGEST, 1, details),
    }
    sample.verdicts["evaluate"] = _verdict(sample.run.id, "evaluate", gain)
    sample.better, sample.gives = directions(CARD.tasks["tag"], BARE), "spans"
    return sample


def writing(generated: bool = True) -> Sample:
    """Return a published run of the task generate; without texts where nothing was generated."""
    sample = a_sample()
    method = "paired bootstrap, 10000 resamples, seed 0, 95 % percentile"
    tokens = "per token of the right texts"
    measures = {
        "loss": Measure(2.4121, (2.3702, 2.4533), 3.0417, -0.6296, (-0.668, -0.5911), f"{method}; nats {tokens}"),
        "perplexity": Measure(11.157, (10.699, 11.627), 20.941, -9.784, (-10.55, -9.041), f"{method}; {tokens}"),
    }
    others = {"untrained": {"loss": 10.2451, "perplexity": 28145.2}}
    if generated:
        measures |= {
            "exact_match": Measure(0.0625, (0.041, 0.0867), 0.0, 0.0625, (0.041, 0.0867), method, 2.4e-7),
            "qa_f1": Measure(0.3312, (0.309, 0.3541), 0.1402, 0.191, (0.1702, 0.2121), method),
            "rouge_l": Measure(0.3127, (0.2921, 0.334), 0.1377, 0.175, (0.1553, 0.195), method),
            "bleu": Measure(14.812, (13.02, 16.731), 3.07, 11.742, (9.894, 13.655), f"{method}; {SIGNATURE}"),
            "chrf": Measure(38.231, (36.502, 40.011), 39.804, -1.573, (-2.931, -0.214), method),
        }
        others["untrained"] |= {"exact_match": 0.0, "qa_f1": 0.01, "rouge_l": 0.01, "bleu": 0.1, "chrf": 4.2}
    ngram = {name: one.baseline for name, one in measures.items()}
    details = {
        "examples": examples(generated),
        "reference": "strongest",
        "baselines": {**others, "ngram": ngram, "strongest": dict(ngram)},
    }
    gain = Finding("loss", "gain >=", 0, 0.5911, True, "critical", 400, (0.5911, 0.668))
    sample.run = replace(sample.run, recipe="replies", task="generate")
    sample.recipe = replace(sample.recipe, name="replies", title="Replies to tickets", task="generate", gates={})
    kept = '[{"role": "user", "content": "My kettle leaks."}, {"role": "assistant", "content": "Close the lid."}]'
    sample.data = _uncounted(sample, "replies.jsonl is JSON lines, UTF-8.", {"messages": kept})
    sample.reports = {
        "data": _dealt(sample.run.id, 3200, 400, 400),
        "evaluate": Report(sample.run.id, "evaluate", 400, measures, DIGEST, 1, details),
    }
    sample.verdicts["evaluate"] = _verdict(sample.run.id, "evaluate", gain)
    sample.better, sample.gives = {**dict.fromkeys(measures, "max"), **KPIS}, "texts"
    return sample


def _dealt(run: str, train: int, valid: int, test: int) -> Report:
    rows = {"test": test, "train": train, "valid": valid}
    return Report(
        run, "data", sum(rows.values()), {"rows_kept": Measure(float(sum(rows.values())))}, details={"rows": rows}
    )


def _uncounted(sample: Sample, said: str, kept: dict[str, str]) -> DataReport | None:
    counts: dict[str, dict[str, int]] = {"train": {}, "valid": {}, "test": {}}
    example = {"kept": kept}
    return replace(sample.data, class_counts=counts, said=(said,), example=example) if sample.data else None


def _verdict(run: str, stage: str, *findings: Finding) -> Verdict:
    missed = {finding.severity for finding in findings if not finding.passed}
    decision: Any = "rollback" if "critical" in missed else "review" if missed else "advance"
    return Verdict(run, stage, decision, findings, DIGEST)


@pytest.fixture
def sample() -> Sample:
    return a_sample()


@pytest.fixture
def tagged() -> Sample:
    return tagging()


@pytest.fixture
def written() -> Sample:
    return writing()


@pytest.fixture
def found() -> Sample:
    from unit.page.finding import finding

    return finding()


class Seen(HTMLParser):
    """What a reader meets: elements with their attributes, and the text of each element with an id."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[tuple[str, str]] = []
        self.unclosed: list[str] = []
        self.words: dict[str, list[str]] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.elements.append((tag, known))
        if tag not in self.VOID:
            self.open.append((tag, known.get("id", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop() if self.open else ("nothing", "")
        if opened[0] != tag:
            self.unclosed.append(f"{opened[0]} ended by {tag}")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] in {"style", "script"}:
            self.words.setdefault(f"<{self.open[-1][0]}>", []).append(data)
            return
        for _, name in self.open:
            if name:
                self.words.setdefault(name, []).append(data)
        self.words.setdefault("", []).append(data)

    def text(self, part: str = "") -> str:
        """Return the text of the element with this id, or of the whole page, with single spaces."""
        return " ".join("".join(f" {word}" for word in self.words.get(part, [])).split())

    def inside(self, tag: str) -> str:
        """Return what stands in the page's style or script, exactly."""
        return "".join(self.words.get(f"<{tag}>", []))


@pytest.fixture
def look() -> Callable[[Sample], Seen]:
    return lambda sample: Seen(sample.html())


@pytest.fixture
def wide() -> Sample:
    sample = a_sample()
    labels = tuple(f"intent_{at:03d}_a_rather_long_name_for_a_class" for at in range(150))
    parts = {part: dict.fromkeys(labels, 9) for part in ("train", "valid", "test")}
    sample.data = replace(sample.data, class_counts=parts) if sample.data else None
    sample.reports = {"evaluate": evaluation(labels, 30)}
    sample.curve = training_curve(20_000, 200)
    return sample
