"""Processes that may be killed, at the price of a fork: one warm process imports torch, and each job is its child."""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

WARM = ("torch", "transformers", "peft", "engram.train.loop", "support.jobs")


class ForkServer:
    """Calls functions of test modules in children; a context manager that owns the warm process.

    warm: modules that it imports. environment: what it has beside that of the tests. room: bytes of its command line
    that a child may overwrite with a command line of its own.
    """

    def __init__(self, warm: Sequence[str] = WARM, environment: Mapping[str, str] | None = None, room: int = 0) -> None:
        self._warm, self._environment, self._room = warm, environment or {}, room

    def __enter__(self) -> ForkServer:
        tests = str(Path(__file__).resolve().parents[1])
        inherited = os.environ.get("PYTHONPATH")
        path = tests if inherited is None else os.pathsep.join((tests, inherited))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.fork_server", *self._warm, "-" * self._room],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **self._environment, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def call(self, function: Callable[..., Any], *args: Any, environment: Mapping[str, str] | None = None) -> int:
        """Run a function in a child and return how it ended: 0, 1 after an exception, or minus the signal."""
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump((function.__module__, function.__name__, args, dict(environment or {})), self._process.stdin)
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def serve() -> None:
    """Read jobs from standard input until it ends, run each in a child, answer with its end."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a job prints must not be taken for an answer
    gc.disable()  # what is imported stays
    for name in sys.argv[1:-1]:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    while True:
        try:
            module, name, args, environment = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            os._exit(_run(module, name, args, environment))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")


def _run(module: str, name: str, args: tuple[Any, ...], environment: Mapping[str, str]) -> int:
    os.environ.update(environment)
    try:
        getattr(importlib.import_module(module), name)(*args)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve()
