"""What becomes of a conversation on its way to tokens: what is cut is counted, and no answer is learned by halves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import talking

from engram.data.rows import ChatRow
from engram.errors import UserError
from engram.kinds.language.examine import token_measures
from engram.kinds.language.generate.examples import (
    Examples,
    examples_of,
    prepare,
    tokenise_rows,
    tokenizer_of,
    voice_of,
)
from engram.kinds.language.generate.model import load
from engram.kinds.language.generate.voice import Voice
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(talking.recipe(talking.save_causal(tmp_path_factory.mktemp("causal")), max_seq_length=400))


@pytest.fixture(scope="module")
def seq2seq(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(talking.recipe(talking.save_seq2seq(tmp_path_factory.mktemp("seq2seq")), max_seq_length=400))


def chat(*said: str) -> ChatRow:
    roles = ("user", "assistant")
    return ChatRow(0, tuple({"role": roles[i % 2], "content": text} for i, text in enumerate(said)))


def cut(voice: Voice, row: ChatRow, limit: int, learn_all: bool = False) -> Examples:
    return examples_of(voice, [row], limit, learn_all)


def learned(targets) -> list[int]:
    return [target for target in targets if target != MASKED]


@settings(max_examples=60, deadline=None)
@given(asked=st.integers(0, 30), answered=st.integers(1, 30), limit=st.integers(2, 70), learn_all=st.booleans())
def test_every_lost_token_is_counted_and_none_is_lost_for_nothing(causal, asked, answered, limit, learn_all):
    row = chat(" late" * asked, " kind" * answered)
    voice = voice_of(causal)
    whole, part = cut(voice, row, 1000, learn_all), cut(voice, row, limit, learn_all)
    assert whole.tokens_lost == 0
    assert whole.tokens_total == part.tokens_total == len(whole.ids[0])
    assert part.tokens_lost == len(whole.ids[0]) - len(part.ids[0])
    assert len(part.ids[0]) == min(limit, len(whole.ids[0])) == len(part.targets[0])
    assert part.untrainable == 0
    for place, target in enumerate(part.targets[0][:-1]):
        assert target in (MASKED, part.ids[0][place + 1])
    assert part.targets[0][-1] == MASKED


def test_the_oldest_of_a_prompt_goes_first_and_the_answer_stays_whole(causal):
    voice, row = voice_of(causal), chat("the late parcel was lost", "thanks")
    whole = cut(voice, row, 400)
    part = cut(voice, row, len(whole.ids[0]) - 2)
    assert part.ids[0] == whole.ids[0][2:]
    assert learned(part.targets[0]) == learned(whole.targets[0])


def test_an_answer_keeps_half_of_the_room_and_so_does_its_prompt(causal):
    voice = voice_of(causal)
    part = cut(voice, chat(" late" * 50, " kind" * 50), 20)
    assert len(part.ids[0]) == 20
    assert len(learned(part.targets[0])) == 10
    late, kind = (causal.tokenizer(word)["input_ids"] for word in (" late", " kind"))
    assert part.ids[0][:8] == late * (8 // len(late))
    assert learned(part.targets[0]) == kind * (10 // len(kind))
    assert voice.end not in part.targets[0], "an answer that is cut does not end"


def test_a_row_whose_answer_is_cut_off_whole_is_untrainable_and_counted(causal):
    found = cut(voice_of(causal), chat("late", "thanks"), 1)
    assert token_measures([found])["untrainable_rows"] == 1.0
    assert found.untrainable == 1


def test_both_sides_of_an_encoder_decoder_are_cut_and_counted(seq2seq):
    voice = voice_of(seq2seq)
    whole = cut(voice, chat(" late" * 20, " kind" * 20), 400)
    part = cut(voice, chat(" late" * 20, " kind" * 20), 8)
    assert whole.tokens_lost == 0
    assert part.tokens_lost == whole.tokens_total - 16
    assert part.ids[0] == whole.ids[0][-8:], "the end of what is read stays, and its last token"
    assert part.targets[0] == whole.targets[0][:8]
    assert part.lengths == [16]


def test_an_answer_without_a_word_is_an_error_that_is_counted(causal, seq2seq):
    for loaded in (causal, seq2seq):
        found = prepare(loaded, [chat("late", ""), chat("late", " \n"), chat("", "kind"), chat("late", "kind")])
        assert token_measures([found])["tokenisation_error_rate"] == 0.5
        assert found.untrainable == 0, "it still has an end to learn"


@pytest.mark.parametrize("content", [None, ""])
def test_a_call_of_a_tool_is_an_answer(causal, seq2seq, content):
    call = {"role": "assistant", "content": content, "tool_calls": [{"name": "weather"}]}
    for loaded in (causal, seq2seq):
        found = prepare(loaded, [ChatRow(0, ({"role": "user", "content": "rain?"}, call))])
        assert found.errors == 0
        assert found.references == ['{"name": "weather"}']
        assert "weather" in loaded.tokenizer.decode(learned(found.targets[0]))


def test_a_plain_text_is_learned_from_its_first_word_to_its_end(causal):
    row = ChatRow(0, ({"role": "assistant", "content": "late parcel"},))
    found = prepare(causal, [row])
    tokens = causal.tokenizer("late parcel")["input_ids"]
    end = causal.tokenizer.eos_token_id
    assert found.ids[0] == [end, *tokens, end]
    assert found.targets[0] == [*tokens, end, MASKED]
    assert found.prompts[0] == [end]


def test_all_means_the_prompt_too(tmp_path):
    folder = talking.save_causal(tmp_path)
    recipe = talking.recipe(folder, loss_on="all")
    found = tokenise_rows(tokenizer_of(recipe), [chat("late parcel", "kind")], recipe, ())
    assert found.targets[0] == [*found.ids[0][1:], MASKED]


def test_all_is_refused_for_an_encoder_decoder(tmp_path):
    recipe = talking.recipe(talking.save_seq2seq(tmp_path), loss_on="all")
    with pytest.raises(UserError, match="what its encoder reads is never predicted"):
        load(recipe)
    with pytest.raises(UserError, match="loss_on: completion"):
        tokenise_rows(tokenizer_of(recipe), [], recipe, ())


@pytest.mark.parametrize("messages", [(), ({"role": "user", "content": "late"},)])
def test_a_conversation_without_an_answer_is_named(causal, messages):
    with pytest.raises(UserError, match="Row 7 does not end with an answer"):
        prepare(causal, [ChatRow(7, tuple(messages))])


def test_no_rows_are_no_error(causal, seq2seq):
    for loaded in (causal, seq2seq):
        nothing = prepare(loaded, [])
        assert (nothing.lengths, nothing.untrainable, nothing.tokens_total) == ([], 0, 0)


def test_more_rows_than_one_chunk_are_tokenised_alike(causal, monkeypatch):
    rows = talking.chats(7, turns=2)
    whole = prepare(causal, rows)
    monkeypatch.setattr("engram.kinds.language.generate.examples.CHUNK_ROWS", 3)
    assert prepare(causal, rows) == whole


def test_a_model_with_fewer_positions_cuts_earlier(tmp_path: Path):
    loaded = load(talking.recipe(talking.save_causal(tmp_path, max_position_embeddings=16), max_seq_length=400))
    found = prepare(loaded, [chat(" late" * 20, " kind" * 3)])
    assert found.lengths == [16]
