"""A pytest plugin for run_tests.sh: one line per suite with its seconds, and an empty suite is a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


class Suites:
    """Counts and times the tests below each path of the command line, also when several processes run them (xdist)."""

    def __init__(self, config: pytest.Config) -> None:
        given = [str(argument).split("::")[0] for argument in config.invocation_params.args]
        base = config.invocation_params.dir
        self.paths = [path for path in given if not path.startswith("-") and (base / path).exists()]
        self.folders = {path: (base / path).resolve() for path in self.paths}
        self.collected = dict.fromkeys(self.paths, 0)
        self.seconds = dict.fromkeys(self.paths, 0.0)
        self.bad = dict.fromkeys(self.paths, 0)
        self.root = config.rootpath
        self.own = config

    def suite_of(self, path: Path) -> str | None:
        """Return the longest path of the command line that holds a file."""
        above = [name for name, folder in self.folders.items() if path == folder or folder in path.parents]
        return max(above, key=len, default=None)

    def empty(self) -> list[str]:
        """Return the suites without a test."""
        return [path for path, count in self.collected.items() if not count]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Count what was collected, before markers deselect any of it."""
        for item in items:
            suite = self.suite_of(item.path)
            if suite:
                self.collected[suite] += 1
        if hasattr(self.own, "workeroutput"):  # one of several: the process that prints collects nothing itself
            self.own.workeroutput["collected"] = self.collected

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take over what one of several processes collected; each collects everything."""
        self.collected.update(getattr(node, "workeroutput", {}).get("collected", {}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the time of a test to its suite, its preparation included."""
        suite = self.suite_of(self.root / report.nodeid.split("::")[0])
        if suite:
            self.seconds[suite] += report.duration
            self.bad[suite] += report.failed

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail when a suite holds no test: nothing was proven."""
        if self.empty() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line per suite; pytest's own summary follows."""
        for path in self.paths:
            state = "EMPTY" if path in self.empty() else "FAILED" if self.bad[path] else "ok"
            seconds = f"{self.seconds[path]:.0f} s"
            terminalreporter.write_line(f"{path:<38} {state:<7} {self.collected[path]:>5} tests {seconds:>6}")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take part in this run."""
    config.pluginmanager.register(Suites(config), "engram-suites")
