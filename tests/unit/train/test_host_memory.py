"""Freed memory is kept where the C library can be told so, and nothing happens elsewhere."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from engram.train import host_memory

PROBE = """
import resource, sys, torch
from engram.train.host_memory import keep_freed
if sys.argv[1] == "kept":
    assert keep_freed()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24) + 1.0
before = faults()
for _ in range(20):
    torch.ones(2**24) + 1.0
print(faults() - before)
"""


def pages(how: str) -> int:
    """Return how many pages the system had to make for 20 sums of 64 MiB."""
    return int(subprocess.run([sys.executable, "-c", PROBE, how], capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_blocks_that_were_freed_are_used_again_without_new_pages():
    assert pages("kept") < pages("usual") / 5


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(host_memory.platform, "libc_ver", lambda: ("", ""))
    assert host_memory.keep_freed() is False


def test_a_library_without_the_call_is_left_alone(monkeypatch):
    monkeypatch.setattr(host_memory.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(host_memory.ctypes, "CDLL", lambda name: object())
    assert host_memory.keep_freed() is False
