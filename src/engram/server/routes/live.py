"""`/ws`: what happens, as it happens; topics are subscribed to and replayed from what is stored."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from time import perf_counter

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from engram.errors import EngramError, Throttled
from engram.security.limits import spend
from engram.security.logs import fields
from engram.server.live.connection import NOT_UNDERSTOOD, TOO_OFTEN, Connection
from engram.server.live.door import OPERATION, Admitted, let_in
from engram.server.live.hub import Hub
from engram.server.live.messages import ASKED, Refusal, Subscribe, Unsubscribed
from engram.server.live.protocol import EXTENSION
from engram.server.live.topics import topic_of
from engram.server.platform import Platform
from engram.server.problems import as_problem, name_of
from engram.server.route import Router

router = Router()
LOG = logging.getLogger(__name__)


@router.websocket("/ws", name=OPERATION)
async def live(socket: WebSocket) -> None:
    """Serve one WebSocket: refused in an HTTP answer before it is accepted, or served until either side closes."""
    here: Platform = socket.app.state.platform
    hub: Hub = socket.app.state.hub
    socket.state.id, began = secrets.token_hex(8), perf_counter()
    try:
        admitted = await run_in_threadpool(let_in, here, socket)
        one = _connection(here, socket, admitted)
        hub.attach(one)
    except EngramError as error:
        LOG.info("websocket refused", extra=fields(request=socket.state.id, operation=OPERATION, error=name_of(error)))
        await socket.send_denial_response(as_problem(socket, error))
        return
    try:
        await socket.accept(admitted.protocol, headers=[(b"x-request-id", socket.state.id.encode())])
        await _serve(here, hub, one, socket)
    finally:
        hub.detach(one)
        LOG.info(
            "websocket",
            extra=fields(
                request=socket.state.id,
                operation=OPERATION,
                user=one.who.principal.user,
                code=one.closed,
                frames=one.frames,
                ms=round(1000 * (perf_counter() - began), 1),
            ),
        )


def _connection(here: Platform, socket: WebSocket, admitted: Admitted) -> Connection:
    drop: Callable[[int, str], None] = socket.scope["extensions"][EXTENSION]["drop"]

    async def send(frame: str) -> None:
        await socket.send_text(frame)
        here.meters.frames.inc()

    return Connection(admitted.who, admitted.given, admitted.until, send, drop)


async def _serve(here: Platform, hub: Hub, one: Connection, socket: WebSocket) -> None:
    """Write and listen at once; whichever ends first ends the other."""
    both = [asyncio.create_task(one.write()), asyncio.create_task(_listen(here, hub, one, socket))]
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if (error := task.exception()) is not None and not isinstance(error, WebSocketDisconnect):
                raise error
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _listen(here: Platform, hub: Hub, one: Connection, socket: WebSocket) -> None:
    while not one.closed:
        try:
            asked = ASKED.validate_json(await socket.receive_text())
        except (ValidationError, KeyError):  # no message of ours, or no text at all
            one.close(NOT_UNDERSTOOD, "That is no message of this protocol: subscribe or unsubscribe.")
            return
        try:
            topic, _ = topic_of(asked.topic)
            spend(here.limits, one.who.principal, one.who.address, topic.operation)
            if isinstance(asked, Subscribe):
                await hub.subscribe(one, asked.topic, asked.since_seq)
            elif hub.unsubscribe(one, asked.topic):
                one.note(Unsubscribed(topic=asked.topic))
        except Throttled as error:
            one.close(TOO_OFTEN, f"Too often: try again in {error.retry_after} s.")
        except EngramError as error:
            said = Refusal(topic=asked.topic, error=name_of(error), detail=error.message, remedy=error.remedy)
            one.note(said)
