"""A worker that lies: whatever it hands in, the judge measures for itself, and its own numbers decide."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from support.home import make_home

from engram.config.load import load_recipe
from engram.errors import PlatformError, Refused
from engram.files import sha256_file, write_json
from engram.pipeline import judge, worker
from engram.pipeline.begin import begin
from engram.pipeline.children import write_spec
from engram.pipeline.context import enter
from engram.pipeline.folder import RunFolder
from engram.schema.candidate import check_candidate


def surroundings(folder, attempt, home):
    """Return what a child of an attempt begins with; this process is that child."""
    place = write_spec(folder, attempt, home, 1)
    spec = json.loads((place / "spec.json").read_text())
    write_json(place / "spec.json", {**spec, "parent": os.getppid()})
    return enter(place)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A run with its data, its baselines and an honest candidate; worked here, without processes of its own."""
    home = make_home(tmp_path_factory.mktemp("honest"), rows=150)
    folder = begin(load_recipe(home.folder / "toy.yaml", sets=["train.num_train_epochs=2"]), home.home, elsewhere=True)
    context = surroundings(folder, 1, home.home)
    judge.judge(context, ["data", "baseline"])
    worker.work(context, [])
    context.journal.close()
    assert check_candidate(json.loads(folder.candidate.read_text()), folder.id)
    return home, folder


@pytest.fixture
def handed(honest, tmp_path):
    """A copy of that run, to lie in: the run, its weights' file, and a function that rewrites the record."""
    home, folder = honest
    shutil.copytree(home.home, tmp_path / "home")
    mine = RunFolder(tmp_path / "home" / "runs" / folder.id)

    def claim(**changed):
        said = {**json.loads(mine.candidate.read_text()), **changed}
        path = worker.candidate_weights(mine.path)
        write_json(mine.candidate, {**said, "weights": sha256_file(path)})

    return mine, worker.candidate_weights(mine.path), claim


def judged(folder):
    """Let the judge look at the training, and return its verdict."""
    context = surroundings(folder, 2, folder.path.parents[1])
    try:
        judge.judge(context, ["train"])
    finally:
        context.journal.close()
    return folder.verdict("train")


def change(path, how):
    from safetensors.torch import load_file, save_file

    save_file({name: how(tensor) for name, tensor in load_file(path).items()}, path)


def test_an_honest_candidate_advances(handed):
    folder, _, _ = handed
    assert judged(folder).decision == "advance"


def test_weights_that_are_no_numbers_are_refused(handed):
    folder, path, claim = handed
    change(path, lambda tensor: tensor * float("nan"))
    claim()
    with pytest.raises(Refused, match="judge measured nan"):
        judged(folder)


@pytest.mark.parametrize("number", ["first_valid_loss", "best_valid_loss"])
def test_plausible_false_numbers_are_refused(handed, number):
    folder, _, claim = handed
    before = json.loads(folder.candidate.read_text())[number]
    claim(**{number: before + 0.05})
    with pytest.raises(Refused, match=f"The worker reported {number}"):
        judged(folder)


def test_weights_that_do_not_match_their_report_are_refused(handed):
    folder, path, claim = handed
    change(path, lambda tensor: -tensor)
    claim()
    with pytest.raises(Refused, match="The worker reported best_valid_loss"):
        judged(folder)


def test_weights_that_changed_after_they_were_handed_in_are_refused(handed):
    folder, path, _ = handed
    change(path, lambda tensor: tensor + 1)
    with pytest.raises(Refused, match="not the ones that the candidate names"):
        judged(folder)


def test_the_weights_of_another_runs_model_are_refused(handed):
    folder, path, claim = handed
    from safetensors.torch import load_file, save_file

    save_file({f"other.{name}": tensor for name, tensor in load_file(path).items()}, path)
    claim()
    with pytest.raises(Refused, match="belong to another model"):
        judged(folder)


def test_a_training_that_did_not_learn_is_not_admitted_whatever_it_says_about_its_gradients(handed):
    folder, path, claim = handed
    first = json.loads(folder.candidate.read_text())["first_valid_loss"]
    change(path, lambda tensor: tensor * 0)
    claim(best_valid_loss=first, grad_norm_p99=0.1, grad_norm_median=0.1, trainable_tokens=10**9)
    try:
        decision = judged(folder).decision
    except Refused:
        decision = "rollback"
    assert decision == "rollback"
    assert not (folder.path / "exports").exists()


def test_without_a_candidate_there_is_nothing_to_judge(handed):
    folder, _, _ = handed
    folder.candidate.unlink()
    with pytest.raises((FileNotFoundError, PlatformError)):
        judged(folder)
    assert folder.verdict("train") is None
