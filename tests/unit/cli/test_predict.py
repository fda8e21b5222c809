"""What a person reads when a model answers, and what it may be asked."""

from __future__ import annotations

import io
import json

import pytest

from engram.cli import output
from engram.cli.inputs import check_inputs, read_inputs
from engram.cli.predict import predict
from engram.cli.say import say_answer
from engram.errors import NotFound, UsageError, UserError
from engram.kinds.language.card import CARD

CHAT = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "It leaks."}]}
SPAN = {"text": "Ana Duarte", "label": "person", "start": 0, "end": 10, "score": 0.98765}
TAGGED = {"spans": [SPAN, {**SPAN, "text": "Rome", "label": "location"}], "tokens": [], "tags": []}


def artifact(folder, task="classify", kind="language"):
    (folder / "recipe.json").write_text(json.dumps({"kind": kind, "task": task}))
    (folder / "manifest.json").write_text("{}")
    return folder


def test_a_label_stands_with_its_probability_and_the_runner_up():
    answer = {"label": "late", "probabilities": {"late": 0.91, "lost": 0.06, "other": 0.03}}
    assert say_answer("Where is it?", answer) == "late 0.910  lost 0.060  | Where is it?"


def test_a_vector_stands_with_its_length_and_its_first_numbers():
    answer = {"vector": [0.5, -0.25, *[0.125] * 6], "tokens": 3, "cuts": []}
    assert say_answer("Where?", answer) == "Where?\n  8 numbers: 0.5000 -0.2500 0.1250 0.1250 0.1250 0.1250 …"


def test_spans_stand_under_their_text_in_columns():
    assert say_answer("Ana Duarte is in Rome", TAGGED).split("\n") == [
        "Ana Duarte is in Rome",
        "  person    Ana Duarte  0.988  0 to 10",
        "  location  Rome        0.988  0 to 10",
    ]


def test_a_text_without_spans_says_so_and_other_tags_stand_with_their_words():
    nothing = {"spans": [], "tokens": ["It", "rains"], "tags": ["O", "O"]}
    assert say_answer("It rains", nothing) == "It rains\n  no spans"
    assert say_answer(["It", "rains"], {**nothing, "tags": ["PRON", "VERB"]}) == "It rains\n  It/PRON rains/VERB"


def test_a_transcript_of_several_parts_is_shown_with_their_times():
    parts = [{"start": 0.24, "end": 3.5, "text": "one two"}, {"start": 61.04, "end": 62.0, "text": "three\x1b[2J"}]
    heard = {"text": "one two three", "seconds": 63.0, "segments": parts}
    assert say_answer("memo.wav", heard) == "memo.wav\n  0.24 to 3.50  one two\n  61.04 to 62.00  three\\u001b[2J"
    assert say_answer("memo.wav", {**heard, "segments": parts[:1]}) == "memo.wav\n  one two three"


def test_a_written_text_keeps_its_lines():
    assert say_answer(CHAT, {"text": "Close the lid.\nThen wait."}) == "It leaks.\n  Close the lid.\n  Then wait."


def test_what_a_terminal_would_obey_is_shown():
    said = say_answer("a\x1b[2J", {"text": "b\x1b]0;x\x07\u202e"})
    assert "\x1b" not in said
    assert said == "a\\u001b[2J\n  b\\u001b]0;x\\u0007\\u202e"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.json", json.dumps(CHAT, indent=2), [CHAT]),
        ("a.json", '["one", "two"]', ["one", "two"]),
        ("a.json", '"one"\n"two"\n\n', ["one", "two"]),
        ("a.jsonl", '["Ana", "sings"]\n', [["Ana", "sings"]]),
        ("a.json", "\ufeff[]", []),
    ],
)
def test_inputs_are_one_document_a_list_or_one_a_line(tmp_path, name, text, found):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_inputs(str(tmp_path / name)) == found


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"messages": [}', "line 1, column 15"),
        ('"one"\n\n{"a" 1}\n', "line 3, column 6"),
        ("plain", "line 1, column 1"),
    ],
)
def test_what_is_no_json_is_refused_with_line_and_column(tmp_path, text, place):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=f"a.json, {place}: this is no JSON"):
        read_inputs(str(tmp_path / "a.json"))


def test_a_missing_file_and_one_that_is_no_text_are_named(tmp_path):
    with pytest.raises(NotFound, match=r"There is no file .*gone\.json"):
        read_inputs(str(tmp_path / "gone.json"))
    (tmp_path / "a.json").write_bytes(b'"caf\xe9"')
    with pytest.raises(UserError, match=r"a\.json is no UTF-8 text \(byte 4\)"):
        read_inputs(str(tmp_path / "a.json"))


def test_texts_go_to_every_task_and_words_to_the_one_that_tags(tmp_path):
    check_inputs(artifact(tmp_path), ["one", "two"])
    check_inputs(artifact(tmp_path, "tag"), ["one", ["two", "words"]])
    with pytest.raises(UserError, match=r'Input 2 must be a text; it is \["two"\]'):
        check_inputs(artifact(tmp_path), ["one", ["two"]])
    with pytest.raises(UserError, match=r"Input 1 must be a text or a list of words; it is 3\."):
        check_inputs(artifact(tmp_path, "tag"), [3])


@pytest.mark.parametrize("place", [{"kind": "gone"}, {"task": "gone"}])
def test_a_task_that_is_not_known_here_is_left_to_its_own_code(tmp_path, place):
    check_inputs(artifact(tmp_path, **place), [3])


@pytest.fixture
def writing(monkeypatch):
    """Let the task tag be one that writes texts."""
    monkeypatch.setitem(__import__("engram.schema.takes", fromlist=["TAKES"]).TAKES, CARD.primary("tag").name, "texts")


def test_conversations_go_to_the_task_that_writes(tmp_path, writing):
    check_inputs(artifact(tmp_path, "tag"), ["one", CHAT])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"prompt": "x"}, "its keys are 'prompt'"),
        ({"messages": []}, "it has no messages"),
        ({"messages": [{"role": "user"}]}, 'its message 1 is {"role": "user"}, without a role and a content'),
        ([1], "it is"),
    ],
)
def test_what_is_no_conversation_is_told_with_an_example(tmp_path, writing, given, told):
    with pytest.raises(UserError) as caught:
        check_inputs(artifact(tmp_path, "tag"), ["one", given])
    assert "Input 2 must be a text or" in str(caught.value)
    assert told in str(caught.value)
    assert '{"role": "user", "content"' in str(caught.value)


@pytest.fixture
def answering(tmp_path, monkeypatch):
    """Let every artifact answer an input by itself, backwards."""
    monkeypatch.setattr(
        "engram.serve.load.open_artifact", lambda folder: lambda inputs: [{"text": str(one)[::-1]} for one in inputs]
    )
    return str(artifact(tmp_path))


def test_texts_lines_and_json_on_standard_input(answering, monkeypatch, capsys):
    predict(answering, ["abc"])
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    predict(answering, None)
    monkeypatch.setattr("sys.stdin", io.StringIO('["xyz"]'))
    predict(answering, ["-"])
    assert capsys.readouterr().out.split() == ["abc", "cba", "one", "eno", "two", "owt", "xyz", "zyx"]


def test_json_gives_the_raw_answer(answering, capsys):
    output.use_json(True)
    try:
        predict(answering, ["a\x1b"])
    finally:
        output.use_json(False)
    assert json.loads(capsys.readouterr().out) == [{"input": "a\x1b", "text": "\x1ba"}]


def test_texts_and_a_file_are_not_both_answered(answering, tmp_path):
    with pytest.raises(UsageError, match="not both"):
        predict(answering, ["a"], file="b.json")
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(UsageError, match="nothing to answer"):
        predict(answering, None, file=str(tmp_path / "b.json"))
