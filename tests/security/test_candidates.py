"""What trainers hand in: two files by name, in pieces, looked at before anybody opens them; all else is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.platforms import (
    ask,
    begun,
    events,
    hand_in,
    host_attempt,
    metric,
    opened,
    prepared,
    record,
    state_of,
    tell,
    template,
    trained,
    upload,
    weights,
)

from engram.files import sha256_bytes
from engram.schema.event import Event
from engram.store.records import attempts, runs


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("house")) as platform:
        platform.template = template(platform, "mails")
        yield platform


@pytest.fixture
def took(here):
    """What Ann's trainer was answered when it took a prepared run over."""
    run = begun(here, here.template)
    prepared(here, run)
    return trained(here, run)


def test_a_file_arrives_in_pieces_that_may_be_sent_again(here, took):
    content = weights()
    size, digest, half = len(content), sha256_bytes(content), len(content) // 2
    for piece, offset, received in (
        (b"", 0, 0),
        (content[:half], 0, half),
        (content[:half], 0, half),  # its answer was lost
        (content[half:], half + 1, half),  # a gap
        (content[half:], half, size),
        (content[half:], half, size),
        (b"", 0, size),
    ):
        said = upload(here, took, "weights.safetensors", piece, offset=offset, size=size, digest=digest)
        assert (said.status_code, said.json()["received"]) == (200, received), said.text


@pytest.mark.parametrize(
    ("file", "content", "status"),
    [
        ("weights.bin", b"x", 422),
        ("model.pt", b"x", 422),
        ("../candidate.json", b"{}", 422),
        ("/etc/cron.d/x", b"{}", 422),
        ("checkpoint-1/weights.safetensors", b"x", 422),
        ("weights.safetensors", b"\x80\x04\x95canary.", 409),  # a pickle under another name
        ("weights.safetensors", b"PK\x03\x04" + b"\0" * 40, 409),
        ("weights.safetensors", (1 << 40).to_bytes(8, "little") + b"{}", 409),
        ("candidate.json", b"not json", 409),
        ("candidate.json", b"[" * 60_000, 409),
    ],
)
def test_anything_but_weights_and_record_is_refused(here, took, file, content, status):
    assert upload(here, took, file, content).status_code == status
    left = [
        path.name for path in here.folder(took["run"]).path.rglob("*") if "incoming" in str(path) and path.is_file()
    ]
    assert left == []


def test_what_is_too_large_or_has_no_room_is_refused_before_it_is_written(here, took, monkeypatch):
    for file, size in (("candidate.json", 2**20), ("weights.safetensors", 2**50), ("weights.safetensors", 0)):
        assert upload(here, took, file, b"x", size=size).status_code == 409
    assert upload(here, took, "weights.safetensors", b"xyz", size=2).status_code == 422
    full = type("Usage", (), {"free": 10, "total": 1000})
    monkeypatch.setattr("engram.server.candidates.shutil.disk_usage", lambda path: full)
    told = upload(here, took, "weights.safetensors", weights())
    assert (told.status_code, "no room" in told.json()["detail"]) == (409, True)
    assert not list(here.folder(took["run"]).path.glob("incoming-*/*"))


def test_a_damaged_file_is_not_taken_and_begins_anew(here, took):
    content = weights()
    told = upload(here, took, "weights.safetensors", content, digest=sha256_bytes(b"another"))
    assert (told.status_code, told.json()["error"]) == (409, "Changed")
    assert upload(here, took, "weights.safetensors", content).json()["received"] == len(content)


def test_to_have_succeeded_without_a_candidate_is_nothing(here, took):
    done = Event(took["run"], took["attempt"], took["epoch"], 0, "2026-01-01T00:00:00.000000Z", "train", "finished", {})
    assert events(here, took, done).status_code == 200
    for said in (f"/models/{took['run']}/certify", "/modulation/complete"):
        body = {"epoch": took["epoch"], **({"run": took["run"]} if "complete" in said else {})}
        told = ask(here, took["key"], "POST", said, body)
        assert (told.status_code, told.json()["error"]) == (409, "Refused"), told.text
    assert state_of(here, took["run"]) == "running"
    assert not here.folder(took["run"]).candidate.exists()


@pytest.mark.parametrize(
    "lie",
    [
        {"run": "r_" + "B" * 26},
        {"weights": sha256_bytes(b"others")},
        {"checkpoint": "../../keys"},
        {"checkpoint": "checkpoint-1/../.."},
        {"format": "engram.candidate/2"},
        {"best_valid_loss": "very small"},
        {"best_valid_loss": [0.1]},
        {"steps": -1},
        {"threads": True},
        {"precision": "fp8"},
        {"verdict": "advance"},
    ],
)
def test_a_record_that_lies_or_leads_elsewhere_is_refused(here, took, lie):
    content = weights()
    told = hand_in(here, took, content, {**record(took["run"], content), **lie})
    assert (told.status_code, told.json()["error"]) == (409, "Refused"), told.text
    assert not here.folder(took["run"]).candidate.exists()
    assert state_of(here, took["run"]) == "running"


def test_a_candidate_is_handed_in_once_and_goes_back_into_the_queue(here, took):
    events(here, took, metric(took, 0, loss=0.5))
    content = weights()
    told = hand_in(here, took, content, record(took["run"], content))
    assert (told.status_code, told.json()["state"], told.json()["handed_in"]) == (200, "queued", True), told.text
    folder = here.folder(took["run"])
    assert (folder.checkpoints / "checkpoint-10" / "weights.safetensors").read_bytes() == content
    assert not list(folder.path.glob("incoming-*"))
    journal = (folder.attempt(took["attempt"]) / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in journal] == [0]
    again = ask(here, took["key"], "POST", f"/models/{took['run']}/certify", {"epoch": took["epoch"]})
    assert again.json() == told.json()
    assert (told.json()["artifact"], told.json()["certificate"]) == ("", None)
    assert ask(here, "ann", "POST", "/modulation/start", {"run": took["run"]}).json()["next"] == "judging"
    assert upload(here, took, "weights.safetensors", weights(1)).status_code == 422
    with here.db.read() as tx:
        assert runs.next_queued(tx) is not None
    host_attempt(here, took["run"])
    late = events(here, took, metric(took, 1))
    assert (late.status_code, late.json()["error"]) == (409, "StaleEpoch")


def test_whatever_a_trainer_tells_of_its_training_the_report_can_be_read(here, took):
    odd = ({}, {"step": "x"}, {"step": 1, "loss": "<script>"}, {"step": 2, "loss": 1e308}, {"step": -5, "loss": 1.0})
    for number, body in enumerate(odd):
        one = metric(took, number)
        assert events(here, took, replace(one, body=body)).status_code == 200
    content = weights()
    hand_in(here, took, content, record(took["run"], content))
    path = f"/models/{took['run']}/download"
    page = ask(here, "ann", "GET", path, params={"what": "report", "file": "report.html"})
    assert (page.status_code, "<script>" in page.text.split("</style>")[1].split("</main>")[0]) == (200, False)
    names = [one["path"] for one in ask(here, "ann", "GET", path, params={"what": "report"}).json()["files"]]
    assert {"report.html", "reports/data.json", "verdicts/data.json"} <= set(names)
    for key, status in ((here.texts["bob"], 404), (here.texts["eve"], 404)):
        assert ask(here, key, "GET", path, params={"what": "report"}).status_code == status


def test_a_stopped_attempt_hands_nothing_in(here, took):
    one = attempts.Attempt(took["run"], took["attempt"], took["epoch"], "active", "", "", 0, 0, 0, 0, 1)
    assert tell(here, took["key"], one, took["run"], "failed_user", "train", "no memory").status_code == 200
    assert upload(here, took, "weights.safetensors", weights()).status_code == 422
    told = ask(here, took["key"], "POST", f"/models/{took['run']}/certify", {"epoch": took["epoch"]})
    assert told.status_code == 422


def test_what_failed_after_the_candidate_goes_on_when_the_trainer_is_started_again(here, took):
    content = weights()
    hand_in(here, took, content, record(took["run"], content))
    one, key = host_attempt(here, took["run"])
    for state in ("running", "failed_platform"):
        assert tell(here, key, one, took["run"], state, "evaluate", "the disk").status_code == 200
    assert ask(here, "ann", "POST", "/modulation/start", {"run": took["run"]}).json()["next"] == "ended"
    again = ask(here, "ann", "POST", "/modulation/start", {"run": took["run"], "resume": True}).json()
    assert (again["next"], again["state"]) == ("judging", "queued")
