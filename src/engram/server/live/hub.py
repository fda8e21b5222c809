"""The hub of a server: one reader for each topic, however many listen, woken by the bulletin.

The database is the truth. A topic that anybody hears has one cursor: all up to there was handed to everybody who heard
it then. Who comes later, or comes back, reads from her own number up to a look of her own, and joins the others when
that look goes as far as the cursor; so nothing is told twice or left out, whatever happens at the same time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from engram.errors import EngramError, Refused, Throttled
from engram.security.policy import CustomRole
from engram.security.principal import Principal
from engram.server.access import Owned, identify
from engram.server.bindings import custom_roles_of
from engram.server.live.connection import NOT_ALLOWED, NOT_SIGNED_IN, Connection, Subscription
from engram.server.live.messages import Subscribed, Unsubscribed
from engram.server.live.topics import Reading, Row, Topic, allow, run_row, sees, topic_of
from engram.server.platform import Platform
from engram.store.records import events, runs

ROUND_SECONDS, BEAT_SECONDS, SAMPLE_SECONDS, RECHECK_SECONDS = 0.1, 1.0, 5.0, 30.0
MOST_MISSED, MOST_NEWS, MOST_PROGRESS, MOST_TOPICS = 1000, 5000, 50, 50
NOTHING = -1  # the number before the first one
CLOCK = "clock"
MOST_CONNECTIONS, MOST_OF_A_USER = 5000, 50
PEOPLE = frozenset({"users", "api_keys", "logins", "roles", "settings"})
LOG = logging.getLogger(__name__)


@dataclass
class Feed:
    """A topic that somebody hears. cursor: all up to here was handed to everybody in `heard_by`.

    fresh: True until it was looked at once; what happened while it was made is found then.
    """

    topic: Topic
    argument: str
    cursor: int
    fresh: bool = True
    heard_by: dict[Connection, Subscription] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What one look at a topic found behind a number, and where it stands now; `rows` is None where that is too much.

    found: the object that decides who may hear. again: rows that are told once more though their number is old, as they
    were when `newest` was the last number.
    """

    after: int
    newest: int
    rows: list[Row] | None
    found: Owned | None = None
    again: tuple[Row, ...] = ()


@dataclass(frozen=True)
class News:
    """How far events and changes of runs were looked through, and whose they were; None: perhaps everybody's.

    spoken: the runs that had events.
    """

    event: int
    change: int
    runs: frozenset[str] | None
    spoken: frozenset[str] = frozenset()


class Hub:
    """All open connections of a server; it lives on the loop that serves them."""

    def __init__(self, here: Platform) -> None:
        self._here = here
        self._connections: set[Connection] = set()
        self._feeds: dict[str, Feed] = {}
        self._changed: set[str] = set()
        self._news: News | None = None
        self._woken, self._people = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._deaf: Callable[[], None] = lambda: None
        self._sampled = 0.0

    def attach(self, one: Connection) -> None:
        """Take a connection in; raises Throttled when there are too many."""
        if len(self._connections) >= MOST_CONNECTIONS:
            raise Throttled("Too many WebSockets are open.", retry_after=60)
        user = one.who.principal.user
        if sum(each.who.principal.user == user for each in self._connections) >= MOST_OF_A_USER:
            raise Throttled(f"You have {MOST_OF_A_USER} WebSockets open.", retry_after=60)
        self._connections.add(one)
        self._here.meters.websockets.set(len(self._connections))
        if not self._tasks:
            self._start()

    def detach(self, one: Connection) -> None:
        """Forget a connection and all that it heard; the hub rests when it was the last."""
        for name in list(one.subscriptions):
            self.unsubscribe(one, name)
        self._connections.discard(one)
        self._here.meters.websockets.set(len(self._connections))
        if one.closed:
            self._here.meters.dropped.labels(str(one.closed)).inc()
        if not self._connections:
            self._deaf()
            for task in self._tasks:
                task.cancel()
            self._tasks, self._news = [], None

    async def subscribe(self, one: Connection, name: str, since: int | None) -> None:
        """Let a connection hear a topic: first what it missed, then what happens.

        Raises NotFound for what it may not see, as if there were none; Forbidden; Refused for too many topics.
        """
        topic, argument = topic_of(name)
        self.unsubscribe(one, name)
        if len(one.subscriptions) >= MOST_TOPICS:
            raise Refused(f"One connection hears at most {MOST_TOPICS} topics.", remedy="Unsubscribe from one.")
        look = await run_in_threadpool(self._first_look, topic, argument, since)
        allow(topic, argument, look.found, one.who)
        one.note(Subscribed(topic=name, seq=look.newest))
        subscription = one.subscriptions[name] = Subscription(topic, argument, look.after)
        if since is not None and since > look.newest and not topic.whole:  # a number of another life of this home
            one.resync(subscription, look.newest)
            subscription.cursor = look.newest
        while True:
            self._hand(one, subscription, look)
            feed = self._feeds.setdefault(name, Feed(topic, argument, look.newest))
            if feed.cursor <= subscription.cursor:
                break
            # The others were told of more in the meantime: look again.
            look = await run_in_threadpool(self._first_look, topic, argument, subscription.cursor)
            allow(topic, argument, look.found, one.who)
        feed.heard_by[one] = subscription
        self._ring(topic.tables)  # for what came between the look and this line

    def unsubscribe(self, one: Connection, name: str) -> bool:
        """End a topic of a connection; False when it did not hear it."""
        subscription = one.subscriptions.pop(name, None)
        if subscription is None:
            return False
        one.forget(subscription)
        feed = self._feeds.get(name)
        if feed is not None:
            feed.heard_by.pop(one, None)
            if not feed.heard_by:
                del self._feeds[name]
        return True

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._changed, self._woken, self._people = set(), asyncio.Event(), asyncio.Event()
        self._deaf = self._here.bulletin.listen(lambda changed: _call(loop, self._ring, changed))
        self._tasks = [loop.create_task(self._work()), loop.create_task(self._guard())]

    def _ring(self, changed: frozenset[str]) -> None:
        self._changed |= changed
        self._woken.set()
        if changed & PEOPLE:
            self._people.set()

    async def _work(self) -> None:
        while True:
            await _first(self._woken, BEAT_SECONDS)
            changed, self._changed = self._changed, set()
            self._woken.clear()
            self._close_expired()
            now = self._here.clock()
            if not 0 <= now - self._sampled < SAMPLE_SECONDS:
                self._sampled = now
                changed.add(CLOCK)
            try:
                await self._round(changed)
            except Exception as error:  # the database is away, perhaps: what was missed is read at a later beat
                LOG.warning("live topics wait", exc_info=error)
                self._changed |= changed
                self._news = None
            await asyncio.sleep(ROUND_SECONDS)

    def _close_expired(self) -> None:
        now = self._here.clock()
        for one in list(self._connections):
            if one.until is not None and now >= one.until:
                one.close(NOT_SIGNED_IN, "The credential has expired. Connect again with a new one.")

    async def _guard(self) -> None:
        """Ask again whether credentials count, whenever anything about people has changed and now and then anyway."""
        while True:
            await _first(self._people, RECHECK_SECONDS)
            self._people.clear()
            by_credential: dict[str, list[Connection]] = {}
            for one in self._connections:
                by_credential.setdefault(one.given, []).append(one)
            for given, those in by_credential.items():
                now = await run_in_threadpool(self._standing, given)
                for one in those:
                    before = one.who.principal
                    if now is None:
                        one.close(NOT_SIGNED_IN, "The credential does not count any more. Sign in again.")
                    elif now != (before, one.who.roles.get(before.role)):
                        one.close(NOT_ALLOWED, "What you may do has changed. Connect again.")

    def _standing(self, given: str) -> tuple[Principal, CustomRole | None] | None:
        """Return who a credential stands for now, and her role if it is one that an Admin made.

        None when the credential doesn't count, or when that can't be known.
        """
        try:
            principal, _ = identify(self._here, given)
            return principal, custom_roles_of(self._here.db).get(principal.role)
        except EngramError:
            return None

    async def _round(self, changed: set[str]) -> None:
        due = [feed for feed in self._feeds.values() if feed.topic.tables & changed]
        if due or ("events" in changed and "runs" in self._feeds):
            news, looks = await run_in_threadpool(self._looks, due, self._news)
            for feed, look in looks:
                self._hand_out(feed, look)
            self._news = news

    def _looks(self, due: list[Feed], before: News | None) -> tuple[News, list[tuple[Feed, Look]]]:
        """Look at what is due within one transaction: of the topics of single runs only those that have news."""
        with self._here.db.read() as tx:
            reading = Reading(tx, self._here)
            news = _news(reading, before)
            looks = [(feed, self._look(reading, feed)) for feed in due if not _is_quiet(feed, news)]
            if (runs_feed := self._feeds.get("runs")) is not None and news.spoken:
                found = [runs.maybe_run(tx, run) for run in sorted(news.spoken)[:MOST_PROGRESS]]
                again = tuple(run_row(reading, run) for run in found if run is not None)
                looks.append((runs_feed, Look(0, runs.last_change(tx), [], again=again)))
        return news, looks

    def _look(self, reading: Reading, feed: Feed) -> Look:
        topic, after = feed.topic, feed.cursor
        found = topic.find(reading, feed.argument) if topic.find else None
        newest = topic.newest(reading, feed.argument)
        return Look(after, newest, topic.pull(reading, feed.argument, after, MOST_MISSED), found)

    def _first_look(self, topic: Topic, argument: str, since: int | None) -> Look:
        """Look at a topic for one who comes: who owns it, where it stands, and what lies behind her number."""
        with self._here.db.read() as tx:
            reading = Reading(tx, self._here)
            found = topic.find(reading, argument) if topic.find else None
            if topic.find and found is None:
                return Look(0, 0, [])
            newest = topic.newest(reading, argument)
            after = newest if since is None else since
            if topic.whole and (since is None or since > newest):
                after = NOTHING
            return Look(after, newest, topic.pull(reading, argument, after, MOST_MISSED), found)

    def _hand_out(self, feed: Feed, look: Look) -> None:
        for one, subscription in list(feed.heard_by.items()):
            if look.again:
                for row in look.again:
                    # Who has heard of more than this look has seen may know a later row already.
                    if row.seq <= subscription.cursor <= look.newest and sees(row, one.who):
                        one.tell_again(subscription, row)
            elif not feed.topic.noun or self._still(one, subscription, look.found):
                self._hand(one, subscription, look)
        if not look.again:
            feed.cursor, feed.fresh = max(feed.cursor, _end(look)), False

    def _hand(self, one: Connection, subscription: Subscription, look: Look) -> None:
        """Tell one connection what a look has found and she has not heard."""
        if look.rows is None:
            if look.newest > subscription.cursor:
                one.resync(subscription, look.newest)
        else:
            for row in look.rows:
                if row.seq > subscription.cursor and sees(row, one.who):
                    one.tell(subscription, row)
        subscription.cursor = max(subscription.cursor, _end(look))

    def _still(self, one: Connection, subscription: Subscription, found: Owned | None) -> bool:
        """Decide again whether a connection may hear of an object; what was shared may be shared no more."""
        try:
            allow(subscription.topic, subscription.argument, found, one.who)
        except EngramError:
            self.unsubscribe(one, subscription.name)
            one.note(Unsubscribed(topic=subscription.name))
            return False
        return True


def _news(reading: Reading, before: News | None) -> News:
    """Find out which runs have had events or changes since the last look."""
    if before is None:
        return News(events.newest(reading.tx), runs.last_change(reading.tx), None)
    heard = events.heard_of(reading.tx, before.event, MOST_NEWS)
    changed = runs.heard_of(reading.tx, before.change, MOST_NEWS)
    if MOST_NEWS in (len(heard), len(changed)):
        return News(events.newest(reading.tx), runs.last_change(reading.tx), None)
    event, change = (found[-1][0] if found else at for found, at in ((heard, before.event), (changed, before.change)))
    spoken = frozenset(run for _, run in heard)
    return News(event, change, spoken.union(run for _, run in changed), spoken)


def _is_quiet(feed: Feed, news: News) -> bool:
    of_one_run = feed.topic.head in ("run", "events")
    return of_one_run and not feed.fresh and news.runs is not None and feed.argument not in news.runs


def _end(look: Look) -> int:
    """Return up to where a look goes; a row may be newer than the number that was asked before it."""
    return max(look.newest, look.rows[-1].seq if look.rows else 0)


async def _first(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, or for some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _call(loop: asyncio.AbstractEventLoop, ring: Callable[[frozenset[str]], None], changed: frozenset[str]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(ring, changed)
