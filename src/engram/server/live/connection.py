"""One open WebSocket: what waits for it, in bounded room, and how that leaves in few frames."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from engram.server.access import Caller
from engram.server.live.messages import Resync, written
from engram.server.live.topics import Row, Topic

FRAME_BYTES = 64 * 1024
FRAMES_A_SECOND = 10
MOST_WAITING, MOST_WAITING_BYTES = 2000, 2**20
STALL_SECONDS = 10.0
HEAD, TAIL = '{"messages":[', "]}"
ROOM = FRAME_BYTES - len(HEAD) - len(TAIL)

# Close codes; those from 4400 on are HTTP's, as far as they have a like.
NOT_UNDERSTOOD, NOT_SIGNED_IN, NOT_ALLOWED, TOO_SLOW, TOO_OFTEN = 4400, 4401, 4403, 4408, 4429


@dataclass
class Subscription:
    """A topic that one connection hears. cursor: everything up to here was told, or is waiting to be."""

    topic: Topic
    argument: str
    cursor: int
    waiting: OrderedDict[str, tuple[int, str]] = field(default_factory=OrderedDict)

    @property
    def name(self) -> str:
        """Return the topic's name."""
        return self.topic.name(self.argument)


class Connection:
    """What the hub knows of one WebSocket; only the loop that serves it touches it.

    given: its credential, to be asked again whether it still counts. until: seconds since 1970, None for no end.
    send: sends a frame, and waits while the client doesn't read. drop: closes with a code and words, read or not.
    """

    def __init__(
        self,
        who: Caller,
        given: str,
        until: float | None,
        send: Callable[[str], Any],
        drop: Callable[[int, str], None],
    ) -> None:
        self.who, self.given, self.until = who, given, until
        self.subscriptions: dict[str, Subscription] = {}
        self.frames, self.closed = 0, 0
        self._send, self._drop = send, drop
        self._notes: list[str] = []
        self._bytes = 0
        self._ready = asyncio.Event()

    def note(self, message: BaseModel) -> None:
        """Let a message leave before everything that waits."""
        self._notes.append(written(message))
        self._ready.set()

    def tell(self, subscription: Subscription, row: Row) -> None:
        """Let a row wait to leave; when there is no room, all that waits of its topic becomes a `resync`."""
        size = len(row.text)
        if size > ROOM or len(subscription.waiting) >= MOST_WAITING or self._bytes + size > MOST_WAITING_BYTES:
            self.resync(subscription, max(row.seq, subscription.cursor))
            return
        old = subscription.waiting.pop(row.key, None)  # its new place is the last: no later number may overtake it
        self._bytes += size - (len(old[1]) if old else 0)
        subscription.waiting[row.key] = (row.seq, row.text)
        self._ready.set()

    def tell_again(self, subscription: Subscription, row: Row) -> None:
        """Let a row leave once more; one that still waits keeps its place, or a later number would leave before it."""
        old = subscription.waiting.get(row.key)
        if old is None:
            self.tell(subscription, row)
        else:
            self._bytes += len(row.text) - len(old[1])
            subscription.waiting[row.key] = (row.seq, row.text)

    def resync(self, subscription: Subscription, seq: int) -> None:
        """Drop what waits of a topic, and say that it must be read again up to a number."""
        self.forget(subscription)
        subscription.waiting["resync"] = (seq, written(Resync(topic=subscription.name, seq=seq)))
        self._bytes += len(subscription.waiting["resync"][1])
        self._ready.set()

    def forget(self, subscription: Subscription) -> None:
        """Drop what waits of a topic."""
        self._bytes -= sum(len(text) for _, text in subscription.waiting.values())
        subscription.waiting.clear()

    def close(self, code: int, words: str) -> None:
        """Close the connection, with a code and words for whoever reads them; the first code counts."""
        if not self.closed:
            self.closed = code
            self._drop(code, words)

    async def write(self, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
        """Send what waits until the connection is closed: at most ten frames a second."""
        while True:
            await self._ready.wait()
            frame = self.take()
            if not frame:
                self._ready.clear()
                continue
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await self._send(frame)
            except TimeoutError:
                self.close(TOO_SLOW, "You read too slowly. Connect again, and name the last seq that you have seen.")
                return
            self.frames += 1
            await sleep(1 / FRAMES_A_SECOND)

    def take(self) -> str:
        """Take the next frame from what waits; an empty text when nothing does."""
        parts: list[str] = []
        room = ROOM
        while self._notes and len(self._notes[0]) + 1 <= room:
            room -= len(self._notes[0]) + 1
            parts.append(self._notes.pop(0))
        for subscription in self.subscriptions.values():
            while subscription.waiting:
                key, (_, text) = next(iter(subscription.waiting.items()))
                if len(text) + bool(parts) > room:
                    self.subscriptions[subscription.name] = self.subscriptions.pop(subscription.name)  # others first
                    return f"{HEAD}{','.join(parts)}{TAIL}"
                room -= len(text) + bool(parts)
                parts.append(text)
                del subscription.waiting[key]
                self._bytes -= len(text)
        return f"{HEAD}{','.join(parts)}{TAIL}" if parts else ""
