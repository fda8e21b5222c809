"""Requests that arrive while the model is busy share its next pass, and each asker gets its own answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from engram.errors import PlatformError
from engram.serve.batch import Batcher


class Gate:
    """A model that waits until it is let go, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def predict(self, requests):
        self.batches.append(list(requests))
        self.entered.release()
        assert self.go.acquire(timeout=60)
        return [10 * request for request in requests]


def gathered(gate: Gate, count: int, limit: int = 64) -> tuple[list[list[int]], list[int]]:
    """Ask once, then `count` times while the model is busy with the first; return batches and answers."""
    with Batcher(gate.predict, limit) as batcher, ThreadPoolExecutor(count + 1) as askers:
        first = askers.submit(batcher.ask, 0)
        assert gate.entered.acquire(timeout=60)
        others = [askers.submit(batcher.ask, number) for number in range(1, count + 1)]
        while batcher._waiting.qsize() < count:
            time.sleep(0)
        for _ in range(count + 1):
            gate.go.release()
        answers = [first.result(timeout=60), *(one.result(timeout=60) for one in others)]
    return gate.batches, answers


def test_each_of_eight_askers_gets_its_own_answers():
    with Batcher(lambda requests: [("answer to", request) for request in requests]) as batcher:

        def client(number: int) -> bool:
            asked = [(number, i) for i in range(200)]
            return [batcher.ask(one) for one in asked] == [("answer to", one) for one in asked]

        with ThreadPoolExecutor(8) as clients:
            assert all(clients.map(client, range(8)))


def test_alone_a_request_goes_at_once():
    gate = Gate()
    gate.go.release()
    with Batcher(gate.predict) as batcher:
        assert batcher.ask(4) == 40
    assert gate.batches == [[4]]


def test_what_waits_while_the_model_is_busy_goes_together():
    batches, answers = gathered(Gate(), 7)
    assert batches[0] == [0]
    assert len(batches) == 2
    assert sorted(batches[1]) == list(range(1, 8))
    assert answers == [10 * number for number in range(8)]


def test_no_batch_is_over_the_limit():
    batches, answers = gathered(Gate(), 7, limit=3)
    assert [len(batch) for batch in batches] == [1, 3, 3, 1]
    assert answers == [10 * number for number in range(8)]


def test_an_error_reaches_only_who_caused_it_and_the_next_is_answered():
    gate = Gate()

    def predict(requests):
        answers = gate.predict(requests)
        if 2 in requests:
            raise ValueError("the model broke")
        return answers

    with Batcher(predict) as batcher, ThreadPoolExecutor(4) as askers:
        first = askers.submit(batcher.ask, 0)
        assert gate.entered.acquire(timeout=60)
        others = [askers.submit(batcher.ask, number) for number in (1, 2, 3)]
        while batcher._waiting.qsize() < 3:
            time.sleep(0)
        for _ in range(6):  # the first, the batch, each of it alone, and the last
            gate.go.release()
        assert first.result(timeout=60) == 0
        with pytest.raises(ValueError, match="the model broke"):
            others[1].result(timeout=60)
        assert [others[0].result(timeout=60), others[2].result(timeout=60)] == [10, 30]
        assert batcher.ask(9) == 90


def test_a_wrong_number_of_answers_is_an_error_and_nobody_waits_for_ever():
    with Batcher(lambda requests: []) as batcher:
        for _ in range(2):
            with pytest.raises(PlatformError, match="0 answers to 1 requests"):
                batcher.ask(1)


def test_closing_answers_what_was_asked_and_ends_the_thread():
    gate = Gate()
    with ThreadPoolExecutor(2) as askers:
        with Batcher(gate.predict) as batcher:
            first = askers.submit(batcher.ask, 1)
            assert gate.entered.acquire(timeout=60)
            second = askers.submit(batcher.ask, 2)
            while batcher._waiting.qsize() < 1:
                time.sleep(0)
            gate.go.release()
            gate.go.release()
        assert (first.result(timeout=60), second.result(timeout=60)) == (10, 20)
    assert not batcher._thread.is_alive()


def test_a_closed_batcher_refuses_at_once():
    with Batcher(list) as batcher:
        pass
    with pytest.raises(PlatformError, match="closed"):
        batcher.ask(1)
    with pytest.raises(PlatformError, match="closed"):
        Batcher(list).ask(1)
