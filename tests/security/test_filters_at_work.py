"""Content filters through the real routes and a real gRPC core: predictions, streams, datasets, settings, the log."""

from __future__ import annotations

import base64
import json

import pytest
from support.filtered import PLANTED, scene_of

from engram.errors import Blocked, ServerAway, VerificationFailed
from engram.files import sha256_bytes
from engram.security.filters.built_in import BUILT_IN
from engram.security.principal import Principal
from engram.server.access import Caller
from engram.server.answering import write
from engram.server.filtering import scan, text_of
from engram.store.records.deployments import find_deployment
from engram.store.records.settings import put_setting

RULE = {"id": "no-badword", "pattern": r"\bbadword\b", "action": "block"}
SOFT = {"id": "soft", "pattern": r"\bgosh\b", "action": "flag"}
DISGUISES = {
    "as it is": "a badword here",
    "capitals": "BADWORD",
    "homoglyphs": "b\u0430dw\u043erd",
    "zero-width": "bad\u200bwo\u200drd",
    "split tokens": "b a d w o r d",
    "split by dots": "b.a.d.w.o.r.d",
    "base64": base64.b64encode(b"this is a badword in base64").decode(),
    "full width": "\uff42\uff41\uff44\uff57\uff4f\uff52\uff44",
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with scene_of(tmp_path_factory.mktemp("filters")) as found:
        yield found


@pytest.fixture(autouse=True)
def rules(scene):
    """Every test begins with the same two rules, everywhere."""
    assert scene.set_filters(rules=[RULE, SOFT]).status_code == 200


def predict(scene, *inputs, how="predict", **headers):
    return scene.ask("ann", "POST", f"/deployments/echo/{how}", {"inputs": list(inputs)}, **headers)


def newest(scene, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return scene.ask("root", "GET", f"/filters/decisions?limit=1&{asked}").json()["items"][0]


# Requests


@pytest.mark.parametrize("what", DISGUISES)
@pytest.mark.parametrize("how", ["predict", "stream"])
def test_no_disguise_reaches_a_model(scene, what, how):
    answer = predict(scene, DISGUISES[what], *(["fine"] if how == "predict" else []), how=how)
    assert (answer.status_code, answer.json()["error"]) == (422, "Blocked")
    assert "no-badword" in answer.json()["detail"] and "badword here" not in answer.text


@pytest.mark.parametrize(
    "shape", [["b", "a", "d", "w", "o", "r", "d"], {"text": {"deep": ["x", "badword"]}}, {"badword": 1}]
)
def test_every_text_of_an_input_is_read_whatever_its_shape(scene, shape):
    assert predict(scene, shape).status_code == 422


def test_a_megabyte_is_read_to_its_end(scene):
    assert predict(scene, "fine words " * 95_000).status_code == 200
    assert predict(scene, "fine words " * 95_000 + "badword").status_code == 422


def test_what_is_fine_passes_and_leaves_no_line(scene):
    before = scene.ask("root", "GET", "/filters/decisions").json()["items"]
    answer = predict(scene, "Where is my parcel?", {"n": 7})
    assert [one["text"] for one in answer.json()["answers"]] == ["Where is my parcel?", {"n": 7}]
    assert scene.ask("root", "GET", "/filters/decisions").json()["items"] == before


def test_a_decision_leaves_its_digest_and_never_the_text(scene):
    predict(scene, "my badword", **{"X-Request-ID": "mine-7"})
    line = newest(scene)
    assert line["digest"] == sha256_bytes(b"my badword")
    assert (line["request"], line["user"], line["subject"]) == ("mine-7", scene.ids["ann"], "echo")
    assert (line["side"], line["action"], line["rule"], line["stage"]) == ("request", "block", "no-badword", "patterns")
    stored = b"".join(path.read_bytes() for path in scene.platform.home.glob("*.db*"))
    assert stored and b"my badword" not in stored


def test_a_flag_lets_the_text_pass_and_is_noted(scene):
    assert predict(scene, "oh gosh").status_code == 200
    assert newest(scene, action="flag")["rule"] == "soft"


def test_filters_that_are_off_look_at_nothing(scene):
    assert scene.set_filters(rules=[RULE], on=[]).status_code == 200
    assert predict(scene, "badword").status_code == 200


# Responses; the model repeats what it is asked, so requests are not looked at


@pytest.fixture
def only_responses(scene):
    assert scene.set_filters(rules=[RULE], on=["responses"]).status_code == 200


@pytest.mark.parametrize("what", DISGUISES)
def test_no_disguise_leaves_a_model(scene, only_responses, what):
    answer = predict(scene, "fine", DISGUISES[what])
    assert (answer.status_code, answer.json()["error"]) == (422, "Blocked")
    assert newest(scene)["side"] == "response"


@pytest.mark.parametrize("what", DISGUISES)
def test_no_disguise_leaves_in_a_stream(scene, only_responses, what):
    before = "a fine beginning " * 40
    lines = predict(scene, f"{before}{DISGUISES[what]} and on " + "it goes " * 80, how="stream").text.splitlines()
    *good, last = map(json.loads, lines)
    assert last["error"] == "Blocked" and "no-badword" in lines[-1]
    assert good and before.startswith("".join(one["piece"] for one in good))


def written(scene, text):
    """Return what came out, piece by piece, before the answer itself or an error."""
    who = Caller(Principal(scene.ids["ann"], "developer"), "deployments.stream")
    with scene.platform.db.read() as tx:
        found = find_deployment(tx, "echo")
    out = []
    try:
        out.extend(write(scene.platform, who, found, text).said)
    except Blocked:
        return out, True
    return out, False


@pytest.mark.parametrize("what", DISGUISES)
def test_no_disguise_is_let_out_letter_by_letter(scene, only_responses, what):
    before = "a fine beginning " * 40
    out, blocked = written(scene, f"{before}{DISGUISES[what]} and on " + "it goes " * 80)
    assert blocked and "".join(out) and before.startswith("".join(out))


def test_what_is_fine_is_let_out_whole_before_its_end(scene, only_responses):
    text = "a fine answer " * 100
    *pieces, answer = written(scene, text)[0]
    assert ("".join(pieces), answer) == (text, {"text": text})
    assert len(pieces) > 1


# The classifier: trained on texts with a planted term, deployed as an artifact, asked through gRPC


@pytest.fixture
def classifier(scene):
    said = {"artifact": scene.planted, "thresholds": [{"label": "bad", "at_least": 0.5, "action": "block"}]}
    answer = scene.set_filters(rules=[], classifier=said)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "looks"


@pytest.mark.parametrize(
    "text", [f"late parcel {PLANTED}", "late par\u200bcel zor\u200bblax", "filling " * 3000 + PLANTED]
)
def test_a_planted_term_that_no_pattern_knows_is_blocked(scene, classifier, text):
    assert predict(scene, "late parcel lost").status_code == 200
    for how in ("predict", "stream"):
        answer = predict(scene, text, how=how)
        assert (answer.status_code, answer.json()["error"]) == (422, "Blocked")
    assert (newest(scene)["rule"], newest(scene)["stage"], newest(scene)["classifier"]) == (
        "bad",
        "classifier",
        "looked",
    )


def test_a_planted_term_is_blocked_in_answers_too(scene, classifier):
    body = scene.ask("root", "GET", "/filters").json()
    scene.set_filters(classifier=body["classifier"], on=["responses"])
    assert predict(scene, f"late parcel {PLANTED}").status_code == 422
    assert newest(scene)["side"] == "response"


def test_an_installed_classifier_that_is_down_lets_nothing_pass(scene, classifier, monkeypatch):
    def away(artifact, texts):
        raise ServerAway("There is no core in this home.")

    monkeypatch.setattr(scene.platform.core, "classify", away)
    for how in ("predict", "stream"):
        answer = predict(scene, "late parcel lost", how=how)
        assert answer.status_code == 503
        assert "classifier does not answer" in answer.json()["detail"]
    assert newest(scene)["classifier"] == "down"
    assert "down" in scene.ask("root", "GET", "/filters").json()["state"]
    with pytest.raises(ServerAway):
        scan(scene.platform, Caller(Principal("u_1"), "datasets.check"), "tickets", [(1, "a")])


@pytest.mark.parametrize(
    ("classifier", "status", "what"),
    [
        ({"artifact": "sha256:" + "0" * 64, "thresholds": [{"label": "bad", "at_least": 0.5}]}, 404, "no artifact"),
        ({"artifact": "planted", "thresholds": [{"label": "worse", "at_least": 0.5}]}, 422, "no label 'worse'"),
        ({"artifact": "echo", "thresholds": [{"label": "bad", "at_least": 0.5}]}, 422, "no probabilities"),
        ({"artifact": "planted", "thresholds": [{"label": "bad", "at_least": 0}]}, 422, "from a probability"),
        ({"artifact": "planted", "thresholds": []}, 422, "at least one"),
    ],
)
def test_a_classifier_is_believed_when_it_has_answered(scene, classifier, status, what):
    names = {"planted": scene.planted, "echo": scene.echo}
    wanted = {**classifier, "artifact": names.get(classifier["artifact"], classifier["artifact"])}
    answer = scene.set_filters(classifier=wanted)
    assert (answer.status_code, what in answer.text) == (status, True), answer.text


# Settings, and a text to try


def test_a_home_begins_with_its_own_rules_and_says_that_patterns_work_alone(tmp_path):
    with scene_of(tmp_path) as fresh:
        said = fresh.ask("root", "GET", "/filters").json()
        assert said["rules"] == [dict(one) for one in BUILT_IN]
        assert said["on"] == ["requests", "datasets"]
        assert said["state"] == "none installed: the patterns work alone"
        secrets = ["-----BEGIN EC PRIVATE KEY-----", fresh.keys["ann"], "AKIAIOSFODNN7EXAMPLE"]
        for secret in secrets:
            answer = predict(fresh, f"look: {secret}")
            assert answer.status_code == 422 and secret not in answer.text
        assert predict(fresh, "my card is 4111 1111 1111 1111").status_code == 200
        assert (newest(fresh)["rule"], newest(fresh)["classifier"]) == ("number.card", "none installed")


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=x)", "x*", "(?<!a)b"])
def test_a_bad_pattern_is_named_and_changes_nothing(scene, pattern):
    answer = scene.set_filters(rules=[RULE, {"id": "mine", "pattern": pattern, "action": "block"}])
    assert answer.status_code == 422 and "'mine'" in answer.json()["detail"]
    assert predict(scene, "badword").status_code == 422


def test_two_changes_do_not_cross(scene):
    body = {"rules": [], "classifier": None, "on": [], "version": scene.version - 1}
    assert scene.ask("root", "PUT", "/filters", body).status_code == 409


def test_a_setting_that_was_broken_behind_our_back_closes_the_door(tmp_path):
    with scene_of(tmp_path) as broken:
        with broken.platform.db.write() as tx:
            put_setting(tx, "filters", {"rules": "none"}, actor="u_1")
        assert predict(broken, "fine").status_code == 400
        with pytest.raises(VerificationFailed, match="nothing passes"):
            scan(broken.platform, Caller(Principal("u_1"), "datasets.check"), "tickets", [(1, "a")])


def test_only_an_admin_reads_or_changes_filters(scene):
    body = {"rules": [], "classifier": None, "on": [], "version": scene.version}
    asked = [("GET", "", None), ("PUT", "", body), ("POST", "/test", {"text": "a"}), ("GET", "/decisions", None)]
    assert [scene.ask("ann", method, f"/filters{path}", body).status_code for method, path, body in asked] == [403] * 4


def test_a_text_can_be_tried_and_every_stage_says_what_it_found(scene, classifier):
    said = {"artifact": scene.planted, "thresholds": [{"label": "bad", "at_least": 0.5, "action": "block"}]}
    scene.set_filters(rules=[RULE, SOFT], classifier=said)
    text = f"oh gosh b\u200ba d w o r d {PLANTED} " + base64.b64encode(b"something inside").decode()
    found = scene.ask("root", "POST", "/filters/test", {"text": text}).json()
    assert found["normalise"]["changed"] and found["normalise"]["inside"] >= 1
    assert [one["id"] for one in found["patterns"]] == ["no-badword", "soft"]
    assert found["classifier"]["state"] == "looked" and found["classifier"]["scores"]["bad"] > 0.5
    assert (found["decision"]["action"], found["decision"]["rule"]) == ("block", "no-badword")


# Datasets


def test_a_dataset_is_scanned_in_batches_and_its_rows_are_named(scene):
    texts = [f"row {number}" for number in range(600)]
    texts[3], texts[599] = "oh gosh", DISGUISES["homoglyphs"]
    found = scan(
        scene.platform, Caller(Principal("u_1"), "datasets.check", request="r7"), "tickets", iter(enumerate(texts))
    )
    assert (found.on, found.rows, found.blocked, found.flagged) == (True, 600, 1, 1)
    assert [(row, one.rule) for row, one in found.found] == [(3, "soft"), (599, "no-badword")]
    assert found.classifier == "none installed"
    assert (newest(scene)["side"], newest(scene)["subject"], newest(scene)["request"]) == ("dataset", "tickets", "r7")
    scene.set_filters(rules=[RULE], on=["requests"])
    assert not scan(scene.platform, Caller(Principal("u_1"), "datasets.check"), "tickets", enumerate(texts)).on


def test_a_classifier_is_asked_once_for_each_batch_of_a_dataset(scene, classifier, monkeypatch):
    asked = []
    core = scene.platform.core
    real = core.classify
    monkeypatch.setattr(core, "classify", lambda artifact, texts: asked.append(len(texts)) or real(artifact, texts))
    texts = ["late parcel"] * 127 + [f"parcel {PLANTED}"]
    found = scan(scene.platform, Caller(Principal("u_1"), "datasets.check"), "tickets", enumerate(texts))
    assert (found.blocked, found.found[0][0]) == (1, 127)
    assert asked == [64, 64]


def test_an_uploaded_dataset_is_checked_by_its_owner_line_by_line(scene):
    content = "text,label\nhello,a\n" + f"{DISGUISES['zero-width']},a\noh gosh,b\n"
    whole = {"purpose": "dataset", "name": "mails.csv", "size": len(content.encode())}
    upload = scene.ask("ann", "POST", "/uploads", whole).json()["id"]
    piece = {"Authorization": f"Bearer {scene.keys['ann']}", "Upload-Offset": "0"}
    piece["Content-Type"] = "application/octet-stream"
    scene.client.patch(f"/api/v1/uploads/{upload}", content=content.encode(), headers=piece)
    dataset = scene.ask("ann", "POST", f"/uploads/{upload}/finish", {}).json()["dataset"]["id"]
    said = scene.ask("ann", "POST", f"/datasets/{dataset}/check").json()
    assert (said["on"], said["rows"], said["blocked"], said["flagged"]) == (True, 3, 1, 1)
    assert [(one["line"], one["rule"]) for one in said["found"]] == [(3, "no-badword"), (4, "soft")]
    assert newest(scene)["subject"] == dataset


def test_numbers_are_read_as_texts():
    assert "4111111111111111" in text_of({"card": 4111111111111111})
