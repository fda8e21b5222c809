"""`engram up` takes the port that it was told, or the next free one on demand; who holds one is left alone."""

from __future__ import annotations

import socket

import pytest

from engram.cli.up import HOST, free_port
from engram.errors import UsageError


@pytest.fixture
def taken():
    """A port that somebody listens at."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        held.listen()
        yield held.getsockname()[1]
        held.getsockname()  # it is still open: nobody has closed it


def test_a_free_port_is_taken():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    assert free_port(port, force=False) == port


def test_a_taken_port_is_told_with_what_to_do(taken):
    with pytest.raises(UsageError, match=rf"Port {taken} is taken\. --force"):
        free_port(taken, force=False)


def test_force_takes_a_later_one(taken):
    assert taken < free_port(taken, force=True) < taken + 100
