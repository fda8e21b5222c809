"""What `r11_websockets.py` measures: one server, one writer of events, and many WebSockets that hear them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import psutil
import race
from listing import Plan as HomePlan
from listing import listening, opened
from websockets.asyncio.client import ClientConnection, connect

from engram.schema.event import Event
from engram.security.api_keys import make_api_key
from engram.server.live.hub import MOST_OF_A_USER
from engram.server.platform import Platform
from engram.store.ingest import ingest
from engram.store.records import attempts, runs, users

PATIENCE, AT_ONCE = 120.0, 50


@dataclass(frozen=True)
class Plan:
    """How many WebSockets; how many times the writer says how many events, and how long it pauses in between."""

    home: str
    sockets: int
    batches: int
    events: int
    pause: float

    @property
    def said(self) -> int:
        """Return how many events are said in all."""
        return self.batches * self.events


def serve(plan: Plan) -> dict[str, Any]:
    """Serve, let another process open all WebSockets, write, and return what was measured on both sides."""
    with opened(HomePlan(plan.home, 0, 0, 0, 0)) as here, listening(here) as port:
        with here.db.write() as tx:
            admins = [
                users.create_user(tx, name=f"admin{number}", role="admin").id
                for number in range(-(-plan.sockets // MOST_OF_A_USER))
            ]
            run = runs.create_run(tx, recipe="toy", owner=admins[0], kind="language", task="classify", body={}).id
            begun = attempts.start_attempt(tx, run, runner="local", seconds=3600)
        keys = [make_api_key(here.keys, one, "load", ["*"], time.time).text for one in admins]
        process = psutil.Process()
        before, cpu = process.memory_info().rss, time.process_time()
        asked = json.dumps({"port": port, "keys": keys, "run": run, **asdict(plan)})
        clients = subprocess.Popen(
            [sys.executable, __file__, "clients"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if clients.stdin is None or clients.stdout is None:
            raise race.RaceFailed("The clients have no pipes.")
        clients.stdin.write(asked + "\n")
        clients.stdin.flush()
        if clients.stdout.readline().strip() != "ready":
            raise race.RaceFailed("The WebSockets did not all open.")
        idle, opened_cpu = process.memory_info().rss, time.process_time() - cpu
        cpu = time.process_time()
        write(here, plan, run, begun.epoch)
        found = json.loads(clients.stdout.readline())
        if clients.wait() != 0:
            raise race.RaceFailed(f"The clients ended with {clients.returncode}.")
        used = {"cpu_writing": time.process_time() - cpu, "cpu_opening": opened_cpu}
        return {**found, **used, "memory": {"before": before, "idle": idle, "busy": process.memory_info().rss}}


def write(here: Platform, plan: Plan, run: str, epoch: int) -> None:
    """Say events, each with the moment just before its transaction."""
    for batch in range(plan.batches):
        now = {"at": time.time()}
        said = [
            Event(run, 1, epoch, batch * plan.events + place, "2026-01-01T00:00:00.000000Z", "train", "note", now)
            for place in range(plan.events)
        ]
        with here.db.write() as tx:
            ingest(tx, run, 1, epoch, said)
        time.sleep(plan.pause)


async def listen(asked: dict[str, Any]) -> dict[str, Any]:
    """Open all WebSockets, say so, and return each event's delay at each of them, in seconds."""
    gate = asyncio.Semaphore(AT_ONCE)
    plan = Plan(**{name: asked[name] for name in ("home", "sockets", "batches", "events", "pause")})

    async def enter(number: int) -> ClientConnection:
        key = asked["keys"][number // MOST_OF_A_USER]
        async with gate:
            ws = await connect(
                f"ws://127.0.0.1:{asked['port']}/ws",
                additional_headers={"Authorization": f"Bearer {key}"},
                compression=None,
                ping_interval=None,
                open_timeout=PATIENCE,
            )
            await ws.send(json.dumps({"type": "subscribe", "topic": f"events/{asked['run']}"}))
            await ws.recv()
            return ws

    async def hear(ws: ClientConnection) -> tuple[list[int], list[float]]:
        seen: list[int] = []
        delays: list[float] = []
        while len(seen) < plan.said:
            frame = json.loads(await asyncio.wait_for(ws.recv(), PATIENCE))
            now = time.time()
            for one in frame["messages"]:
                seen.append(one["event"]["seq"] if one["type"] == "event" else -1)
                delays.append(now - one["event"]["body"]["at"] if one["type"] == "event" else 0.0)
        await ws.close()
        return seen, delays

    began = time.perf_counter()
    sockets = await asyncio.gather(*(enter(number) for number in range(plan.sockets)))
    opened_in = time.perf_counter() - began
    print("ready", flush=True)
    heard = await asyncio.gather(*map(hear, sockets))
    right = sum(seen == list(range(plan.said)) for seen, _ in heard)
    return {"right": right, "opened_in": opened_in, "delays": sorted(one for _, delays in heard for one in delays)}


if __name__ == "__main__":
    if sys.argv[1] == "clients":
        print(json.dumps(asyncio.run(listen(json.loads(sys.stdin.readline())))), flush=True)
    else:
        started = time.perf_counter()
        measured = serve(Plan(**json.loads(sys.argv[2])))
        measured["delays"] = measured["delays"][:: max(1, len(measured["delays"]) // 10_000)]
        race.report_result(wall_s=time.perf_counter() - started, cpu_s=measured["cpu_writing"], **measured)
        os._exit(0)  # threads of a library may linger
