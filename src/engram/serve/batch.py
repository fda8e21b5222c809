"""Micro-batching: requests that arrive while the model is busy share its next pass."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from engram.errors import PlatformError

MAX_BATCH = 64


class Batcher:
    """Answers single requests from many threads by whole batches; a context manager that owns one thread.

    When a batch fails each of its requests is tried alone, so that an error reaches only who caused it.

    A batch is whatever waits when the model becomes free, up to `limit`: alone a request goes at once, under load the
    batches grow by themselves, and no request waits for a timer.
    """

    def __init__(self, predict: Callable[[Sequence[Any]], Sequence[Any]], limit: int = MAX_BATCH) -> None:
        self._predict, self._limit = predict, limit
        self._waiting: queue.SimpleQueue[tuple[Any, Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="batcher", daemon=True)
        self._door = threading.Lock()
        self._open = False

    def __enter__(self) -> Batcher:
        self._thread.start()
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._door:
            self._open = False
            self._waiting.put(None)
        self._thread.join()

    def ask(self, request: Any) -> Any:
        """Answer one request; an error of the model is raised to each request of its batch.

        Raises PlatformError when the batcher is not open: nobody would ever answer.
        """
        future: Future[Any] = Future()
        with self._door:
            if not self._open:
                raise PlatformError("The batcher is closed.", remedy="Ask inside its `with` block.")
            self._waiting.put((request, future))
        return future.result()

    def _serve(self) -> None:
        open_ = True
        while open_:
            gathered: list[tuple[Any, Future[Any]]] = []
            item = self._waiting.get()
            while item is not None:
                gathered.append(item)
                if len(gathered) == self._limit:
                    break
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
            open_ = item is not None
            if gathered:
                self._answer(gathered)

    def _answer(self, gathered: list[tuple[Any, Future[Any]]]) -> None:
        try:
            answers = self._predict([request for request, _ in gathered])
            if len(answers) != len(gathered):
                raise PlatformError(f"The model gave {len(answers)} answers to {len(gathered)} requests.")
        except Exception as error:
            if len(gathered) > 1:  # one bad request must not fail those that happened to wait beside it
                for one in gathered:
                    self._answer([one])
            else:
                gathered[0][1].set_exception(error)
            return
        for (_, future), answer in zip(gathered, answers, strict=True):
            future.set_result(answer)
