"""The model card: what a stranger must know before using the model. It names the run, not the digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engram.export.format import BaseRef
from engram.schema.recipe import Recipe
from engram.schema.report import Measure, Report
from engram.schema.split import DataReport, Split

USE = {
    "merged": """```python
from transformers import pipeline

classify = pipeline("text-classification", "./merged", top_k=None)
print(classify("{example}"))
```""",
    "adapter": """```python
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("./adapter")
base = AutoModelForSequenceClassification.from_pretrained(
    "{base}"{revision}, num_labels={labels}, pad_token_id=tokenizer.pad_token_id, dtype="float32"
)
model = PeftModel.from_pretrained(base, "./adapter").eval()
```""",
}


def write_card(
    run: str,
    recipe: Recipe,
    split: Split,
    data: DataReport,
    evaluation: Report,
    base: BaseRef,
    exports: Sequence[str],
) -> str:
    """Return the card as Markdown with the metadata block that model hubs read."""
    example = data.example.get("kept", {}).get("text", "…").replace('"', "'").replace("\n", " ")[:80]
    values = {
        "example": example,
        "base": base.name,
        "revision": f', revision="{base.revision}"' if base.revision else "",
        "labels": str(len(split.labels)),
    }
    uses = [_fill(USE[name], values) for name in exports if name in USE]
    return "\n".join(
        [
            _metadata(recipe, base, evaluation),
            f"# {recipe.title or recipe.name}",
            "",
            f"Made by Engram in run `{run}` from the recipe `{recipe.name}` (kind {recipe.kind}, task {recipe.task}). "
            "Its certificate stands beside this file: `engram verify . --key ledger.pub`.",
            "",
            "## Measured",
            f"On {evaluation.n} held-out rows (`{split.parts['test'].digest}`), scored {evaluation.times_scored} "
            "time(s). The reference baseline is a linear probe on the untouched base model.",
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
            f"- labels: {', '.join(split.labels)}",
            "",
            "## Base",
            f"`{base.name}`{f' at commit `{base.revision}`' if base.revision else ''}, files `{base.digest}`.",
            "",
            "## Use",
            *uses,
            "",
            "## Limits",
            f"It answers with one of {len(split.labels)} labels whatever it is asked, also for text unlike its "
            f"training data. Allowed use: {recipe.use}. The numbers hold for data like the test rows only.",
            "",
        ]
    )


def _metadata(recipe: Recipe, base: BaseRef, evaluation: Report) -> str:
    lines = ["---", "library_name: transformers", "pipeline_tag: text-classification", f"base_model: {base.name}"]
    lines += ["tags: [engram]", "model-index:", f"- name: {recipe.name}", "  results:"]
    lines += [
        "  - task: {type: text-classification}",
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


def _fill(template: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template
