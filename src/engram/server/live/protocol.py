"""The WebSocket of the library that listens: with small frames only, and an end for clients that don't read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from engram.server.live.connection import FRAME_BYTES

EXTENSION = "engram.drop"
GRACE_SECONDS = 5.0


class Protocol(WebSocketsSansIOProtocol):
    """Gives the application a way to close a connection whose client does not read: `scope["extensions"]`.

    An orderly close waits until all that was sent is read; this one does not wait, and frees the memory after a grace.
    """

    def handle_connect(self, event: Any) -> None:
        """Begin a connection."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # the handshake was understood
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = {"drop": self.drop}

    def drop(self, code: int, words: str) -> None:
        """Say why behind what was not read yet, and cut the connection a little later."""
        self.stop_keepalive()
        if not self.close_sent and self.handshake_complete and not self.transport.is_closing():
            self.conn.send_close(code, words)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": words})
        self.close_timer = self.loop.call_later(GRACE_SECONDS, self.transport.abort)
        if self.read_paused:  # its answer to the close has to be read
            self.read_paused = False
            self.transport.resume_reading()


# For the library's `Config`. Without compression: it costs memory for each connection, and lengths tell secrets.
OPTIONS: Mapping[str, Any] = {
    "ws": Protocol,
    "ws_max_size": FRAME_BYTES,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "ws_per_message_deflate": False,
}
