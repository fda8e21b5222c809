"""The service of a core: starts attempts in the slots of this machine, and answers inputs with open models."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from engram import __version__
from engram.core.guard import OPERATIONS, Guard, bind, require_deadline, shared_secret
from engram.core.models import Models
from engram.errors import EngramError, NotFound, Refused, UsageError, UserError, VerificationFailed
from engram.rpc import core_pb2, core_pb2_grpc
from engram.runners import local
from engram.schema.options import Options
from engram.security.logs import fields
from engram.security.policy import check_operations
from engram.security.tls import MutualCredentials

MOST_MESSAGE_BYTES = 8 * 2**20
LOOPBACK = "127.0.0.1"
CALLS_AT_ONCE = 32
RUN_ID_LENGTH = 28
LOG = logging.getLogger(__name__)


class Service(core_pb2_grpc.CoreServicer):
    """What a core does for the server of its home. It holds no truth: which attempts live is read from the home.

    slots: trainings at once.
    """

    def __init__(self, home: Path, models: Models, slots: int = 1) -> None:
        self._home, self._models, self._slots = home, models, slots
        self._starting = threading.Lock()

    def Launch(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Start an attempt, unless it lives already; RESOURCE_EXHAUSTED when every slot is taken."""
        require_deadline(context)
        if not _is_run_id(request.run) or not request.key or request.attempt < 1 or request.epoch < 1:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "A launch names run, attempt, epoch and the attempt's key.")
        with self._starting:
            living = local.living(self._home)
            for one in living:
                if (one.run, one.attempt, one.epoch) == (request.run, request.attempt, request.epoch):
                    return _attempt(one)
            if len(living) >= self._slots:
                said = f"All {self._slots} slots are taken: {', '.join(sorted(one.run for one in living))}."
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, said)
            order = local.Order(
                run=request.run,
                attempt=request.attempt,
                epoch=request.epoch,
                base_url=request.base_url,
                key=request.key,
                threads=max(1, request.threads),
                workers=max(1, request.workers),
            )
            started = local.start(order, self._home)
        about = fields(run=started.run, attempt=started.attempt, epoch=started.epoch, pid=started.pid)
        LOG.info("an attempt was started", extra=about)
        return _attempt(started)

    def Status(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Tell which attempts live on this machine, whichever core started them."""
        require_deadline(context)
        living = [one for one in local.living(self._home) if request.run in ("", one.run)]
        return core_pb2.StatusReply(living=[_attempt(one) for one in living], slots=self._slots)

    def Kill(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """End an attempt at once."""
        require_deadline(context)
        found = [one for one in local.living(self._home) if (one.run, one.attempt) == (request.run, request.attempt)]
        killed = sum(local.kill(one) for one in found) > 0
        LOG.info("an attempt was ended", extra=fields(run=request.run, attempt=request.attempt, killed=killed))
        return core_pb2.KillReply(killed=killed)

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Answer inputs, each as soon as it and those before it are answered."""
        require_deadline(context)
        with _told(context):
            options = _options(request)
            if request.pieces:
                for number, asked in enumerate(request.inputs):
                    for piece, answer in self._models.write(request.artifact, asked, options, context.is_active):
                        yield core_pb2.Answer(input=number, piece=piece, answer=answer)
                return
            for number, answer in enumerate(self._models.answer(request.artifact, request.inputs, options)):
                yield core_pb2.Answer(input=number, answer=answer)

    def Classify(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Score texts with an artifact of the task classify."""
        require_deadline(context)
        with _told(context):
            scores = self._models.classify(request.artifact, request.texts)
        return core_pb2.ClassifyReply(scores=[core_pb2.Score(probabilities=one) for one in scores])

    def Health(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Say which version this is and which models are open."""
        require_deadline(context)
        return core_pb2.HealthReply(version=__version__, open=self._models.open())


def serve(
    home: Path,
    models: Models,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    slots: int = 1,
    credentials: MutualCredentials | None = None,
) -> tuple[grpc.Server, int]:
    """Start a core's service and return it with its port; its callers need the home's secret.

    credentials: for mutual TLS, without which it listens on the loopback only (UsageError).
    """
    check_operations(OPERATIONS.values())
    server = grpc.server(
        ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="core"),
        interceptors=[Guard(shared_secret(home))],
        options=[
            ("grpc.max_receive_message_length", MOST_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MOST_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),  # a second core on the same port is an error, not a coin toss
        ],
    )
    core_pb2_grpc.add_CoreServicer_to_server(Service(home, models, slots), server)  # type: ignore[no-untyped-call]
    bound = bind(server, host, port, credentials)
    server.start()
    return server, bound


@contextmanager
def _told(context: grpc.ServicerContext) -> Iterator[None]:
    """Answer Engram's own errors as statuses; their words are for people."""
    try:
        yield
    except EngramError as error:
        code = _code(error)
        if code is grpc.StatusCode.INTERNAL:
            LOG.error("%s", error.message, exc_info=error)
        context.abort(code, str(error))
    except (ValueError, TypeError, KeyError) as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"The model can't take this input: {error}")


def _code(error: EngramError) -> grpc.StatusCode:
    if isinstance(error, VerificationFailed):  # sealed, and not to be opened: nothing that the caller can mend
        return grpc.StatusCode.FAILED_PRECONDITION
    if isinstance(error, NotFound):
        return grpc.StatusCode.NOT_FOUND
    if isinstance(error, Refused):
        return grpc.StatusCode.FAILED_PRECONDITION
    return grpc.StatusCode.INVALID_ARGUMENT if isinstance(error, UserError) else grpc.StatusCode.INTERNAL


def _options(request: Any) -> Options:
    """Return the options of a request; a limit of nothing is a mistake, not no limit."""
    for name in ("max_input_tokens", "max_new_tokens"):
        if request.HasField(name) and not getattr(request, name):
            raise UsageError(f"{name} is a number from 1, not 0.", remedy="Leave it out where there is no limit.")
    if any(not text for text in request.stop):
        raise UsageError("An empty text can't end an answer.", remedy="Leave it out of stop.")
    return Options(
        max_input_tokens=request.max_input_tokens if request.HasField("max_input_tokens") else None,
        max_new_tokens=request.max_new_tokens if request.HasField("max_new_tokens") else None,
        stop=tuple(request.stop),
    )


def _attempt(one: local.Process) -> Any:
    return core_pb2.Attempt(run=one.run, attempt=one.attempt, epoch=one.epoch, pid=one.pid, born=one.born)


def _is_run_id(text: str) -> bool:
    return len(text) == RUN_ID_LENGTH and text.startswith("r_") and text[2:].isalnum() and text.isascii()
