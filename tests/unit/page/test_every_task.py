"""Each task has the parts that it can have and no others; numbers stand on the scale that they are counted in."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from unit.page.conftest import TAGS, tagging, writing

from engram import registry
from engram.pipeline.page.scales import HUNDRED, SHARE, UNITS, unit_of
from engram.pipeline.page.text import metric_title
from engram.schema.report import Measure
from engram.schema.takes import TAKES

ALWAYS = ["stages", "compare", "loss", "criteria", "data", "recipe", "provenance"]
OWN = {
    "sample": ["reliability", "confusion", "classes"],
    "tagged": ["confusion", "classes"],
    "written": ["examples"],
    "found": ["classes", "pictures"],
}
TITLES = {"Reliability", "Confusion matrix", "Confusion of tags", "Each class", "Each type", "Examples", "Pictures"}


def change(sample, **details):
    report = sample.reports["evaluate"]
    sample.reports["evaluate"] = replace(report, details={**report.details, **details})
    return sample


def measure(sample, **metrics):
    report = sample.reports["evaluate"]
    sample.reports["evaluate"] = replace(report, metrics={**report.metrics, **metrics})
    return sample


def cards(seen):
    return [known["id"] for tag, known in seen.elements if tag == "section" and "id" in known]


def widths(seen):
    found = {known["id"]: known["class"] for tag, known in seen.elements if tag == "section" and "id" in known}
    return {part: found[part].removeprefix("card ") for part in ("loss", "confusion", "classes")}


def contents(seen):
    return [known["href"][1:] for tag, known in seen.elements if tag == "a" and known["href"] != "#main"]


@pytest.mark.parametrize("task", OWN)
def test_a_task_has_the_cards_that_it_can_have_and_lists_just_these(task, request, look):
    seen = look(request.getfixturevalue(task))
    assert sorted(cards(seen)) == sorted(ALWAYS + OWN[task])
    assert contents(seen)[: len(cards(seen))] == cards(seen)
    assert not seen.unclosed


@pytest.mark.parametrize("task", OWN)
def test_before_anything_is_measured_only_what_will_come_is_announced(task, request, look):
    sample = request.getfixturevalue(task)
    sample.run = replace(sample.run, state="queued", stage="")
    sample.reports, sample.curve = {}, []
    seen = look(sample)
    assert sorted(cards(seen)) == sorted(ALWAYS + OWN[task])
    for part in OWN[task]:
        assert "evaluate stage" in seen.text(part)


@pytest.mark.parametrize("task", OWN)
def test_a_kind_that_is_not_installed_shows_what_its_report_holds(task, request, look):
    sample = request.getfixturevalue(task)
    sample.gives, sample.better = None, {}
    seen = look(sample)
    assert sorted(cards(seen)) == sorted(ALWAYS + OWN[task])
    assert "which way is better is not known" in seen.text("compare")
    assert "lower is better" not in seen.text("main")


def test_tagging_leads_with_its_spans(tagged, look):
    seen = look(tagged)
    assert "Span F1 rose from .302 (linear probe) to .511: +.209, 95 % interval [+.164, +.253]." in seen.text("main")
    words = seen.text("compare")
    row = "Span F1 .511 [.471, .550] .302 .120 +.209 [+.164, +.253]"
    assert row in words
    assert words.index("Span F1") < words.index("Span precision") < words.index("Token accuracy")
    assert "Commonest tag of a word" in words
    assert "95 % intervals: paired bootstrap, 10000 resamples, seed 0, 95 % percentile Scores" in words


def test_each_type_has_its_scores_and_a_meter(tagged, look):
    seen = look(tagged)
    words = seen.text("classes")
    assert words.startswith("Each type Weakest: creative-work, F1 .212 on 142 spans. 1 type without true spans.")
    assert "person .662 .710 .620 429" in words
    meters = [known for tag, known in seen.elements if tag == "rect" and known.get("class") == "fill"]
    assert "66.2%" in [known["width"] for known in meters]


def test_tags_that_mark_no_spans_have_no_scores_by_type(tagged, look):
    report = tagged.reports["evaluate"]
    details = {name: value for name, value in report.details.items() if name != "per_type_f1"}
    tagged.reports["evaluate"] = replace(report, details=details)
    seen = look(tagged)
    assert "classes" not in cards(seen) + contents(seen)
    assert "confusion" in cards(seen)


def test_confused_tags_are_counted_in_words_and_the_easy_ones_apart(tagged, look):
    counts = [[90, 2, 0], [3, 4, 0], [0, 0, 1]]
    words = look(change(tagged, labels=["O", "B-x", "I-x"], tag_confusion=counts)).text("confusion")
    assert "95 of 100 words are right, 5 of the 8 that are not O." in words
    assert "Most often confused: B-x taken for O, 3 times." in words
    assert "B-x 3 4 0" in words
    assert "test row" not in words


def test_the_more_tags_the_more_room(look):
    few, many = look(tagging(TAGS[:5])), look(tagging())
    assert widths(few) == {"loss": "c12", "confusion": "c6", "classes": "c6"}
    assert widths(many) == {"loss": "c6", "confusion": "c12", "classes": "c6"}
    assert cards(few).index("confusion") < cards(few).index("classes")
    assert cards(many).index("classes") < cards(many).index("confusion")


def test_finding_leads_with_its_precision_and_draws_its_pictures(found, look):
    seen = look(found)
    assert "mAP, .50 to .95 rose from .031 (strongest baseline) to .611" in seen.text("main")
    words = seen.text("classes")
    assert words.startswith("Each class Weakest: ring, average precision .521 on 38 true boxes. 1 class without")
    assert "disc .702 .911 41" in words
    (shot,) = [known for tag, known in seen.elements if tag == "svg" and known.get("class") == "shot"]
    assert shot["aria-label"] == "True: ring, disc. Found: ring .93."
    assert shot["viewbox"] == "0 0 48 48"
    drawn = [
        known["class"] for tag, known in seen.elements if tag == "rect" and known.get("class") in ("truth", "found")
    ]
    assert drawn == ["truth", "truth", "found"]


@pytest.mark.parametrize("image", ["https://example.org/a.png", "data:image/svg+xml;base64,PHN2Zz4=", 'x"><script>', 7])
def test_no_picture_is_fetched_from_elsewhere_or_runs(found, look, image):
    (one,) = found.reports["evaluate"].details["pictures"]
    seen = look(change(found, pictures=[{**one, "image": image}, 3, {"image": one["image"]}]))
    assert "The report holds no pictures." in seen.text("pictures")
    assert not [known for tag, known in seen.elements if tag == "image"]


def test_names_of_classes_on_a_picture_are_words_and_no_markup(found, look):
    (one,) = found.reports["evaluate"].details["pictures"]
    box = {"label": '"><img src=x>', "box": [0, 0, 4, 4]}
    seen = look(change(found, pictures=[{**one, "truth": [box, {"label": "no box"}], "found": []}]))
    assert not [tag for tag, _ in seen.elements if tag == "img"]
    assert "Found: nothing." in seen.text("pictures")


def test_writing_leads_with_its_loss_and_says_that_lower_is_better(written, look):
    words = look(written).text("main")
    said = "Loss fell from 3.042 (n-gram model) to 2.412: −.630, 95 % interval [−.668, −.591]. Lower is better."
    assert said in words
    assert "Loss ↓ (lower is better) , tuned 2.412" in words
    assert "worse" not in words.split("Gates")[0]


def test_a_perplexity_that_rose_is_worse(written, look):
    written.recipe = replace(written.recipe, evaluate=replace(written.recipe.evaluate, metrics=("perplexity",)))
    measure(written, perplexity=Measure(31.25, (30.1, 32.4), 20.94, 10.31, (9.2, 11.4)))
    words = look(written).text("main")
    assert "Perplexity rose from 20.94 (n-gram model) to 31.25: +10.31" in words
    assert "Lower is better. The tuned model is worse than its baseline." in words
    assert any(known.get("class") == "harm" for _, known in look(written).elements)


def test_each_unit_has_an_axis_of_its_own_in_the_order_of_the_measures(written, look):
    heads = re.findall("<h3>([^<]*)</h3>", written.html())
    axes = ["Loss, nats per token", "Perplexity", "Scores, 0 to 1", "Scores, 0 to 100"]
    assert [head for head in heads if head in axes] == axes
    assert heads.count("Difference, tuned less baseline") == 4
    words = look(written).text("compare")
    assert "BLEU 14.81 [13.02, 16.73] 3.07 .10 +11.74 [+9.89, +13.65] –" in words
    assert "nrefs:1|case:mixed" not in words
    assert "95 % percentile; nrefs:1|case:mixed" in look(written).text("criteria")


def test_the_axis_of_a_metric_does_not_depend_on_its_value(written, look):
    measure(written, bleu=Measure(0.81, (0.4, 1.2), 0.0, 0.81, (0.4, 1.2)))
    words = look(written).text("compare").split("Show as table")[0]
    shares, hundreds = words.split("Scores, 0 to 100")
    assert "BLEU" not in shares
    assert "BLEU .81 [.40, 1.20]" in hundreds


def test_a_baseline_far_off_is_told_and_does_not_squeeze_the_others(written, look):
    seen = look(written)
    assert "Too far off to be drawn: untrained model, Perplexity 28 145.2." in seen.text("compare")
    assert "Perplexity (lower is better) 11.16 [10.70, 11.63] 20.94 28 145.2 −9.78" in seen.text("compare")


def test_the_strongest_baseline_goes_by_its_own_name_and_stands_once(written, look):
    words = look(written).text("compare")
    assert "strongest" not in words
    assert "(n-gram model, untrained model)" in words
    assert "Majority" not in words


def test_examples_show_right_text_and_models_text_with_their_score(written, look):
    words = look(written).text("examples")
    assert "The test rows that went best and worst by chrF" in words
    assert "chrF 88.41 row 31 Right text Close the lid until it clicks, then fill it to the line. Model Close" in words
    assert words.index("row 31") < words.index("row 214") < words.index("row 388") < words.index("row 90")
    assert "chrF 0 row 12 Right text The warranty covers the heating element for two years. Model nothing" in words


def test_line_ends_of_a_text_stay_line_ends(written):
    assert "Please send us a picture of the base.\nWe will answer within a day.</dd>" in written.html()


def test_without_generated_texts_the_loss_ranks_the_rows(look):
    words = look(writing(generated=False)).text("examples")
    assert "by Loss, of which less is better" in words
    assert "No texts were generated, so the right ones stand alone." in words
    assert "Loss .410 row 31 Right text Close the lid" in words
    assert "Model" not in words


LINE = {"row": 1, "score": 2.0, "reference": "a", "guess": "b"}


@pytest.mark.parametrize(
    "value", [None, [], "x", {"best": 3}, {"best": [{}]}, {"by": 4, "worst": [{**LINE, "guess": 4}]}, {"best": [LINE]}]
)
def test_strange_examples_show_less_and_break_nothing(written, look, value):
    seen = look(change(written, examples=value))
    assert not seen.unclosed
    shown = isinstance(value, dict) and value.get("best") == [LINE]
    assert ("Score 2 row 1 Right text a Model b" in seen.text("examples")) is shown
    assert ("The report holds no examples." in seen.text("examples")) is not shown


@pytest.mark.parametrize("task", ["tagged", "written"])
def test_rows_without_classes_are_counted_by_part(task, request, look):
    words = look(request.getfixturevalue(task)).text("data")
    sizes = {"tagged": "Train 3 394 60 % Valid 1 009 18 % Test 1 287 23 %", "written": "Train 3 200 80 %"}
    assert sizes[task] in words
    assert "No part has been dealt" not in words


def test_parts_that_are_not_known_are_not_made_up(tagged, look):
    del tagged.reports["data"]
    assert "No part has been dealt." in look(tagged).text("data")


def test_every_number_among_the_metrics_has_its_axis_and_name():
    scalars = [name for name in TAKES if registry.get("metric", name).scalar]
    assert {name for name in scalars if name not in UNITS} == set()
    for name in scalars:
        said = registry.get("metric", name).compute.__doc__ or ""
        assert ("0 to 100" in said) is (unit_of(name) is HUNDRED)
        assert not (unit_of(name) is SHARE and "0 to 1" not in said)
        assert "_" not in metric_title(name)
