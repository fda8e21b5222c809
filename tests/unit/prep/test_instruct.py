"""The prep step `instruct`: columns to a prompt and a completion."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data.prepare import Prepared, prepare_split
from engram.data.rows import ChatRow, read_part
from engram.errors import DataError, UsageError
from engram.prep.instruct import STEP, Options, instruct, parse
from engram.prep.normalise import normalise
from engram.prep.plan import plan
from engram.schema.recipe import Clean, Data, PrepStep, Source, SplitPlan

ASK = 'Analyze the sentiment of this review:\n\n"{text}"\n\nReturn: sentiment.'
STEPS = (PrepStep("normalise"), PrepStep("instruct", {"template": ASK}))
LABELS = {"0": "negative", "1": "positive"}


def prepare(folder: Path, rows: list[tuple[str, ...]], steps=STEPS, header=("text", "label"), **data) -> Prepared:
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    asked = plan(steps)
    return prepare_split(
        Data((Source(path="rows.csv"),), **data),
        folder=folder,
        cache=folder / "cache",
        forms=("messages", "prompt_completion"),
        steps=asked.texts,
        step_names=asked.names,
        composer=asked.composer,
    )


def rows_of(made: Prepared) -> list[ChatRow]:
    return [row for part in made.split.parts.values() for row in read_part(made.folder, part)]


def test_a_file_of_texts_and_classes_becomes_conversations(tmp_path):
    rows = [(f"  Film {i}  was   fine ", str(i % 2)) for i in range(40)]
    made = prepare(tmp_path, rows, labels=LABELS)
    found = rows_of(made)
    assert all(isinstance(row, ChatRow) for row in found)
    assert {(row.messages[0]["content"], row.answer) for row in found} == {
        (ASK.replace("{text}", f"Film {i} was fine"), LABELS[str(i % 2)]) for i in range(40)
    }
    assert {one["role"] for row in found for one in row.messages} == {"user", "assistant"}
    assert made.split.labels == ()
    assert any("format instruct" in said and "text = column 'text'" in said for said in made.report.said)
    assert "Film" in made.report.example["kept"]["messages"]


def test_classes_keep_their_proportions(tmp_path):
    made = prepare(tmp_path, [(f"text {i}", str(int(i % 10 == 0))) for i in range(200)])
    answers = [
        [row.answer for row in read_part(made.folder, made.split.parts[name])] for name in ("train", "valid", "test")
    ]
    assert [one.count("1") for one in answers] == [16, 2, 2]


def test_every_lost_row_has_its_reason(tmp_path):
    rows = [(f"text {i}", str(i % 2)) for i in range(40)]
    rows += [("", "1"), ("no class", " "), ("odd class", "7"), ("text 3", "1"), ("TEXT 4 ", "0")]
    made = prepare(tmp_path, rows, labels=LABELS)
    assert made.report.dropped == {"missing_text": 1, "missing_label": 1, "unknown_label": 1, "duplicate": 1}


def test_any_columns_and_a_system_message(tmp_path):
    step = PrepStep(
        "instruct",
        {"template": "{question} [{place}]", "completion": "{answer}.", "system": "You know {place} {{well}}."},
    )
    rows = [(f"Where is {i}?", f"town {i % 3}", f"left {i}") for i in range(30)]
    header = ("q", "place", "answer")
    made = prepare(
        tmp_path,
        rows,
        (step,),
        header,
        columns={"question": "q"},
        split=SplitPlan(group="place", train=0.4, valid=0.3, test=0.3),
    )
    row = next(row for row in rows_of(made) if "Where is 4?" in row.text)
    assert [(one["role"], one["content"]) for one in row.messages] == [
        ("system", "You know town 1 {well}."),
        ("user", "Where is 4? [town 1]"),
        ("assistant", "left 4."),
    ]


def test_a_template_that_all_rows_share_hides_no_near_duplicate_and_makes_none(tmp_path):
    long = " ".join(f"rule{i}" for i in range(80)) + ": {text}"
    step = PrepStep("instruct", {"template": long})
    texts = [" ".join(f"w{n}x{i}" for i in range(20)) for n in range(60)]
    rows = [(text, "1") for text in (*texts, texts[0].replace("w0x5", "other"))]
    made = prepare(tmp_path, rows, (step,), clean=Clean(deduplicate="near"))
    assert made.report.dropped == {"near_duplicate": 1}
    assert made.report.leaked_test_rows == 0


def test_a_column_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match=r"no column 'txet'\. Columns: text, label\.") as caught:
        prepare(tmp_path, [("a", "b")] * 9, (PrepStep("instruct", {"template": "{txet}"}),))
    assert "Did you mean 'text'?" in caught.value.remedy


def test_other_words_are_another_split(tmp_path):
    rows = [(f"text {i}", "1") for i in range(30)]
    folders = {
        prepare(tmp_path, rows, (PrepStep("instruct", {"template": ask}),)).folder
        for ask in ("A {text}", "B {text}", "A {text}")
    }
    assert len(folders) == 2


@given(st.text())
def test_a_template_without_braces_is_its_own_text(text):
    text = text.replace("{", "").replace("}", "")
    assert parse(text).fill({}) == text


@given(st.text(), st.text())
def test_doubled_braces_and_what_cells_hold_are_left_alone(text, cell):
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert parse(f"{doubled} {{text}} ").fill({"text": cell}) == f"{text} {cell} "


@given(st.text("{}ab.[]!: 0_é", max_size=12))
def test_a_template_fills_as_str_format_does_or_is_refused(text):
    try:
        read = parse(text)
    except UsageError:
        return
    cells = dict.fromkeys(read.roles, "{x}")
    assert read.fill(cells) == text.format(**cells)


@pytest.mark.parametrize(
    "template",
    [
        "{text.__class__}",
        "{text[0]}",
        "{text!r}",
        "{text:>9}",
        "{}",
        "{0}",
        "{a b}",
        "{ text }",
        "{text",
        "text}",
        "{{text}",
        "{a{b}}",
    ],
)
def test_anything_but_a_plain_name_is_refused(template):
    with pytest.raises(UsageError) as caught:
        parse(template)
    assert "twice" in caught.value.remedy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options("Always this."), "'template' has no placeholder"),
        (Options("{text}", completion="yes"), "'completion' has no placeholder"),
        (Options("{text"), "single '{'"),
        (Options("{text}", system="{a.b}"), "no placeholder of a template"),
        (Options("{text}", completion=""), "'completion' has no placeholder"),
    ],
)
def test_options_that_make_no_sense_are_told(options, words):
    assert words in STEP.fault(options)


def test_good_options_have_no_fault():
    assert STEP.fault(Options("{text}", system="Be short.")) == ""
    assert instruct(Options("{b} {a}", "{a}")).form.known == ("b", "a")
    assert plan((PrepStep("normalise"),)).texts == (normalise,)
