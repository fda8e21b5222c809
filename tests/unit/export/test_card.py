"""The model card: what a stranger must know, in the form that model hubs read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support import tiny

from engram.export.card import write_card
from engram.export.format import BaseRef
from engram.schema.report import Measure, Report
from engram.schema.split import DataReport, Part, SourceFile, Split

RECIPE = replace(tiny.recipe("org/tiny"), name="tickets", title="Support tickets")
SPLIT = Split(
    digest="sha256:5517",
    parts={name: Part(f"{name}.jsonl", rows, f"sha256:{name}") for name, rows in (("train", 80), ("test", 12))},
    labels=tiny.LABELS,
    sources=(SourceFile("rows.csv", "sha256:50ce", 999, "csv", "cc-by-4.0"),),
)
DATA = DataReport(
    rows_read=100,
    rows_kept=92,
    dropped={"duplicate": 8, "missing_text": 0},
    leaked_test_rows=0,
    missing_values=0,
    class_counts={},
    said=(),
    example={"kept": {"text": 'She said "late"\nagain'}},
)
REPORT = Report(
    run="r-1",
    stage="evaluate",
    n=12,
    metrics={
        "accuracy": Measure(0.91234, None, baseline=0.8, difference=0.11234, difference_interval=(0.05, 0.17)),
        "ece": Measure(0.02),
        "confusion_matrix": Measure(None),
    },
    split_digest="sha256:5517",
    times_scored=3,
)
BASE = BaseRef(Path("/home/someone/.cache/models/tiny"), "org/tiny", "c0ffee", "sha256:ba5e")


def card(**changes) -> str:
    parts = {"run": "r-1", "recipe": RECIPE, "split": SPLIT, "data": DATA, "evaluation": REPORT, "base": BASE}
    return write_card(**{**parts, "exports": ("adapter", "merged"), **changes})


def test_hubs_can_read_its_metadata():
    said = yaml.safe_load(card().split("---")[1])
    assert said["base_model"] == "org/tiny"
    assert said["pipeline_tag"] == "text-classification"
    model = said["model-index"][0]
    assert model["name"] == "tickets"
    assert model["results"][0]["metrics"] == [{"type": "accuracy", "value": 0.9123}, {"type": "ece", "value": 0.02}]


def test_it_says_what_was_measured_on_what():
    text = card()
    assert "| accuracy | 0.9123 | 0.8000 | +0.1123 [+0.0500, +0.1700] |" in text
    assert "| ece | 0.0200 |  |  |" in text
    assert "confusion_matrix" not in text
    assert "On 12 held-out rows (`sha256:test`), scored 3 time(s)" in text


def test_it_names_run_recipe_data_licence_and_base():
    text = card()
    for word in ("`r-1`", "`tickets`", "# Support tickets", "rows.csv: csv, licence cc-by-4.0, `sha256:50ce`"):
        assert word in text
    assert "rows: train 80, test 12; lost: duplicate 8\n" in text
    assert "`org/tiny` at commit `c0ffee`, files `sha256:ba5e`" in text
    assert "labels: delivery, payment, praise" in text
    assert "Allowed use: commercial" in text


def test_it_shows_the_use_of_what_was_exported_and_of_nothing_else():
    assert "from_pretrained('org/tiny', revision='c0ffee', dtype=torch.float32" in card()
    assert 'AutoModelForSequenceClassification.from_pretrained("./merged")' in card()
    only = card(exports=("adapter",))
    assert "./adapter" in only
    assert "./merged" not in only


@pytest.mark.parametrize("exports", [("adapter",), ("merged",), ("adapter", "merged"), ("onnx", "torchscript")])
@pytest.mark.parametrize("task", ["classify", "tag", "generate"])
def test_its_snippets_are_python_and_no_field_is_left_open(exports, task):
    text = card(exports=exports, recipe=replace(RECIPE, task=task))
    snippets = [part.split("```")[0] for part in text.split("```python")[1:]]
    assert len(snippets) == len(exports)
    for snippet in snippets:
        compile(snippet, "card", "exec")
    assert "$" not in text
    assert "{labels}" not in text


@pytest.mark.parametrize(
    "said",
    ["a ``` fence", "C:\\Users\\new", "both \" and '", "$base ${text} {example}", "line\nline", "\u202eevil", ""],
)
def test_no_example_breaks_out_of_its_snippet(said):
    text = card(data=replace(DATA, example={"kept": {"text": said}}))
    assert text.count("```") == 4
    for snippet in [part.split("```")[0] for part in text.split("```python")[1:]]:
        compile(snippet, "card", "exec")
    assert "\u202e" not in text


def test_each_task_is_told_in_its_own_words():
    tag = card(recipe=replace(RECIPE, task="tag"))
    assert "pipeline_tag: token-classification" in tag
    assert "one of 3 labels to every token" in tag
    assert 'AutoModelForTokenClassification.from_pretrained("./merged")' in tag
    write = card(recipe=replace(RECIPE, task="generate"), split=replace(SPLIT, labels=()), baseline="copy_input")
    assert "pipeline_tag: text-generation" in write
    assert "may be untrue" in write
    assert "labels" not in write.replace("id2label", "")
    assert "The reference baseline is copy_input." in write


def test_a_model_that_reads_and_then_writes_is_opened_as_one(tmp_path):
    (tmp_path / "config.json").write_text('{"is_encoder_decoder": true}')
    base, recipe = replace(BASE, folder=tmp_path), replace(RECIPE, task="generate")
    text = card(base=base, recipe=recipe, exports=("adapter", "merged", "onnx"))
    assert text.count("AutoModelForSeq2SeqLM.from_pretrained") == 2
    assert "decoder_input_ids=written" in text
    assert "AutoModelForCausalLM" in card(recipe=recipe)


def test_it_states_what_each_format_costs():
    found = {
        "merged": {"max_logit_difference": 2.1e-6, "changed_answers": 0, "metric_loss": 0.0},
        "onnx_int8": {"max_logit_difference": 0.31, "changed_answers": 3, "metric_loss": 0.0042},
    }
    text = card(exports=("merged", "onnx_int8", "torchscript"), parity=found)
    assert "| `merged` | Merged safetensors | 2.1e-06 | 0 | 0.0000 |" in text
    assert "| `onnx_int8` | ONNX in int8, not exact | 3.1e-01 | 3 | 0.0042 |" in text
    assert "| `torchscript` | TorchScript, holds a program |  |  |  |" in text


def test_no_folder_of_this_machine_stands_on_it():
    assert "/home/someone" not in card()


def test_a_base_without_a_commit_is_known_by_its_digest_alone():
    text = card(base=replace(BASE, revision=""))
    assert "revision" not in text
    assert "`org/tiny`, files `sha256:ba5e`" in text
