"""A reader of the report finds the result, the gates and the evidence in words."""

from __future__ import annotations

from dataclasses import replace

from engram.schema.criterion import Criterion
from engram.schema.report import Measure
from engram.schema.verdict import Finding, Verdict


def with_accuracy(sample, measure):
    report = sample.reports["evaluate"]
    sample.reports["evaluate"] = replace(report, metrics={**report.metrics, "accuracy": measure})
    return sample


def test_headline_says_from_where_to_where_and_how_sure(sample, look):
    seen = look(sample)
    assert "Accuracy rose from .813 (linear probe) to .885: +.072, 95 % interval [+.055, +.089]." in seen.text("main")
    assert "may be chance" not in seen.text("main").split("Gates")[0]


def test_headline_admits_chance_and_harm(sample, look):
    unsure = with_accuracy(sample, Measure(0.82, None, 0.813, 0.007, (-0.004, 0.018)))
    assert "The interval includes zero, so the difference may be chance." in look(unsure).text("main")
    harm = with_accuracy(sample, Measure(0.78, None, 0.813, -0.033, (-0.05, -0.01)))
    assert "Accuracy fell from .813 (linear probe) to .780: −.033" in look(harm).text("main")
    assert "The tuned model is worse than its baseline." in look(harm).text("main")


def test_headline_without_a_baseline_says_so(sample, look):
    report = sample.reports["evaluate"]
    sample.reports["evaluate"] = replace(report, metrics={"accuracy": Measure(0.885, (0.867, 0.902))})
    assert "Accuracy is .885, 95 % interval [.867, .902]; no baseline was measured." in look(sample).text("main")


def test_recipe_decides_which_metric_leads(sample, look):
    sample.recipe = replace(sample.recipe, evaluate=replace(sample.recipe.evaluate, metrics=("macro_f1", "accuracy")))
    assert "Macro F1 rose from .802" in look(sample).text("main")


def test_a_test_part_that_was_scored_often_is_named(sample, look):
    sample.reports["evaluate"] = replace(sample.reports["evaluate"], times_scored=4)
    assert "test part scored 4 times; each look flatters" in look(sample).text("main")


def test_timeline_tells_every_stage_in_a_word(sample, look):
    words = look(sample).text("stages")
    order = ["Data Advance", "Baseline Done, no gate", "Train Advance", "Evaluate Advance", "Export Advance"]
    places = [words.index(part) for part in [*order, "Simulate Review, approved", "Publish Published"]]
    assert places == sorted(places)
    assert "missed 95th percentile latency, ms 212.4 (≤ 200)" in words


def test_timeline_of_a_running_run_shows_what_waits(sample, look):
    sample.run = replace(sample.run, state="running", stage="train", reason="")
    sample.verdicts = {"data": sample.verdicts["data"]}
    words = look(sample).text("stages")
    for part in ("Data Advance", "Baseline Done, no gate", "Train In progress", "Evaluate Waiting", "Publish Waiting"):
        assert part in words


def test_gate_table_holds_every_criterion_with_its_evidence(sample, look):
    words = look(sample).text("criteria")
    assert "10 of 11 criteria passed; 1 major missed." in words
    assert "Evaluate Accuracy gain ≥ 0 .072 [.055, .089] 356 Passed Critical" in words
    assert "Simulate 95th percentile latency, ms ≤ 200 212.4 – 1 412 Missed Major 212.4 ms on this machine" in words
    assert "Export Parity max difference ≤ .0001 3.10 × 10⁻⁶" in words


def test_criteria_of_stages_to_come_are_shown_as_not_judged(sample, look):
    sample.recipe = replace(
        sample.recipe, gates={"evaluate": (Criterion("accuracy", at_least=0.88, severity="major"),)}
    )
    del sample.verdicts["evaluate"]
    assert "Evaluate Accuracy ≥ .88 – – – Not judged Major" in look(sample).text("criteria")


def test_an_absent_metric_is_called_absent(sample, look):
    finding = Finding("macro_f1", ">=", 0.8, None, False, "critical")
    sample.verdicts = {"evaluate": Verdict("r", "evaluate", "rollback", (finding,), "sha256:0")}
    assert "≥ .8 absent – – Missed Critical the observed value does not reach what is asked" in look(sample).text(
        "criteria"
    )


def test_compare_shows_each_metric_with_both_baselines(sample, look):
    words = look(sample).text("compare")
    row = "Accuracy .885 [.867, .902] .813 .141 +.072 [+.055, +.089] 1.20 × 10⁻¹²"
    assert row in words
    assert "Calibration error (ECE) (lower is better) .061" in words
    assert "95 % intervals: paired bootstrap 10 000, seed 0" in words


def test_majority_may_stand_alone(sample, look):
    report = sample.reports["evaluate"]
    details = {key: value for key, value in report.details.items() if key != "baselines"}
    details["majority"] = {"accuracy": 0.25}
    sample.reports["evaluate"] = replace(report, details=details)
    assert "Accuracy .885 [.867, .902] .813 .250 +.072" in look(sample).text("compare")


def test_without_its_name_the_baseline_is_still_named(sample, look):
    report = sample.reports["evaluate"]
    details = {key: value for key, value in report.details.items() if key != "reference"}
    sample.reports["evaluate"] = replace(report, details=details)
    assert "Accuracy rose from .813 (reference baseline) to .885" in look(sample).text("main")


def test_loss_says_its_ends_and_its_best(sample, look):
    words = look(sample).text("loss")
    assert "over 180 steps. Validation loss was lowest, .532, at step 160." in words
    assert "training, centred moving average of 9 steps" in words
    assert words.count("Show as table") == 1


def test_loss_leaves_out_what_is_not_a_number_and_says_so(sample, look):
    sample.curve += [{"step": 181, "loss": float("nan")}, {"step": 182, "loss": float("inf")}]
    words = look(sample).text("loss")
    assert "over 180 steps" in words
    assert "2 values that are not a finite number are left out." in words


def test_reliability_says_which_way_the_model_errs(sample, look):
    words = look(sample).text("reliability")
    assert "Expected calibration error .061." in words
    assert "surer than it is right, by 8." in words
    assert ".933 to 1 204 .977 .926" in words


def test_confusion_matrix_shows_counts_and_the_worst_pair(sample, look):
    words = look(sample).text("confusion")
    assert (
        "322 of 365 test rows are right. Most often confused: billing_dispute taken for card_lost_or_stolen, 6 times."
        in words
    )
    assert "billing_dispute 35 6 0 0 0 0 0 0" in words


def test_classes_stand_in_the_order_of_their_test_rows(sample, look):
    words = look(sample).text("classes")
    supports = {line["label"]: line["support"] for line in sample.reports["evaluate"].details["per_class_f1"]}
    table = words[words.index("Precision") :]
    order = sorted(supports, key=table.index)
    assert [supports[label] for label in order] == sorted(supports.values(), reverse=True)
    assert words.startswith("Each class Weakest: product_question, F1 .844 on 44 rows.")


def test_classes_may_come_as_a_mapping(sample, look):
    report = sample.reports["evaluate"]
    mapped = {line["label"]: {k: v for k, v in line.items() if k != "label"} for line in report.details["per_class_f1"]}
    before = look(sample).text("classes")
    sample.reports["evaluate"] = replace(report, details={**report.details, "per_class_f1": mapped})
    assert look(sample).text("classes") == before


def test_data_accounts_for_every_row(sample, look):
    words = look(sample).text("data")
    assert "Rows read 3 720 Rows kept 3 560 Rows dropped 160 Test rows leaked 0" in words
    assert "same text and label as another row 121" in words
    assert "support_tickets.csv is CSV, UTF-8" in words
    assert "8 classes; rows: 2 320 train, 292 valid, 292 test." in words
    assert "One row as kept text I was charged twice" in words


def test_recipe_and_provenance_are_complete(sample, look):
    seen = look(sample)
    assert "learning_rate : 0.0002" in seen.text("recipe")
    assert "base model embedded:minilm at 8b3219a92973c328a8e22fadcfa821b5dc75636a" in seen.text("provenance")
    digests = [name for tag, name in seen.elements if tag == "dd" and name.get("class") == "mono"]
    assert len(digests) == 4


def test_every_link_of_the_contents_leads_somewhere(sample, look):
    seen = look(sample)
    ids = [known["id"] for _, known in seen.elements if "id" in known]
    assert len(ids) == len(set(ids))
    targets = {known["href"][1:] for tag, known in seen.elements if tag == "a"}
    assert targets <= set(ids)
    assert {"stages", "loss", "confusion", "criteria", "data", "recipe", "provenance"} <= targets


def test_an_advisory_verdict_that_was_missed_does_not_read_like_a_rollback():
    from engram.pipeline.page.stages import standings
    from engram.schema.run import RunRecord
    from engram.schema.verdict import Verdict

    run = RunRecord("r_1", "toy", "language", "classify", "2026-01-01T00:00:00.000000Z", "published", stage="publish")
    missed = Verdict("r_1", "simulate", "rollback", (), "sha256:0")
    said = {one.stage: (one.tone, one.word) for one in standings(run, {"simulate": missed})}
    assert said["simulate"] == ("warn", "Advisory, missed")
    assert said["publish"] == ("ok", "Published")
