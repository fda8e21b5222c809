"""Pages: every item once, in order, also while the list grows; nothing of others; and never without an index."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, text

from engram.errors import UsageError
from engram.store import tables
from engram.store.pages import MOST, Ask, make_cursor, open_cursor
from engram.store.records import (
    api_keys,
    artifacts,
    audit,
    datasets,
    deployments,
    events,
    evidence,
    logins,
    points,
    recipes,
    runs,
    templates,
    uploads,
    users,
)
from engram.store.records.audit import Wanted

EMPTY = {
    "kind": "language", "task": "classify", "state": "queued", "stage": "", "reason": "", "priority": 0, "attempt": 0,
    "epoch": 0, "recipe_digest": "", "split_digest": "", "body": {}, "metrics": {}, "artifact": "", "pinned": False,
    "shared": False, "updated": 0, "version": 1,
}  # fmt: skip


def put_runs(tx, rows):
    """Store runs given as (id, created, owner, state)."""
    said = [{"id": id, "created": at, "owner": by, "state": state, "recipe": f"r{at}"} for id, at, by, state in rows]
    tx.execute(insert(tables.runs), [EMPTY | one for one in said])


def walk(tx, ask, between=lambda: None):
    """Yield the ids of all pages, one after the other, with something happening between two pages."""
    page = runs.list_runs(tx, ask)
    while True:
        yield from (one.id for one in page.items)
        if page.next is None:
            return
        between()
        page = runs.list_runs(tx, replace(ask, after=page.next))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.dictionaries(
        st.text("ABCß_", min_size=1, max_size=4),
        st.tuples(st.integers(0, 3), st.booleans(), st.booleans()),
        max_size=12,
    ),
    limit=st.integers(1, 5),
    mine=st.booleans(),
)
def test_pages_hold_every_item_once_in_order_also_while_others_add_newer_ones(db, ann, rows, limit, mine):
    with db.write() as tx:
        tx.execute(delete(tables.runs))
        bob = users.find_user(tx, "bob") or users.create_user(tx, name="bob", role="Viewer")
        put = [
            (id, at, ann if hers else bob.id, "queued" if fresh else "running")
            for id, (at, hers, fresh) in rows.items()
        ]
        if put:
            put_runs(tx, put)
        added = iter(range(10**6))
        between = lambda: put_runs(tx, [(f"new{next(added)}", 4, ann, "queued")])  # noqa: E731
        ask = Ask(visible_to=ann if mine else None, limit=limit, equal={"state": "queued"})
        found = list(walk(tx, ask, between))
        order = text("SELECT id FROM runs WHERE created < 4 ORDER BY created DESC, id DESC")
        sorted_ids = list(tx.execute(order).scalars())
    wanted = {id for id, _, owner, state in put if state == "queued" and (not mine or owner == ann)}
    assert found == [id for id in sorted_ids if id in wanted]


def test_filters_by_time_and_by_the_beginning_of_a_name(db, ann):
    with db.write() as tx:
        put_runs(tx, [(f"r_{at}", at, ann, "queued") for at in range(12)])
        assert list(walk(tx, Ask(since=3, until=6))) == ["r_5", "r_4", "r_3"]
        assert list(walk(tx, Ask(prefix={"recipe": "r1"}))) == ["r_11", "r_10", "r_1"]
        assert list(walk(tx, Ask(prefix={"recipe": "R1"}))) == []
        assert list(walk(tx, Ask(prefix={"recipe": "r%"}))) == []
        assert list(walk(tx, Ask(prefix={"recipe": "r_"}, equal={"state": None}))) == []
        assert len(list(walk(tx, Ask(prefix={"recipe": ""}, limit=MOST)))) == 12


@pytest.mark.parametrize("limit", [0, -1, MOST + 1])
def test_a_page_of_another_size_is_refused(still, limit):
    with still.read() as tx:
        for ask in (lambda: runs.list_runs(tx, Ask(limit=limit)), lambda: audit.list_lines(tx, limit=limit)):
            with pytest.raises(UsageError, match="1 to 200"):
                ask()


def packed(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "ß", "a" * 5000, packed([]), packed(["runs", 1]), packed(["users", 1, "x"]), packed(["runs", True, "x"]),
     packed(["runs", 1.5, "x"]), packed(["runs", 1 << 63, "x"]),
     packed(["runs", 1, "a\0b"]), packed(["runs", 1, "\ud800"]),
     packed(["runs", 1, "x", 2]), packed({"runs": 1}), make_cursor("runs", 1, "x") + "!", packed("[" * 200)],
)  # fmt: skip
def test_a_cursor_of_somebody_elses_making_is_refused(still, cursor):
    with still.read() as tx, pytest.raises(UsageError, match="no cursor of runs"):
        runs.list_runs(tx, Ask(after=cursor))


@given(st.text(max_size=80))
def test_no_text_at_all_breaks_the_reader_of_cursors(text):
    try:
        created, identity = open_cursor("runs", text)
    except UsageError:
        return
    assert isinstance(created, int)
    assert isinstance(identity, str)


def test_a_filter_that_a_list_does_not_have_is_refused_with_the_known_ones(still):
    with still.read() as tx, pytest.raises(UsageError, match=r"can't be filtered by 'colour'.*state"):
        runs.list_runs(tx, Ask(equal={"colour": "red"}))


LISTS = {
    "runs": lambda tx, ask: runs.list_runs(tx, ask),
    "runs by state": lambda tx, ask: runs.list_runs(tx, replace(ask, equal={"state": "queued"})),
    "runs by kind": lambda tx, ask: runs.list_runs(tx, replace(ask, equal={"kind": "language"})),
    "runs by recipe": lambda tx, ask: runs.list_runs(tx, replace(ask, equal={"recipe": "toy"})),
    "runs by beginning": lambda tx, ask: runs.list_runs(tx, replace(ask, prefix={"recipe": "to"})),
    "users": lambda tx, ask: users.list_users(tx, replace(ask, visible_to=None)),
    "users by role": lambda tx, ask: users.list_users(tx, replace(ask, visible_to=None, equal={"role": "Admin"})),
    "logins": lambda tx, ask: logins.list_logins(tx, ask),
    "keys": lambda tx, ask: api_keys.list_keys(tx, ask),
    "templates": lambda tx, ask: templates.list_templates(tx, ask),
    "templates by kind": lambda tx, ask: templates.list_templates(tx, replace(ask, equal={"kind": "language"})),
    "datasets": lambda tx, ask: datasets.list_datasets(tx, ask),
    "uploads": lambda tx, ask: uploads.list_uploads(tx, replace(ask, equal={"state": "open"})),
    "recipes": lambda tx, ask: recipes.list_recipes(tx, ask),
    "numbers of a recipe": lambda tx, ask: recipes.list_recipes(
        tx, replace(ask, equal={"name": "x"}), newest_only=False
    ),
    "artifacts": lambda tx, ask: artifacts.list_artifacts(tx, ask),
    "artifacts of a run": lambda tx, ask: artifacts.list_artifacts(tx, replace(ask, equal={"run": "r_1"})),
    "deployments": lambda tx, ask: deployments.list_deployments(tx, ask),
    "verdicts": lambda tx, ask: evidence.list_verdicts(tx, replace(ask, visible_to=None, equal={"decision": "review"})),
    "audit": lambda tx, ask: audit.list_lines(tx),
    "audit of an actor": lambda tx, ask: audit.list_lines(tx, Wanted(actor="u_1"), after=make_cursor("audit", 9, "")),
    "audit of a subject": lambda tx, ask: audit.list_lines(tx, Wanted(subject="r_1")),
    "events of a run": lambda tx, ask: events.replay(tx, 7, run="r_1"),
    "events of all": lambda tx, ask: events.replay(tx, 7),
    "events of one owner": lambda tx, ask: events.replay(tx, 7, visible_to="u_1"),
    "next in the queue": lambda tx, ask: runs.next_queued(tx),
}  # fmt: skip


def plans(db, ask):
    """Run a function and return how the database would answer each of its queries, as the lines of EXPLAIN."""
    found = []

    def explain(connection, cursor, statement, parameters, context, many):
        if statement.startswith("SELECT") and "FROM " in statement:
            inner = connection.connection.cursor()
            inner.execute(("EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN ") + statement, parameters)
            found.append([str(row[-1]) for row in inner.fetchall()])
            inner.close()

    with db.read() as tx:
        if not db.is_sqlite:  # tables here are tiny: without this PostgreSQL would rightly read them whole
            for way in ("seqscan", "sort", "incremental_sort", "bitmapscan", "material"):
                tx.execute(text(f"SET LOCAL enable_{way} = off"))
        event.listen(tx, "before_cursor_execute", explain)
        ask(tx)
    return found


def slow_steps(db, plan):
    """Return the steps of a plan that grow with the table instead of the page."""
    if db.is_sqlite:
        plan = [step for step in plan if step != "SCAN audit"]  # that table lies in the order of its ids
        return [step for step in plan if "TEMP B-TREE" in step or (step.startswith("SCAN") and "INDEX" not in step)]
    return [step for step in plan if "Seq Scan" in step or "Sort" in step]


@pytest.mark.parametrize("owner", [None, "u_1"], ids=["everything", "one owner's"])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_by_an_index_and_never_sorted(still, name, owner):
    ask = Ask(visible_to=owner, after=None)
    found = plans(still, lambda tx: LISTS[name](tx, ask))
    assert found, "no query was seen"
    assert [slow_steps(still, plan) for plan in found if slow_steps(still, plan)] == [], found


def test_a_later_page_is_read_by_an_index_too(still):
    ask = Ask(visible_to="u_1", after=make_cursor("runs", 5, "r_1"), equal={"state": "queued"})
    (plan,) = plans(still, lambda tx: runs.list_runs(tx, ask))
    assert slow_steps(still, plan) == [], plan


def test_a_list_without_an_index_would_be_seen(still):
    query = text("SELECT id FROM runs WHERE reason = 'x' ORDER BY reason, stage")
    (plan,) = plans(still, lambda tx: tx.execute(query))
    assert slow_steps(still, plan) != [], plan


def test_points_are_read_by_their_key(db, ann):
    with db.write() as tx:
        run = runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={}).id
    for plan in plans(db, lambda tx: points.read_points(tx, run, "train", "loss")):
        assert not [step for step in plan if "Seq Scan" in step or step.startswith("SCAN")], plan
