"""What a child process says reaches the person, whatever way the child ends."""

import sys
import textwrap

import pytest

from engram import errors
from engram.pipeline import children


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


def run(folder):
    seen = []
    children.run_child("child_of_test", folder, [], seen.append)
    return seen


def test_events_arrive_in_order(attempt):
    folder, make = attempt
    make('for n in range(50): journal.emit("note", {"n": n})')
    assert [event.body["n"] for event in run(folder)] == list(range(50))


def test_a_told_error_is_raised_as_itself(attempt):
    folder, make = attempt
    make(
        """
        journal.emit("error", {"type": "Diverged", "message": "The loss is nan at step 3.", "remedy": "Lower it."})
        sys.exit(70)
        """
    )
    with pytest.raises(errors.Diverged, match=r"The loss is nan at step 3\. Lower it\."):
        run(folder)


def test_an_error_of_an_unknown_type_is_a_fault_of_the_platform(attempt):
    folder, make = attempt
    make('journal.emit("error", {"type": "os.system", "message": "boo", "remedy": ""}); sys.exit(70)')
    with pytest.raises(errors.PlatformError, match="boo"):
        run(folder)


@pytest.mark.parametrize("end", ["sys.exit(5)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_child_that_dies_without_a_word_is_told_with_its_log(attempt, end):
    folder, make = attempt
    make(end)
    with pytest.raises(errors.ChildFailed, match=r"child_of_test\.log"):
        run(folder)


def test_what_a_child_prints_goes_to_its_log(attempt):
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


def test_the_interpreter_is_the_same(attempt):
    folder, make = attempt
    make('journal.emit("note", {"exe": sys.executable})')
    assert run(folder)[0].body["exe"] == sys.executable
