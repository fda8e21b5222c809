"""Where a trainer stands: the same command goes on with the same run, and another one is told apart."""

from __future__ import annotations

import pytest

from engram.client.standing import note, stand
from engram.errors import UsageError

URL, TEMPLATE, RUN = "http://far", "t_" + "A" * 26, "r_" + "A" * 26


def test_the_same_command_asks_with_the_same_key_and_goes_on_with_the_run(tmp_path):
    first = stand(tmp_path, URL, TEMPLATE)
    assert (stand(tmp_path, URL, TEMPLATE), first.run) == (first, "")
    noted = note(tmp_path, first, run=RUN)
    assert stand(tmp_path, URL, TEMPLATE) == noted
    assert (noted.run, noted.ask) == (RUN, first.ask)


def test_a_folder_holds_one_training_at_a_time_and_after_its_end_the_next(tmp_path):
    first = note(tmp_path, stand(tmp_path, URL, TEMPLATE), run=RUN)
    for url, model in ((URL, "t_" + "B" * 26), ("http://near", TEMPLATE)):
        with pytest.raises(UsageError, match="belongs to a training"):
            stand(tmp_path, url, model)
    note(tmp_path, first, over=True)
    later = stand(tmp_path, URL, TEMPLATE)
    assert (later.run, later.over) == ("", False)
    assert later.ask != first.ask


def test_a_run_that_is_named_is_taken_over(tmp_path):
    assert stand(tmp_path, URL, RUN).run == RUN
