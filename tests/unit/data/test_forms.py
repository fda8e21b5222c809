"""The forms that rows may have: each becomes the one shape of its rows, and a bad cell is told with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data.filed import filing
from engram.data.forms import BadCell, choose_form, maker
from engram.data.prepare import prepare_split
from engram.data.rows import ChatRow, TagRow, read_part
from engram.errors import DataError, UsageError
from engram.schema.form import FORMS
from engram.schema.recipe import Clean, Data, Source, SplitPlan

ASKED = [{"role": "user", "content": "Add 1 and 2."}, {"role": "assistant", "content": "3"}]
SAME = {
    "alpaca": {"instruction": "Add 1 and 2.", "output": "3"},
    "prompt_completion": {"prompt": "Add 1 and 2.", "completion": "3"},
    "prompt_response": {"prompt": "Add 1 and 2.", "response": "3"},
    "messages": {"messages": json.dumps(ASKED)},
    "sharegpt": {
        "conversations": json.dumps([{"from": "human", "value": "Add 1 and 2."}, {"from": "gpt", "value": "3"}])
    },
}


def make(form, **cells):
    return maker(FORMS[form], str.strip)(cells)


@pytest.mark.parametrize("form", SAME)
def test_every_form_of_a_conversation_becomes_the_same_row(form):
    made = make(form, **SAME[form])
    assert made.body == {"messages": ASKED}
    assert made.text == "Add 1 and 2."
    assert made.whole == make("alpaca", **SAME["alpaca"]).whole


def test_two_answers_to_one_question_are_no_duplicates_and_stay_in_one_part():
    one, other = (make("prompt_response", prompt="Why?", response=said) for said in ("Because.", "No idea."))
    assert one.text == other.text
    assert one.whole != other.whole


def test_a_prompt_completion_pair_may_hold_messages():
    cells = {"prompt": json.dumps(ASKED[:1]), "completion": json.dumps(ASKED[1:])}
    assert make("prompt_completion", **cells).body == {"messages": ASKED}


def test_what_follows_the_last_answer_is_cut_and_a_row_without_an_answer_is_lost():
    assert make("messages", messages=json.dumps([*ASKED, {"role": "user", "content": "Thanks"}])).body == {
        "messages": ASKED
    }
    assert make("messages", messages=json.dumps(ASKED[:1])).body is None
    assert make("alpaca", instruction="Add.", output=" ").body is None
    assert make("tags", tokens="[]", tags="[]").body is None


def test_system_tools_and_tool_calls_are_kept():
    calls = [{"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}]
    turns = [
        {"role": "system", "content": "Be brief."},
        ASKED[0],
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "content": "3", "name": "add"},
        ASKED[1],
    ]
    body = make("messages", messages=json.dumps(turns), tools=json.dumps([{"name": "add"}])).body
    assert [one["role"] for one in body["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert body["messages"][2]["tool_calls"] == calls
    assert body["tools"] == [{"name": "add"}]
    said = make("sharegpt", conversations=SAME["sharegpt"]["conversations"], system="Be brief.").body
    assert said["messages"][0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("form", "cells", "role", "said"),
    [
        ("tags", {"tokens": '["a", "b"]', "tags": '["O"]'}, "tags", "2 tokens came with 1 tags"),
        ("tags", {"tokens": '["a", 1]', "tags": '["O", "O"]'}, "tokens", "item 2 of the list must be a text"),
        ("tags", {"tokens": "a b", "tags": '["O"]'}, "tokens", "no JSON"),
        ("messages", {"messages": '[{"role": "boss", "content": "x"}]'}, "messages", "message 1 must be like"),
        ("messages", {"messages": '{"role": "user"}'}, "messages", "expected a list, received dict"),
        ("sharegpt", {"conversations": '[{"from": "cat", "value": "miau"}]'}, "conversations", "turn 1 must be like"),
        ("preference", {"prompt": "a", "chosen": "b", "rejected": "b"}, "rejected", "are the same"),
    ],
)
def test_a_bad_cell_names_its_role(form, cells, role, said):
    with pytest.raises(BadCell, match=said) as caught:
        make(form, **cells)
    assert caught.value.role == role


def test_a_preference_keeps_prompt_and_both_answers():
    chosen = json.dumps(ASKED)
    made = make("preference", prompt="Add 1 and 2.", chosen=chosen, rejected="4")
    assert made.body == {"messages": ASKED[:1], "chosen": "3", "rejected": "4"}


def test_the_form_is_found_by_the_columns_or_named():
    generate = ("messages", "sharegpt", "alpaca", "prompt_completion", "prompt_response", "text")
    assert choose_form("auto", generate, {}, ["instruction", "input", "output"]).name == "alpaca"
    assert choose_form("auto", generate, {"prompt": "q", "response": "a"}, ["q", "a"]).name == "prompt_response"
    assert choose_form("text", generate, {}, ["text"]).name == "text"
    with pytest.raises(UsageError, match="this task takes") as caught:
        choose_form("alpace", generate, {}, [])
    assert "alpaca" in caught.value.remedy
    with pytest.raises(DataError, match="fit none of the forms"):
        choose_form("auto", generate, {}, ["question", "answer"])
    with pytest.raises(UsageError, match="unknown role 'output'"):
        choose_form("prompt_response", generate, {"output": "a"}, [])


def prepared(tmp_path, lines, forms, **data):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plan = Data((Source("rows.jsonl"),), clean=Clean(), split=SplitPlan(0.6, 0.2, 0.2), **data)
    return prepare_split(plan, folder=tmp_path, cache=tmp_path / "cache", forms=forms)


def test_tagged_rows_are_split_with_tags_numbered_from_o(tmp_path):
    lines = [{"tokens": ["In", f"Rome{i}"], "tags": ["O", "B-place" if i % 2 else "B-city"]} for i in range(20)]
    made = prepared(tmp_path, lines, ("tags",))
    assert made.split.labels == ("O", "B-city", "B-place")
    rows = [row for part in made.split.parts.values() for row in read_part(made.folder, part)]
    assert len(rows) == made.report.rows_kept == 20
    assert all(isinstance(row, TagRow) for row in rows)
    assert {row.tokens: [made.split.labels[t] for t in row.tags] for row in rows} == {
        tuple(line["tokens"]): line["tags"] for line in lines
    }
    assert json.loads(made.report.example["kept"]["tags"])[0] == "O"
    assert sum(part.rows for part in made.split.parts.values()) == 20


def test_one_question_never_stands_in_two_parts(tmp_path):
    lines = [{"prompt": f"Q{i % 10}", "response": f"A{i}"} for i in range(40)]
    made = prepared(tmp_path, lines, ("messages", "prompt_response"))
    parts = {name: list(read_part(made.folder, part)) for name, part in made.split.parts.items()}
    assert all(isinstance(row, ChatRow) for rows in parts.values() for row in rows)
    questions = [{row.text for row in rows} for rows in parts.values()]
    assert not questions[0] & questions[1] | questions[0] & questions[2] | questions[1] & questions[2]
    assert made.report.leaked_test_rows == 0
    assert made.split.labels == ()
    assert "prompt_response" in " ".join(made.report.said)


def test_a_bad_cell_is_told_with_file_line_and_column(tmp_path):
    lines = [{"words": ["a"], "tags": ["O"]}, {"words": ["a", "b"], "tags": ["O"]}]
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, lines, ("tags",), columns={"tokens": "words"})
    assert "rows.jsonl" in str(caught.value)
    assert "2" in str(caught.value)
    assert "tags" in str(caught.value)


@given(st.sampled_from(sorted(set(FORMS) - {"label"})), st.data())
def test_no_cell_whatever_it_holds_raises_anything_but_bad_cell(form, data):
    odd = st.text(max_size=20) | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ).map(json.dumps)
    cells = {role: data.draw(odd) for role in FORMS[form].known}
    try:
        made = filing(FORMS[form], str.strip, Path(__file__).parent)(cells) if FORMS[form].file else make(form, **cells)
    except BadCell:
        return
    assert made.body is None or json.loads(json.dumps(made.body)) == made.body
