"""What a child process says reaches the person, whatever way the child was started and ends."""

import contextlib
import sys
import textwrap

import pytest

from engram import errors
from engram.pipeline import children
from engram.pipeline.nursery import CAN_FORK, nursery

STARTED = ["itself", pytest.param("forked", marks=pytest.mark.skipif(not CAN_FORK, reason="no forks here"))]


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """An attempt whose child is a small module made by the test."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / "runs" / "r_1" / "attempt-1"
    folder.mkdir(parents=True)

    def make(body: str) -> None:
        head = """
            import sys
            from pathlib import Path
            from engram.pipeline.journal import Journal
            journal = Journal(Path(sys.argv[1]) / "journal.jsonl", "r_1", 1)
        """
        (tmp_path / "child_of_test.py").write_text(textwrap.dedent(head) + textwrap.dedent(body))

    return folder, make


@pytest.fixture(params=STARTED)
def run(request):
    """Run the child: an interpreter of its own, or a nursery's fork."""

    def start(folder):
        seen = []
        with nursery(folder, ["json"], {}) if request.param == "forked" else contextlib.nullcontext() as place:
            children.run_child("child_of_test", folder, [], seen.append, nursery=place)
        return seen

    return start


def test_events_arrive_in_order(attempt, run):
    folder, make = attempt
    make('for n in range(50): journal.emit("note", {"n": n})')
    assert [event.body["n"] for event in run(folder)] == list(range(50))


def test_a_told_error_is_raised_as_itself(attempt, run):
    folder, make = attempt
    make(
        """
        journal.emit("error", {"type": "Diverged", "message": "The loss is nan at step 3.", "remedy": "Lower it."})
        sys.exit(70)
        """
    )
    with pytest.raises(errors.Diverged, match=r"The loss is nan at step 3\. Lower it\."):
        run(folder)


def test_an_error_of_an_unknown_type_is_a_fault_of_the_platform(attempt, run):
    folder, make = attempt
    make('journal.emit("error", {"type": "os.system", "message": "boo", "remedy": ""}); sys.exit(70)')
    with pytest.raises(errors.PlatformError, match="boo"):
        run(folder)


@pytest.mark.parametrize("end", ["sys.exit(5)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_child_that_dies_without_a_word_is_told_with_its_log(attempt, run, end):
    folder, make = attempt
    make(end)
    with pytest.raises(errors.ChildFailed, match=r"child_of_test\.log"):
        run(folder)


def test_what_a_child_prints_goes_to_its_log(attempt, run):
    folder, make = attempt
    make('print("hello from below")')
    run(folder)
    assert "hello from below" in (folder / "child_of_test.log").read_text()


def test_every_error_of_the_tree_survives_the_journey():
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.EngramError)]
    assert len(classes) > 15
    for cls in classes:
        raised = children._raised({"type": cls.__name__, "message": "m", "remedy": "r"})
        assert (type(raised), str(raised)) == (cls, "m r")


def test_the_interpreter_is_the_same(attempt, run):
    folder, make = attempt
    make('journal.emit("note", {"exe": sys.executable})')
    assert run(folder)[0].body["exe"] == sys.executable


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun is started on Linux and macOS only")
def test_several_workers_are_one_to_the_person(attempt):
    folder, make = attempt
    make(
        """
        import os
        if os.environ["RANK"] == "0":
            journal.emit("note", {"world": int(os.environ["WORLD_SIZE"])})
        (Path(sys.argv[1]) / os.environ["RANK"]).touch()
        """
    )
    seen = []
    children.run_child("child_of_test", folder, [], seen.append, workers=2)
    assert [event.body for event in seen] == [{"world": 2}]
    assert {path.name for path in folder.iterdir()} >= {"0", "1"}


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun is started on Linux and macOS only")
def test_a_death_of_one_worker_ends_them_all(attempt):
    folder, make = attempt
    make(
        """
        import os, signal, time
        if os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)
        """
    )
    with pytest.raises(errors.ChildFailed, match="told no reason"):
        children.run_child("child_of_test", folder, [], lambda event: None, workers=2)


@pytest.mark.parametrize("forked", [False, True])
@pytest.mark.parametrize(("own", "said"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_without_a_core_unless_a_person_says_otherwise(attempt, monkeypatch, own, said, forked):
    if own is None:
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    else:
        monkeypatch.setenv("OMP_WAIT_POLICY", own)
    folder, make = attempt
    make('import os; journal.emit("note", {"policy": os.environ["OMP_WAIT_POLICY"]})')
    seen = []
    with nursery(folder, [], children._quiet()) if forked else contextlib.nullcontext() as place:
        children.run_child("child_of_test", folder, [], seen.append, nursery=place)
    assert [event.body for event in seen] == [{"policy": said}]
