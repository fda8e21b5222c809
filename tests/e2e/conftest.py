"""One run to its end, shared by the tests that only look at it."""

import pytest
from support.home import Home, make_home


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Home:
    """A home with one published run of the toy recipe."""
    home = make_home(tmp_path_factory.mktemp("trained"))
    done = home.engram("train", "toy.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    home.environment["ENGRAM_TEST_SAID"] = done.stdout
    return home
