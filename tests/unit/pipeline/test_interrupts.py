"""A Ctrl-C counts wherever the program happens to be."""

from __future__ import annotations

import os
import signal
import threading

from engram.pipeline.children import counted_interrupts


class Loud:
    """Presses Ctrl-C when it goes, where an exception would be printed and lost."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))


def test_a_ctrl_c_while_something_goes_is_counted():
    before = signal.getsignal(signal.SIGINT)
    with counted_interrupts() as presses:
        assert presses() == 0
        Loud()
        assert presses() == 1
        Loud()
        assert presses() == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_touched():
    said = []

    def work():
        with counted_interrupts() as presses:
            said.append(presses())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == [0]
