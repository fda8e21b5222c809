"""What is refused: by which exit code, in which words, and that nothing is published."""

import json
import shutil
from dataclasses import replace

import pytest
from support.home import make_home
from support.typed import Typed, warm


@pytest.fixture(scope="module")
def server():
    with warm() as running:
        yield running


@pytest.fixture
def home(tmp_path, server):
    return Typed(make_home(tmp_path).folder, server=server)


def with_gate(home, line):
    text = (home.folder / "toy.yaml").read_text() + f"gates: {{evaluate: [{line}]}}\n"
    (home.folder / "toy.yaml").write_text(text)


def test_a_missed_critical_gate_refuses_with_exit_3_and_leaves_no_artifact(home):
    with_gate(home, "{metric: macro_f1, at_least: 1.0, severity: critical}, {metric: ece, at_most: 0.0}")
    done = home.engram("train", "toy.yaml")
    assert done.returncode == 3
    assert "evaluate" in done.stderr and "ece <= 0" in done.stderr
    assert home.artifacts() == []
    assert home.record()["state"] == "refused"
    assert "run.refused" in home.engram("ledger", "log").stdout
    again = home.engram("train", "--resume", "last")
    assert again.returncode != 0
    assert home.artifacts() == []


def test_a_missed_major_gate_waits_for_a_person(home):
    with_gate(home, "{metric: ece, at_most: 0.0, severity: major}")
    done = home.engram("train", "toy.yaml")
    assert done.returncode == 4
    assert home.artifacts() == []
    assert home.record()["state"] == "awaiting_review"
    assert home.engram("train", "--resume", "last").returncode == 4  # nobody has decided yet
    approved = home.engram("runs", "review", "last", "approve", "--reason", "calibrated later")
    assert approved.returncode == 0, approved.stderr
    assert len(home.artifacts()) == 1
    assert home.engram("verify", str(home.artifacts()[0])).returncode == 0
    assert "run.reviewed" in home.engram("ledger", "log").stdout


def test_a_rejected_run_is_over(home):
    with_gate(home, "{metric: ece, at_most: 0.0, severity: major}")
    home.engram("train", "toy.yaml")
    assert home.engram("runs", "review", "last", "reject", "--reason", "no").returncode == 0
    assert home.record()["state"] == "refused"
    assert home.engram("runs", "review", "last", "approve", "--reason", "yes").returncode == 3
    assert home.artifacts() == []


def test_a_recipe_can_not_loosen_a_gate_of_the_card(home):
    with_gate(home, "{metric: accuracy, gain_over: baseline, by: -0.5}")
    done = home.engram("train", "toy.yaml")
    assert done.returncode == 2
    assert "accuracy" in done.stderr


def test_a_loss_that_is_nan_ends_the_run_and_says_where(home):
    done = home.engram("train", "toy.yaml", "--set", "train.learning_rate=1.0e+30")
    assert done.returncode == 1
    assert "at step" in done.stderr and "learning_rate" in done.stderr
    assert home.artifacts() == []


def test_bad_rows_stop_the_run_before_it_spends_anything(home):
    with (home.folder / "tickets.csv").open("a") as stream:
        stream.write("one,two,three\n")
    done = home.engram("train", "toy.yaml")
    assert done.returncode == 1
    assert "tickets.csv:302" in done.stderr
    assert not (home.last_run() / "checkpoints").exists()


def test_a_second_writer_of_the_home_is_told_who_owns_it(home):
    from engram.files import home_lock

    with home_lock(home.home, "run r_other"):
        done = home.engram("train", "toy.yaml")
        assert done.returncode == 1
        assert "run r_other" in done.stderr
        assert home.engram("runs", "list").returncode == 0


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, server):
    """A run that is trained and not yet judged: its worker died right after it named its candidate."""
    home = Typed(make_home(tmp_path_factory.mktemp("stopped")).folder, server=server)
    done = home.engram("train", "toy.yaml", environment={"ENGRAM_CRASHPOINT": "worker.after-candidate"})
    assert done.returncode == 1
    run = home.last_run()
    assert (run / "candidate.json").exists() and not (run / "verdicts" / "train.json").exists()
    return home


LIES = {
    "a larger gain than the judge measures": ({"first_valid_loss": 2.0}, "the judge measured"),
    "a loss that is not a number": ({"best_valid_loss": "nan"}, "the judge measured"),
    "other weights than it names": ({"weights": "sha256:" + "0" * 64}, "not the ones that the candidate names"),
    "gradients that are not finite": ({"grad_norm_p99": "inf"}, "grad_norm_finite"),
    "no trainable token": ({"trainable_tokens": 0}, "trainable_tokens"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_is_refused_with_the_reason(stopped, tmp_path, lie):
    change, words = LIES[lie]
    home = replace(stopped, folder=tmp_path)
    shutil.copytree(stopped.folder, tmp_path, dirs_exist_ok=True)
    candidate = home.last_run() / "candidate.json"
    candidate.write_text(json.dumps(json.loads(candidate.read_text()) | change))
    done = home.engram("train", "--resume", "last")
    assert done.returncode == 3, done.stderr
    assert words in done.stderr
    assert home.artifacts() == []


def test_weights_that_were_changed_after_training_are_refused(stopped, tmp_path):
    home = replace(stopped, folder=tmp_path)
    shutil.copytree(stopped.folder, tmp_path, dirs_exist_ok=True)
    said = json.loads((home.last_run() / "candidate.json").read_text())
    weights = home.last_run() / "checkpoints" / said["checkpoint"] / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    done = home.engram("train", "--resume", "last")
    assert done.returncode == 3
    assert "not the ones that the candidate names" in done.stderr


def test_a_report_that_is_changed_after_its_verdict_is_refused(stopped, tmp_path):
    home = replace(stopped, folder=tmp_path)
    shutil.copytree(stopped.folder, tmp_path, dirs_exist_ok=True)
    report = home.last_run() / "reports" / "data.json"
    said = json.loads(report.read_text())
    said["metrics"]["rows_read"]["value"] = 999.0
    report.write_text(json.dumps(said))
    done = home.engram("train", "--resume", "last")
    assert done.returncode == 3
    assert "changed after it was judged" in done.stderr


def test_a_recipe_that_is_changed_after_the_declaration_is_refused(stopped, tmp_path):
    home = replace(stopped, folder=tmp_path)
    shutil.copytree(stopped.folder, tmp_path, dirs_exist_ok=True)
    recipe = home.last_run() / "recipe.json"
    recipe.write_text(json.dumps(json.loads(recipe.read_text()) | {"title": "something else"}))
    done = home.engram("train", "--resume", "last")
    assert done.returncode == 3
    assert "its recipe changed" in done.stderr
