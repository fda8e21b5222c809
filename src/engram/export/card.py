"""The model card: what a stranger must know before using the model. It names the run, not the digest."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

from engram import registry
from engram.export.format import BaseRef
from engram.schema.card import TaskCard
from engram.schema.recipe import Recipe
from engram.schema.report import Measure, Report
from engram.schema.split import DataReport, Split

BASELINES = {
    "random": "a policy that acts at random",
    "linear_probe": "a linear probe on the untouched base model",
    "untouched": "the untouched base model",
    "strongest": "the better of the untouched base model and an n-gram model of the training answers",
}
Parity = Mapping[str, Mapping[str, float]]


def write_card(
    run: str,
    recipe: Recipe,
    split: Split,
    data: DataReport,
    evaluation: Report,
    base: BaseRef,
    exports: Sequence[str],
    baseline: str = "linear_probe",
    parity: Parity | None = None,
) -> str:
    """Return the card as Markdown with the metadata block that model hubs read.

    baseline: the name of the reference baseline on the kind's card. parity: what the export stage measured of each
    format (`details["formats"]` of its report), which is how a lossy format states what it costs.
    """
    task: TaskCard = registry.get("kind", recipe.kind).tasks[recipe.task]
    limits = task.limits.format(labels=len(split.labels))
    return "\n".join(
        [
            _metadata(recipe, task, base, evaluation),
            f"# {recipe.title or recipe.name}",
            "",
            f"Made by Engram in run `{run}` from the recipe `{recipe.name}` (kind {recipe.kind}, task {recipe.task}). "
            "Its certificate stands beside this file: `engram verify . --key ledger.pub`.",
            "",
            "## Measured",
            f"On {evaluation.n} held-out rows (`{split.parts['test'].digest}`), scored {evaluation.times_scored} "
            f"time(s). The reference baseline is {BASELINES.get(baseline, baseline)}.",
            "",
            *_table(evaluation.metrics),
            "",
            "## Data",
            *(
                f"- {source.name}: {source.format}, licence {source.license}, `{source.digest}`"
                for source in split.sources
            ),
            f"- rows: {', '.join(f'{name} {part.rows}' for name, part in split.parts.items())}; "
            f"lost: {', '.join(f'{why} {rows}' for why, rows in data.dropped.items() if rows) or 'none'}",
            *([f"- labels: {', '.join(split.labels)}"] if split.labels else []),
            "",
            "## Base",
            f"`{base.name}`{f' at commit `{base.revision}`' if base.revision else ''}, files `{base.digest}`.",
            "",
            "## Formats",
            *_formats(exports, parity or {}),
            "",
            "## Use",
            "Each runs in this folder and needs nothing of Engram.",
            "",
            *_uses(recipe, task, data, base, exports),
            "## Limits",
            f"{limits} Allowed use: {recipe.use}. The numbers hold for data like the test rows only.".strip(),
            "",
        ]
    )


def _formats(exports: Sequence[str], parity: Parity) -> list[str]:
    rows = ["| folder | what it is | max logit difference | answers changed | metric lost |", "|---|---|---|---|---|"]
    for name in exports:
        export, found = registry.get("export", name), parity.get(name, {})
        said = f"{export.title}{', not exact' * export.lossy}{', holds a program' * export.executable}"
        logits, changed, lost = (found.get(key) for key in ("max_logit_difference", "changed_answers", "metric_loss"))
        cells = (_number(logits, ".1e"), _number(changed, ".0f"), _number(lost, ".4f"))
        rows.append(f"| `{name}` | {said} | {' | '.join(cells)} |")
    return rows


def _uses(recipe: Recipe, task: TaskCard, data: DataReport, base: BaseRef, exports: Sequence[str]) -> list[str]:
    use = importlib.import_module(task.use)
    codes = [use.how_to_use(name, recipe.task, data.example.get("kept", {}), base) for name in exports]
    return [line for code in codes if code for line in ("```python", code.rstrip("\n"), "```", "")]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _metadata(recipe: Recipe, task: TaskCard, base: BaseRef, evaluation: Report) -> str:
    lines = ["---", f"library_name: {task.library}", f"pipeline_tag: {task.pipeline_tag}", f"base_model: {base.name}"]
    lines += ["tags: [engram]", "model-index:", f"- name: {recipe.name}", "  results:"]
    lines += [
        f"  - task: {{type: {task.pipeline_tag}}}",
        f"    dataset: {{name: {recipe.name}, type: custom}}",
        "    metrics:",
    ]
    for name, measure in evaluation.metrics.items():
        if measure.value is not None:
            lines.append(f"    - {{type: {name}, value: {measure.value:.4f}}}")
    return "\n".join([*lines, "---"])


def _table(metrics: Mapping[str, Measure]) -> list[str]:
    rows = ["| metric | tuned | baseline | difference, 95 % interval |", "|---|---|---|---|"]
    for name, m in metrics.items():
        if m.value is None:
            continue
        base = "" if m.baseline is None else f"{m.baseline:.4f}"
        gain = ""
        if m.difference is not None and m.difference_interval is not None:
            gain = f"{m.difference:+.4f} [{m.difference_interval[0]:+.4f}, {m.difference_interval[1]:+.4f}]"
        rows.append(f"| {name} | {m.value:.4f} | {base} | {gain} |")
    return rows
