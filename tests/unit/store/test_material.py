"""Templates, datasets, uploads, recipes, artifacts, deployments, audit and settings."""

from __future__ import annotations

import pytest
from support.databases import new_user

from engram.errors import Changed, Conflict, NotFound, UsageError
from engram.store.pages import Ask
from engram.store.records import artifacts, audit, datasets, deployments, recipes, settings, templates, uploads
from engram.store.records.audit import Line, Wanted

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def test_a_template_is_registered_under_a_name_of_its_own(db, ann):
    with db.write() as tx:
        said = {"owner": ann, "kind": "language", "task": "classify", "source": "org/x"}
        made = templates.create_template(tx, name="base", revision="f" * 40, body={"lora": True}, **said)
        assert templates.find_template(tx, "base", visible_to=ann) == templates.get_template(tx, made.id) == made
        with pytest.raises(Conflict):
            templates.create_template(tx, name="base", **said)
        assert templates.change_template(tx, made.id, version=1, name="basis").body == {"lora": True}
        with pytest.raises(Changed):
            templates.change_template(tx, made.id, version=1, name="base")
        assert templates.change_template(tx, made.id, name="base").version == 3
        assert templates.find_template(tx, "base", visible_to="u_other") is None
        assert len(templates.list_templates(tx, Ask(equal={"kind": "language"}, prefix={"name": "ba"})).items) == 1


def test_a_deleted_dataset_leaves_its_digest_and_leaves_the_list(db, ann):
    with db.write() as tx:
        made = datasets.create_dataset(
            tx, name="mails of ann", owner=ann, digest=DIGEST, format="csv", bytes=5, rows_=2
        )
        assert datasets.change_dataset(tx, made.id, pinned=True, version=1).pinned
        with pytest.raises(Changed):
            datasets.delete_dataset(tx, made.id, version=1)
        assert datasets.list_datasets(tx, Ask(equal={"digest": DIGEST})).items[0].rows == 2
        gone = datasets.delete_dataset(tx, made.id)
        assert (gone.digest, gone.name, gone.pinned) == (DIGEST, "", False)
        assert gone.deleted is not None
        assert datasets.list_datasets(tx, Ask()).items == ()
        with pytest.raises(NotFound):
            datasets.get_dataset(tx, made.id, visible_to="u_other")


def test_an_upload_goes_on_where_it_was_cut_off(db, ann):
    with db.write() as tx:
        made = uploads.create_upload(tx, owner=ann, purpose="dataset", name="a.csv", size=10, seconds=60)
        assert uploads.advance_upload(tx, made.id, offset=0, bytes=4, seconds=60).received == 4
        for offset, size in ((0, 4), (5, 1), (4, 7), (4, -1)):
            with pytest.raises(Conflict, match=r"does not fit: 4 of 10.*Go on from 4"):
                uploads.advance_upload(tx, made.id, offset=offset, bytes=size, seconds=60)
        with pytest.raises(Conflict, match="not whole"):
            uploads.end_upload(tx, made.id, "done")
        uploads.advance_upload(tx, made.id, offset=4, bytes=6, seconds=60)
        done = uploads.end_upload(tx, made.id, "done", result="d_1")
        assert (done.state, done.result, done.received) == ("done", "d_1", 10)
        for ask in (
            lambda: uploads.advance_upload(tx, made.id, offset=10, bytes=0, seconds=60),
            lambda: uploads.end_upload(tx, made.id, "aborted"),
        ):
            with pytest.raises(Conflict, match="is done"):
                ask()
        assert uploads.list_uploads(tx, Ask(visible_to=ann, equal={"state": "open"})).items == ()


def save(tx, owner, text, **said):
    return recipes.save_recipe(
        tx,
        name="mine",
        owner=owner,
        kind="language",
        task="classify",
        digest=text,
        source=text,
        body={"t": text},
        **said,
    )


def test_each_saved_text_is_a_new_number_and_none_changes(db, ann):
    bob = new_user(db, "bob")
    with db.write() as tx:
        first = save(tx, ann, "one", after=0)
        assert save(tx, ann, "one") == first
        second = save(tx, ann, "two", after=1)
        assert (first.number, second.number) == (1, 2)
        with pytest.raises(Conflict, match="moved on"):
            save(tx, ann, "three", after=1)
        with pytest.raises(Conflict, match="is taken"):
            save(tx, bob, "one")
        assert recipes.get_recipe(tx, "mine", visible_to=ann) == second
        assert recipes.get_recipe(tx, "mine", 1) == first
        for ask in (("mine", 3), ("none", None)):
            with pytest.raises(NotFound):
                recipes.get_recipe(tx, *ask)
        with pytest.raises(NotFound):
            recipes.get_recipe(tx, "mine", visible_to=bob)
        assert recipes.list_recipes(tx, Ask()).items == (second,)
        both = recipes.list_recipes(tx, Ask(), newest_only=False).items
        assert sorted(both, key=lambda one: one.number) == [first, second]


def put(tx, owner, digest=DIGEST):
    return artifacts.put_artifact(
        tx, digest=digest, name="toy", owner=owner, run="r_1", kind="language", task="classify", bytes=9, entry=3
    )


def test_an_artifact_is_put_once_and_comes_back_when_it_was_deleted(db, ann):
    with db.write() as tx:
        made = put(tx, ann)
        assert put(tx, ann) == made
        assert artifacts.change_artifact(tx, DIGEST, pinned=True, version=1).pinned
        gone = artifacts.delete_artifact(tx, DIGEST, version=2)
        assert (gone.pinned, gone.entry) == (False, 3)
        assert artifacts.list_artifacts(tx, Ask()).items == ()
        assert put(tx, ann).deleted is None
        assert len(artifacts.list_artifacts(tx, Ask(visible_to=ann)).items) == 1
        with pytest.raises(NotFound):
            artifacts.get_artifact(tx, DIGEST, visible_to="u_other")


def test_a_deployment_keeps_its_history_and_two_changes_can_not_cross(db, ann):
    with db.write() as tx:
        put(tx, ann)
        put(tx, ann, OTHER)
        made = deployments.create_deployment(tx, name="live", owner=ann, artifact=DIGEST, actor=ann)
        assert (made.state, made.version) == ("serving", 1)
        with pytest.raises(Conflict):
            deployments.create_deployment(tx, name="live", owner=ann, artifact=OTHER, actor=ann)
        second = deployments.change_deployment(tx, made.id, artifact=OTHER, actor=ann, reason="better", version=1)
        with pytest.raises(Changed):
            deployments.change_deployment(tx, made.id, artifact=DIGEST, actor=ann, version=1)
        deployments.change_deployment(tx, made.id, state="stopped", actor="engram", version=2)
        lines = deployments.history(tx, made.id, visible_to=ann)
        assert [(one.number, one.artifact, one.state, one.actor, one.reason) for one in lines] == [
            (1, DIGEST, "serving", ann, ""),
            (2, OTHER, "serving", ann, "better"),
            (3, OTHER, "stopped", "engram", ""),
        ]
        assert second.version == 2
        assert deployments.find_deployment(tx, "live", visible_to="u_other") is None
        with pytest.raises(NotFound):
            deployments.history(tx, made.id, visible_to="u_other")
        found = deployments.list_deployments(tx, Ask(equal={"artifact": OTHER}))
        assert [one.name for one in found.items] == ["live"]


def test_what_is_deployed_can_not_be_deleted_and_what_is_deleted_can_not_be_deployed(db, ann):
    with db.write() as tx:
        put(tx, ann)
        put(tx, ann, OTHER)
        made = deployments.create_deployment(tx, name="live", owner=ann, artifact=DIGEST, actor=ann)
        with pytest.raises(Conflict, match="is deployed as live"):
            artifacts.delete_artifact(tx, DIGEST)
        artifacts.delete_artifact(tx, OTHER)
        for ask in (
            lambda: deployments.change_deployment(tx, made.id, artifact=OTHER, actor=ann),
            lambda: deployments.create_deployment(tx, name="b", owner=ann, artifact=OTHER, actor=ann),
        ):
            with pytest.raises(Conflict, match="is deleted"):
                ask()
        with pytest.raises(NotFound):
            deployments.create_deployment(tx, name="c", owner=ann, artifact="sha256:none", actor=ann)


def audit_line(number):
    said = {"operation": "runs.create", "outcome": "allowed", "subject": f"r_{number}", "detail": {"n": number}}
    rest = dict.fromkeys(("via", "reason", "address", "request", "before", "digest"), "")
    return Line(id=number + 1, time=1000 + number, actor=f"u_{number % 2}", **said, **rest)


def test_the_audit_is_read_by_pages_and_from_a_number_on(db):
    with db.write() as tx:
        for number in range(5):
            audit.add_line(tx, audit_line(number))
        page = audit.list_lines(tx, limit=2)
        rest = audit.list_lines(tx, limit=5, after=page.next)
        assert [line.detail["n"] for line in (*page.items, *rest.items)] == [4, 3, 2, 1, 0]
        assert rest.next is None
        assert [line.detail["n"] for line in audit.list_lines(tx, Wanted(actor="u_1")).items] == [3, 1]
        third = Wanted(subject="r_2", operation="runs.create")
        assert [line.detail["n"] for line in audit.list_lines(tx, third).items] == [2]
        first, last = rest.items[-1], page.items[0]
        assert len(audit.list_lines(tx, Wanted(since=first.time, until=last.time + 1)).items) == 5
        assert audit.list_lines(tx, Wanted(until=first.time)).items == ()
        assert [line.detail["n"] for line in audit.lines_after(tx, first.id, limit=3)] == [1, 2, 3]
        with pytest.raises(UsageError, match="no cursor"):
            audit.list_lines(tx, after="x")
        assert audit.last_number_before(tx, last.time) == last.id - 1
        assert (audit.forget_lines(tx, last.id + 9), audit.first_number(tx)) == (4, last.id)
        assert audit.last_line(tx) == last


def test_a_setting_is_set_by_who_saw_the_last_value(db):
    with db.write() as tx:
        assert settings.get_setting(tx, "policy") is None
        first = settings.put_setting(tx, "policy", {"max": 1}, actor="u_1", version=0)
        with pytest.raises(Changed, match="version 0, it is at 1"):
            settings.put_setting(tx, "policy", {"max": 2}, actor="u_2", version=0)
        second = settings.put_setting(tx, "policy", {"max": 2}, actor="u_2", version=first.version)
        assert (second.value, second.actor, second.version) == ({"max": 2}, "u_2", 2)
        assert settings.list_settings(tx) == (second,)
