"""A conversation as a model reads it: what of it is learned, and what is not."""

from __future__ import annotations

from support import talking

from engram.data.rows import ChatRow
from engram.kinds.language.generate.rendered import render

ROW = ChatRow(0, ({"role": "user", "content": "where is it"}, {"role": "assistant", "content": "your parcel is late"}))


def test_a_decoder_reads_everything_and_learns_the_answer_and_its_end(tmp_path):
    recipe = talking.recipe(talking.save_causal(tmp_path, talking.CHATML))
    pieces = render(recipe, ROW)
    assert [learned for _, learned in pieces] == [False, True, False]
    assert pieces[0][0] == "<|im_start|>user\nwhere is it<|im_end|>\n<|im_start|>assistant\n"
    assert pieces[1][0] == "your parcel is late<|im_end|>"
    assert pieces[2][0] == "\n"


def test_with_loss_on_all_it_learns_its_prompt_too(tmp_path):
    recipe = talking.recipe(talking.save_causal(tmp_path, talking.CHATML), loss_on="all")
    pieces = render(recipe, ROW)
    assert pieces[0] == ("<|im_start|>", False)  # nothing leads to the first token
    assert [learned for _, learned in pieces] == [False, True]


def test_an_encoder_decoder_reads_the_prompt_and_writes_the_answer(tmp_path):
    pieces = render(talking.recipe(talking.save_seq2seq(tmp_path)), ROW)
    assert [learned for _, learned in pieces] == [False, True]
    assert "where is it" in pieces[0][0] and "your parcel is late" in pieces[1][0]


def test_what_the_length_limit_cuts_off_is_not_shown(tmp_path):
    recipe = talking.recipe(talking.save_causal(tmp_path, talking.CHATML), max_seq_length=8)
    assert "where is it" not in "".join(text for text, _ in render(recipe, ROW))
