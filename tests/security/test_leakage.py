"""Test rows that also stand in train: they are found in what was written, and the gate refuses them."""

import json

import pytest

from engram import registry
from engram.data.leakage import leaked_rows
from engram.data.prepare import prepare_split
from engram.gate.criteria import judge
from engram.schema.recipe import Clean, Data, Source
from engram.schema.report import Measure, Report

GATE = registry.get("kind", "language").tasks["classify"].gates["data"]
CLEAN = {"missing_values": 0.0, "tokenisation_error_rate": 0.0, "lost_tokens_rate": 0.0, "untrainable_rows": 0.0}


def prepared(tmp_path, **more):
    rows = [(f"text number {n // 2}", "ab"[n // 2 % 2]) for n in range(400)]
    text = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
    (tmp_path / "rows.csv").write_text(text)
    data = Data((Source(path="rows.csv"),), **more)
    return prepare_split(data, folder=tmp_path, cache=tmp_path / "cache")


@pytest.mark.parametrize("clean", [Clean(), Clean(deduplicate="none")])
def test_dealt_rows_never_leak_even_when_duplicates_are_kept(tmp_path, clean):
    made = prepared(tmp_path, clean=clean)
    assert made.report.leaked_test_rows == 0
    assert leaked_rows(made.folder, made.split.parts) == 0


@pytest.mark.parametrize("spelling", ["text number {n}", "  TEXT   Number {n} "])
def test_a_leak_in_the_written_files_is_counted_and_refused(tmp_path, spelling):
    made = prepared(tmp_path)
    train, test = (made.folder / made.split.parts[name].file for name in ("train", "test"))
    stolen = [json.loads(line) for line in test.read_text().splitlines()[:3]]
    with train.open("a") as stream:
        for row in stolen:
            number = row["text"].rsplit(" ", 1)[1]
            stream.write(json.dumps({**row, "text": spelling.format(n=number)}) + "\n")
    leaked = leaked_rows(made.folder, made.split.parts)
    assert leaked == 3
    metrics = {name: Measure(value) for name, value in CLEAN.items()} | {"leaked_test_rows": Measure(float(leaked))}
    verdict = judge(Report("r_1", "data", 400, metrics), GATE)
    assert verdict.decision == "rollback"
    assert [one.metric for one in verdict.criteria if not one.passed] == ["leaked_test_rows"]


@pytest.mark.parametrize("metric", ["leaked_test_rows", *CLEAN])
def test_each_line_of_the_data_gate_can_fail(metric):
    metrics = {name: Measure(0.0) for name in (*CLEAN, "leaked_test_rows")} | {metric: Measure(1.0)}
    assert judge(Report("r_1", "data", 9, metrics), GATE).decision == "rollback"


def test_masked_labels_are_counted_as_untrainable_and_refused():
    from engram.data.rows import Row
    from engram.kinds.language.classify.examples import Examples
    from engram.kinds.language.examine import token_measures
    from engram.kinds.language.padding import MASKED

    examples = Examples([[1, 5, 2], [1, 6, 2]], [MASKED, 1], ["a", "b"], 6, 0, 0)
    assert Row(0, "a", MASKED).label == MASKED
    metrics = {name: Measure(value) for name, value in {**CLEAN, **token_measures([examples])}.items()}
    verdict = judge(Report("r_1", "data", 2, metrics | {"leaked_test_rows": Measure(0.0)}), GATE)
    assert [one.metric for one in verdict.criteria if not one.passed] == ["untrainable_rows"]
