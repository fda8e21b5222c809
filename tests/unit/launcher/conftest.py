"""run_all.py and its parts, imported by path as Python does when it runs the file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def _load():
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    spec = importlib.util.spec_from_file_location("run_all", ROOT / "run_all.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUN_ALL = _load()


@pytest.fixture
def run_all():
    """The launcher's module."""
    return RUN_ALL


@pytest.fixture
def environment():
    """The part that makes the environment."""
    return RUN_ALL.environment


@pytest.fixture
def steps():
    """The part that runs a step of an installation."""
    return sys.modules["launcher.steps"]


@pytest.fixture
def pages():
    """The part that builds the pages."""
    return RUN_ALL.pages


@pytest.fixture
def running():
    """The part that lists and stops runs."""
    return RUN_ALL.running


@pytest.fixture
def serving():
    """The part that knows the server."""
    return RUN_ALL.serving


@pytest.fixture
def root():
    """The folder of the repository."""
    return ROOT
