"""Children are forks of a process that has imported for them, and are as clean as new ones."""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from engram.pipeline.nursery import CAN_FORK, LOST, nursery, twin
from engram.proc import command_of

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="there are forks on Linux only")


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """A folder, and a module of the test's own that a child can be."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(body: str) -> None:
        (tmp_path / "child_of_nursery.py").write_text("import json, os, sys\n" + textwrap.dedent(body))

    return tmp_path, make


def said(folder):
    return json.loads((folder / "said.json").read_text())


SAY = 'json.dump({"loaded": sorted(sys.modules), "argv": sys.argv, "pid": os.getpid()}, open(sys.argv[1], "w"))'


def test_a_child_finds_what_was_imported_and_is_called_as_python_would_call_it(attempt):
    folder, make = attempt
    make(f"{SAY}; sys.exit(3)")
    with nursery(folder, ["wave", "there_is_no_such_module"], {}) as place:
        child = place.start("child_of_nursery", [str(folder / "said.json"), "x"], folder / "log")
        assert child.wait() == child.poll() == child.returncode == 3
    assert "wave" in said(folder)["loaded"]
    assert said(folder)["argv"][1:] == [str(folder / "said.json"), "x"]
    assert said(folder)["pid"] == child.pid != os.getpid()


def test_one_child_leaves_nothing_to_the_next(attempt):
    folder, make = attempt
    make(f"{SAY}; import wave; os.environ['LEFT'] = '1'; os.chdir('/')")
    with nursery(folder, [], {}) as place:
        for _ in range(2):
            assert place.start("child_of_nursery", [str(folder / "said.json")], folder / "log").wait() == 0
    assert "wave" not in said(folder)["loaded"]


def test_a_child_is_known_by_its_attempt_and_has_a_session_of_its_own(attempt):
    folder, make = attempt
    make("print(os.getsid(0) == os.getpid(), flush=True); sys.stdin.read(); os.kill(os.getpid(), 19)")
    with nursery(folder, [], {}) as place:
        child = place.start("child_of_nursery", [], folder / "log")
        assert str(folder) in command_of(child.pid)
        assert child.poll() is None
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


def test_a_child_ends_its_threads_and_says_its_last_words(attempt):
    folder, make = attempt
    make("""
        import atexit, threading
        from concurrent.futures import ThreadPoolExecutor
        go = threading.Event()
        ThreadPoolExecutor(1).submit(lambda: (go.wait(), print("a thread")))
        atexit.register(print, "at the end")
        go.set()
        print("last line", end="")
        sys.exit(1)
    """)
    with nursery(folder, [], {}) as place:
        assert place.start("child_of_nursery", [], folder / "log").wait() == 1
    assert all(words in (folder / "log").read_text() for words in ("a thread", "at the end", "last line"))


def test_without_its_nursery_a_child_is_lost_and_no_other_is_started(attempt):
    folder, make = attempt
    make("print('up', flush=True)\nimport threading; threading.Event().wait()")
    with nursery(folder, [], {}) as place:
        child = place.start("child_of_nursery", [], folder / "log")
        os.kill(parent_of(child.pid), signal.SIGKILL)
        assert child.wait() == LOST
        assert place.start("child_of_nursery", [], folder / "log") is None
    os.kill(child.pid, signal.SIGKILL)


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_block_ends_also_when_the_imports_have_not(attempt):
    folder, _ = attempt
    (folder / "never_imported.py").write_text("import threading; threading.Event().wait()")
    with nursery(folder, ["never_imported"], {}):
        pass
    left = [one for one in Path("/proc").glob("[0-9]*") if str(folder) in command_of(int(one.name))]
    assert left == []


def test_a_twin_knows_nothing_of_what_was_loaded_after_it(attempt):
    folder, make = attempt
    make(SAY)
    sys.modules.pop("wave", None)
    with twin() as clean:
        import wave  # noqa: F401

        child = clean.start("child_of_nursery", [str(folder / "said.json")], folder / "log")
        assert child.wait() == 0
    assert "wave" not in said(folder)["loaded"]
    assert "wave" in sys.modules
