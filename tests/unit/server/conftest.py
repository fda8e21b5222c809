"""A house for the tests of a module."""

import pytest
from support.house import open_house


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_house(tmp_path_factory.mktemp("house")) as one:
        yield one
