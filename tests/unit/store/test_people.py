"""Users, roles, logins and keys."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from engram.errors import Changed, Conflict, NotFound
from engram.store import tables
from engram.store.database import now
from engram.store.pages import Ask
from engram.store.records import api_keys, logins, roles, runs, users

HOUR = 3_600_000_000


def test_a_user_is_made_found_changed_and_listed(db):
    with db.write() as tx:
        ann = users.create_user(tx, name="ann", role="Admin", email="a@x", password_hash="argon")
        assert (ann.version, ann.disabled, ann.created) == (1, None, ann.updated)
        assert users.find_user(tx, "ann") == users.get_user(tx, ann.id) == ann
        assert users.find_user(tx, "Ann") is None
        assert users.password_hash(tx, ann.id) == "argon"
        assert users.password_hash(tx, "u_none") is None
        changed = users.change_user(tx, ann.id, version=1, role="Viewer", title="Ann")
        assert (changed.role, changed.title, changed.version, changed.email) == ("Viewer", "Ann", 2, "a@x")
        with pytest.raises(Changed, match="version 1, it is at 2"):
            users.change_user(tx, ann.id, version=1, role="Admin")
        with pytest.raises(NotFound):
            users.change_user(tx, "u_none", role="Admin")
        assert users.list_users(tx, Ask(equal={"role": "Viewer"})).items == (changed,)
        assert users.list_users(tx, Ask(prefix={"name": "b"})).items == ()


def test_a_hash_never_travels_with_the_user(db):
    with db.write() as tx:
        assert "argon" not in repr(users.create_user(tx, name="ann", role="Admin", password_hash="argon"))


def test_a_name_and_a_subject_are_taken_once_and_the_transaction_goes_on(db):
    with db.write() as tx:
        users.create_user(tx, name="ann", role="Admin", provider="idp", subject="1")
        with pytest.raises(Conflict, match="such a user already"):
            users.create_user(tx, name="ann", role="Viewer")
        with pytest.raises(Conflict):
            users.create_user(tx, name="other", role="Viewer", provider="idp", subject="1")
        users.create_user(tx, name="bob", role="Viewer")
        users.create_user(tx, name="cid", role="Viewer")
        assert users.find_external(tx, "idp", "1").name == "ann"
        assert users.find_external(tx, "idp", "2") is None
        assert (users.count_users(tx), users.count_users(tx, "Viewer")) == (3, 2)


def test_an_erased_user_leaves_an_empty_row_and_a_free_name(db):
    with db.write() as tx:
        ann = users.create_user(tx, name="ann", role="Admin", email="a@x", password_hash="h", provider="p", subject="s")
        gone = users.erase_user(tx, ann.id, now(tx))
        assert "ann" not in repr(gone)
        assert "a@x" not in repr(gone)
        assert gone.disabled is not None
        assert users.password_hash(tx, ann.id) is None
        assert users.find_external(tx, "p", "s") is None
        assert users.create_user(tx, name="ann", role="Viewer").id != ann.id
        assert users.count_users(tx) == 1


def test_a_role_is_made_changed_and_removed_when_nobody_has_it(db):
    with db.write() as tx:
        made = roles.create_role(tx, "Reader", {"runs.list": "own", "runs.get": "any"})
        assert made.reach == {"runs.get": "any", "runs.list": "own"}
        with pytest.raises(Conflict):
            roles.create_role(tx, "Reader", {})
        assert roles.change_role(tx, "Reader", {"x": "own"}, version=1).reach == {"x": "own"}
        with pytest.raises(Changed):
            roles.change_role(tx, "Reader", {"y": "own"}, version=1)
        with pytest.raises(Changed):
            roles.delete_role(tx, "Reader", version=1)
        ann = users.create_user(tx, name="ann", role="Reader")
        with pytest.raises(Conflict, match="1 users have the role"):
            roles.delete_role(tx, "Reader")
        users.change_user(tx, ann.id, role="Viewer")
        roles.delete_role(tx, "Reader")
        assert roles.list_roles(tx) == ()
        with pytest.raises(NotFound):
            roles.delete_role(tx, "Reader")


def login(tx, owner, token="t0", **said):
    return logins.create_login(tx, owner=owner, token_hash=token, expires=now(tx) + HOUR, **said)


def test_a_refresh_token_is_exchanged_once_after_the_other(db, ann):
    with db.write() as tx:
        first = login(tx, ann, user_agent="browser", address="::1")
        assert first.family == first.id
        second = logins.rotate(tx, "t0", "t1", expires=now(tx) + HOUR).login
        third = logins.rotate(tx, "t1", "t2", expires=now(tx) + HOUR).login
        assert {second.family, third.family} == {first.family}
        assert logins.is_alive(tx, first.family)
        assert logins.list_logins(tx, Ask(visible_to=ann)).items == (third,)
        assert logins.find_family(tx, first.family) == third
        assert logins.find_family(tx, "none") is None
        assert len(logins.list_logins(tx, Ask(visible_to=ann), alive=False).items) == 3
        assert logins.list_logins(tx, Ask(visible_to="u_other"), alive=False).items == ()


def test_a_token_that_comes_a_second_time_ends_its_family_and_the_end_is_kept(db, ann):
    with db.write() as tx:
        first, other = login(tx, ann), login(tx, ann, "other")
        logins.rotate(tx, "t0", "t1", expires=now(tx) + HOUR)
    with db.write() as tx:
        assert logins.rotate(tx, "t0", "stolen", expires=now(tx) + HOUR) == logins.Rotation(None, reused=True)
    with db.write() as tx:
        assert not logins.is_alive(tx, first.family)
        assert logins.rotate(tx, "t1", "t2", expires=now(tx) + HOUR) == logins.Rotation(None)
        assert logins.is_alive(tx, other.family)


@pytest.mark.parametrize("end", ["never given", "expired", "revoked"])
def test_a_token_that_is_not_good_gives_no_login(db, ann, end):
    with db.write() as tx:
        login(tx, ann)
        if end == "expired":
            tx.execute(update(tables.logins).values(expires=now(tx)))
        if end == "revoked":
            assert logins.revoke_all(tx, ann) == 1
            assert logins.revoke_all(tx, ann) == 0
        token = "other" if end == "never given" else "t0"
        assert logins.rotate(tx, token, "t1", expires=now(tx) + HOUR) == logins.Rotation(None)


def test_old_logins_are_forgotten_and_others_are_hidden(db, ann):
    with db.write() as tx:
        made = login(tx, ann)
        assert logins.get_login(tx, made.id, visible_to=ann) == made
        with pytest.raises(NotFound):
            logins.get_login(tx, made.id, visible_to="u_other")
        assert logins.forget_logins(tx, made.expires) == 0
        assert logins.forget_logins(tx, made.expires + 1) == 1


def key(tx, owner, digest="d", **said):
    return api_keys.create_key(
        tx, owner=owner, name="ci", prefix=f"eng_{digest}", digest=digest, scopes=["b", "a"], **said
    )


def test_a_key_is_found_by_its_digest_and_ends_once(db, ann):
    with db.write() as tx:
        made = key(tx, ann, expires=now(tx) + HOUR)
        assert made.scopes == ("a", "b")
        assert api_keys.find_key(tx, "d") == made
        assert api_keys.find_key(tx, "e") is None
        assert made.is_valid(now(tx))
        assert not made.is_valid(made.expires)
        with pytest.raises(Conflict):
            key(tx, ann)
        with pytest.raises(NotFound):
            api_keys.revoke_key(tx, made.id, visible_to="u_other")
        ended = api_keys.revoke_key(tx, made.id, visible_to=ann)
        assert not ended.is_valid(now(tx))
        assert api_keys.revoke_key(tx, made.id).revoked == ended.revoked
        assert "d" not in {field for field in vars(made).values() if isinstance(field, str)}


def test_the_keys_of_a_user_end_together_and_those_of_attempts_go_on(db, ann):
    with db.write() as tx:
        hers = key(tx, ann)
        run = runs.create_run(tx, id="r_1", recipe="x", owner=ann, kind="k", task="t", body={}, recipe_digest="d")
        attempts = key(tx, ann, "e", run=run.id, epoch=1)
        assert api_keys.revoke_owner_keys(tx, ann) == 1
        assert api_keys.get_key(tx, hers.id).revoked is not None
        assert api_keys.get_key(tx, attempts.id).revoked is None
        assert api_keys.revoke_owner_keys(tx, ann) == 0


def test_a_keys_use_is_noted_once_a_minute(db, ann):
    with db.write() as tx:
        made = key(tx, ann)
        assert made.used is None
        api_keys.note_use(tx, made)
        used = api_keys.get_key(tx, made.id)
        assert used.used is not None
        tx.execute(update(tables.api_keys).values(used=used.used - 5))
        api_keys.note_use(tx, used)
        assert api_keys.get_key(tx, made.id).used == used.used - 5
        tx.execute(update(tables.api_keys).values(used=used.used - api_keys.USED_EVERY))
        api_keys.note_use(tx, api_keys.get_key(tx, made.id))
        assert api_keys.get_key(tx, made.id).used >= used.used


def test_keys_of_earlier_epochs_end_together(db, ann):
    with db.write() as tx:
        run = runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={}).id
        made = [key(tx, ann, f"d{epoch}", run=run, epoch=epoch) for epoch in (1, 2, 3)]
        mine = key(tx, ann, "mine")
        assert api_keys.revoke_run_keys(tx, run, below=3) == 2
        alive = [one.id for one in (*made, mine) if api_keys.get_key(tx, one.id).revoked is None]
        assert alive == [made[2].id, mine.id]
        with pytest.raises(NotFound, match="not there"):
            key(tx, ann, "x", run="r_none", epoch=1)
