"""The report is one file: no request, a policy that fits its own script and style, and a bounded size."""

from __future__ import annotations

import base64
import hashlib
import re


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_no_address_outside_the_file(sample, wide):
    for html in (sample.html(), wide.html()):
        assert not re.search(r"https?:|//[a-z]|url\(|@import|srcset|<iframe|<object|<embed|<base", html, re.IGNORECASE)


def test_every_reference_stays_inside(sample, look):
    for tag, known in look(sample).elements:
        for name in ("href", "src", "action", "data", "poster", "xlink:href"):
            assert known.get(name, "#").startswith(("#", "data:,")), (tag, known)


def test_policy_allows_exactly_the_style_and_script_that_are_there(sample, look):
    seen = look(sample)
    policy = next(known["content"] for tag, known in seen.elements if known.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert f"script-src '{digest(seen.inside('script'))}'" in policy
    assert f"style-src '{digest(seen.inside('style'))}'" in policy
    assert "unsafe" not in policy


def test_policy_is_set_before_what_it_governs(sample, look):
    elements = look(sample).elements
    policy = next(at for at, (_, known) in enumerate(elements) if known.get("http-equiv"))
    assert policy < min(at for at, (tag, _) in enumerate(elements) if tag in {"style", "script", "link"})


def test_the_same_run_gives_the_same_page(sample):
    assert sample.html() == sample.html()


def test_150_classes_and_20000_steps_stay_under_a_megabyte(wide):
    assert len(wide.html().encode()) < 1_000_000


def test_150_classes_show_pairs_and_an_overview_instead_of_all_cells(wide, look):
    seen = look(wide)
    words = seen.text("confusion")
    assert "Overview of 150 classes" in words
    assert "The 20 most confused pairs" in words
    assert not [known for _, known in seen.elements if known.get("class") == "matrix"]
    assert "intent_149_a_rather_long_name_for_a_class" in seen.text("classes")


def test_30_classes_still_show_all_cells(sample, look):
    labels = [f"c{at}" for at in range(30)]
    matrix = [[9 if row == column else 1 for column in range(30)] for row in range(30)]
    report = sample.reports["evaluate"]
    report.details["labels"], report.details["confusion_matrix"] = labels, matrix
    seen = look(sample)
    assert (
        len([known for tag, known in seen.elements if tag == "td" and known.get("title", "").endswith("of c7")]) == 30
    )


def test_thousands_of_classes_are_drawn_in_blocks(sample, look):
    from engram.pipeline.page.confusion import MOST_BLOCKS

    size = 2 * MOST_BLOCKS + 1
    matrix = [[3 if row == column else 0 for column in range(size)] for row in range(size)]
    sample.reports["evaluate"].details.update(labels=[str(at) for at in range(size)], confusion_matrix=matrix)
    box = next(known["viewbox"] for tag, known in look(sample).elements if known.get("shape-rendering"))
    assert box == "0 0 101 101"
