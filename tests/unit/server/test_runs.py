"""Runs shared, pinned, deleted and compared; their reports; and what is shown of versions."""

from __future__ import annotations

import pytest
from support import household
from support.household import House

from engram.ledger.log import Ledger
from engram.schema.report import Measure, Report
from engram.schema.verdict import Verdict
from engram.store.gc import plan
from engram.store.pages import Ask
from engram.store.records import attempts, evidence, points, runs

house, quiet = household.house, household.quiet


def test_what_is_shared_may_be_read_by_everybody_and_changed_by_nobody_else(house: House):
    run = house.begin("ann")
    seen = lambda: [one["id"] for one in house.ask("eve", "GET", "/runs").json()["items"]]  # noqa: E731
    assert run not in seen()
    assert house.ask("ann", "PUT", f"/runs/{run}/share", {"shared": True}).json()["shared"]
    assert run in seen()
    for path in ("", "/events", "/reports", "/verdicts", "/reviews"):
        assert house.ask("eve", "GET", f"/runs/{run}{path}").status_code == 200, path
    for method, path, body in (
        ("PUT", "/share", {"shared": False}),
        ("PUT", "/pin", {"pinned": True}),
        ("PATCH", "", {"priority": 1}),
        ("POST", "/cancel", None),
        ("DELETE", "", None),
    ):
        assert house.ask("bob", method, f"/runs/{run}{path}", body).status_code == 404, (method, path)
    house.ask("ann", "PUT", f"/runs/{run}/share", {"shared": False})
    assert run not in seen()
    assert house.ask("eve", "GET", f"/runs/{run}").status_code == 404


def test_pages_of_ones_own_and_the_shared_runs_hold_each_once_newest_first(house: House):
    made = [house.begin(who) for who in ("ann", "bob", "ann", "bob", "bob")]
    for run in (made[0], made[2]):
        house.ask("ann", "PUT", f"/runs/{run}/share", {"shared": True})
    hidden = house.begin("ann")
    found, after = [], ""
    while after is not None:
        page = house.ask("bob", "GET", f"/runs?limit=2{f'&after={after}' if after else ''}").json()
        found, after = found + [one["id"] for one in page["items"]], page["next"]
    assert [one for one in found if one in made] == made[::-1]
    assert len(set(found)) == len(found)
    assert hidden not in found


def test_the_oldest_runs_first_are_the_newest_first_turned_round(house: House):
    shared = house.begin("ann")
    house.ask("ann", "PUT", f"/runs/{shared}/share", {"shared": True})
    house.begin("bob")

    def walk(order: str) -> list[str]:
        found, after = [], ""
        while after is not None:
            page = house.ask("bob", "GET", f"/runs?limit=2&order={order}{f'&after={after}' if after else ''}").json()
            found, after = found + [one["id"] for one in page["items"]], page["next"]
        return found

    assert walk("oldest") == walk("newest")[::-1]
    assert shared in walk("oldest")
    assert house.ask("bob", "GET", "/runs?order=any").status_code == 422


def test_a_pinned_run_keeps_every_checkpoint_and_can_not_be_deleted(house: House):
    run = house.begin("ann")
    for step in (1, 2):
        (house.here.folder(run).checkpoints / f"checkpoint-{step}").mkdir(parents=True)
    for name in ("latest", "best"):
        (house.here.folder(run).checkpoints / f"{name}.json").write_text('{"folder": "checkpoint-2"}')
    path = f"runs/{run}/checkpoints/checkpoint-1"
    assert path in [one.path for one in plan(house.here.db, house.here.home)]
    house.ask("ann", "PUT", f"/runs/{run}/pin", {"pinned": True})
    assert path not in [one.path for one in plan(house.here.db, house.here.home)]
    house.ask("ann", "POST", f"/runs/{run}/cancel")
    assert house.ask("ann", "DELETE", f"/runs/{run}").status_code == 409
    house.ask("ann", "PUT", f"/runs/{run}/pin", {"pinned": False})
    assert house.ask("ann", "DELETE", f"/runs/{run}").status_code == 204


def test_a_deleted_run_is_gone_and_the_ledger_knows(house: House):
    run = house.begin("ann")
    assert house.ask("ann", "DELETE", f"/runs/{run}").status_code == 409, "it waits still"
    with house.here.db.write() as tx:
        evidence.put_report(tx, Report(run, "data", 1, {"rows": Measure(1.0)}))
    house.ask("ann", "POST", f"/runs/{run}/cancel")
    tag = house.ask("ann", "GET", f"/runs/{run}").headers["etag"]
    assert house.ask("ann", "DELETE", f"/runs/{run}", If_Match='"1"').status_code == 412
    assert house.ask("ann", "DELETE", f"/runs/{run}", If_Match=tag).status_code == 204
    for path in ("", "/reports", "/report.html", "/events"):
        assert house.ask("root", "GET", f"/runs/{run}{path}").status_code == 404, path
    with house.here.db.read() as tx:
        assert run not in [one.id for one in runs.list_runs(tx, Ask(limit=200)).items]
        assert evidence.reports_of(tx, run) == {}
    assert not house.here.folder(run).path.exists()
    (entry,) = Ledger.read(house.here.home / "ledger", house.here.ledger.key).find("run.deleted", run)
    assert (entry.actor, dict(entry.body)) == (house.ids["ann"], {"state": "cancelled"})


def test_what_a_crash_left_of_a_deleted_run_is_swept(house: House):
    run = house.begin("ann")
    with house.here.db.write() as tx:
        runs.step_run(tx, run, "cancelled")
        runs.delete_run(tx, run)
    left = {one.path: one.why for one in plan(house.here.db, house.here.home)}
    assert left[f"runs/{run}"] == "its run was deleted"


def test_two_runs_side_by_side(house: House):
    first, second = house.begin("ann"), house.begin("ann", "train.seed=9")
    with house.here.db.write() as tx:
        for run, value in ((first, 0.5), (second, 0.75)):
            measure = Measure(value, (value - 0.1, value + 0.1), 0.25, value - 0.25, (0.1, 0.3))
            evidence.put_report(tx, Report(run, "evaluate", 9, {"accuracy": measure}))
    told = house.ask("ann", "GET", f"/runs/compare?a={first}&b={second}").json()
    assert told["recipes"] == {"train.seed": [told["recipes"]["train.seed"][0], 9]}
    (line,) = told["metrics"]
    assert (line["stage"], line["metric"], line["better"]) == ("evaluate", "accuracy", "max")
    assert (line["a"]["value"], line["b"]["value"]) == (0.5, 0.75)
    assert line["b"]["difference_interval"] == [0.1, 0.3]
    for who, b in (("bob", second), ("ann", "r_" + "0" * 26)):
        assert house.ask(who, "GET", f"/runs/compare?a={first}&b={b}").status_code == 404


def test_reports_and_verdicts_are_shown_by_stage_and_as_a_page(house: House):
    run = house.begin("ann")
    digest = house.let_wait(run)
    assert [one["stage"] for one in house.ask("ann", "GET", f"/runs/{run}/reports").json()["items"]] == ["data"]
    report = house.ask("ann", "GET", f"/runs/{run}/reports/data").json()
    assert (report["n"], report["metrics"]["leaked_test_rows"]["value"]) == (100, 0.5)
    verdict = house.ask("ann", "GET", f"/runs/{run}/verdicts/data").json()
    assert (verdict["decision"], verdict["digest"]) == ("review", digest)
    assert [one["passed"] for one in verdict["criteria"]] == [False]
    for noun in ("reports", "verdicts"):
        assert house.ask("ann", "GET", f"/runs/{run}/{noun}/evaluate").status_code == 404
    page = house.ask("ann", "GET", f"/runs/{run}/report.html")
    assert page.headers["content-type"].startswith("text/html")
    assert run in page.text
    assert "leaked test rows" in page.text.lower()
    assert "sandbox" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"] + page.text.split("</head>")[0]


def test_what_did_not_change_is_not_sent_again(house: House):
    run = house.begin("ann")
    first = house.ask("ann", "GET", f"/runs/{run}")
    tag = first.headers["etag"]
    again = house.ask("ann", "GET", f"/runs/{run}", If_None_Match=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    house.ask("ann", "PATCH", f"/runs/{run}", {"priority": 3})
    changed = house.ask("ann", "GET", f"/runs/{run}", If_None_Match=f'W/"0", {tag}')
    assert (changed.status_code, changed.json()["priority"]) == (200, 3)


@pytest.mark.parametrize("tag", ["7", '"seven"', '"99999"', '"' + "9" * 18 + '"', '"1", "2"'])
def test_a_tag_that_is_not_the_present_one_changes_nothing(house: House, tag):
    run = house.begin("ann")
    told = house.ask("ann", "PATCH", f"/runs/{run}", {"priority": 3}, If_Match=tag)
    assert (told.status_code, told.json()["error"]) == (412, "Changed")
    assert house.ask("ann", "PATCH", f"/runs/{run}", {"priority": 3}, If_Match="*").status_code == 200


def test_a_list_says_whose_a_run_is_and_what_its_gates_said(house: House):
    run, other = house.begin("ann"), house.begin("ann")
    with house.here.db.write() as tx:
        evidence.put_verdict(tx, Verdict(run, "data", "advance", (), ""))
        evidence.put_verdict(tx, Verdict(run, "evaluate", "rollback", (), ""))
    rows = {one["id"]: one for one in house.ask("ann", "GET", "/runs").json()["items"]}
    assert rows[run]["gates"] == {"data": "advance", "evaluate": "rollback"}
    assert rows[other]["gates"] == {}
    assert rows[run]["by"] == "ann"


def test_a_list_says_how_a_training_goes_until_something_is_measured(house: House):
    run, other = house.begin("ann"), house.begin("ann")
    shown = lambda one: {row["id"]: row for row in house.ask("ann", "GET", "/runs").json()["items"]}[one]["validated"]  # noqa: E731
    with house.here.db.write() as tx:
        attempt = attempts.start_attempt(tx, run, runner="local", seconds=60).attempt
        for step, loss in ((10, 0.5), (20, 0.3), (30, 0.4)):
            points.report_points(tx, run, attempt, "train", step, {"valid_loss": loss, "loss": 0.1})
    assert shown(run) == {"last": 0.4, "step": 30, "lowest": 0.3, "lowest_step": 20}
    assert shown(other) is None
    with house.here.db.write() as tx:
        runs.change_run(tx, run, metrics={"accuracy": 0.9})
    assert shown(run) is None


def test_runs_are_found_by_the_beginning_of_the_recipe_the_end_of_the_id_and_the_owner(house: House):
    anns, bobs = house.begin("ann"), house.begin("bob")
    recipe = house.ask("root", "GET", f"/runs/{anns}").json()["recipe"]
    owner = house.ask("root", "GET", f"/runs/{anns}").json()["owner"]
    found = lambda who, query: {one["id"] for one in house.ask(who, "GET", f"/runs?{query}").json()["items"]}  # noqa: E731
    assert {anns, bobs} <= found("root", f"named={recipe[:3]}")
    assert found("root", f"named={anns[-8:].lower()}") == {anns}
    assert found("root", f"named={anns}") == {anns}
    assert found("root", "named=%25") == found("root", "named=_") == set(), "no wildcards"
    assert bobs not in found("root", f"owner={owner}")
    assert anns in found("ann", f"owner={owner}")
    assert anns not in found("bob", f"owner={owner}") | found("bob", f"named={anns[-8:]}"), "what is another's"
