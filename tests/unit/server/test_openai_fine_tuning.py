"""Training files and fine-tunings through the real `openai` client, before an application in this process."""

from __future__ import annotations

import io
import json

import openai
import pytest

from engram.schema.event import Event
from engram.server.fine_tuned import deploy_published
from engram.store.ingest import append
from engram.store.records import attempts, datasets, fine_tunings, runs, settings

CHATS = [
    {"messages": [{"role": "user", "content": f"kettle {n}"}, {"role": "assistant", "content": f"descale {n}"}]}
    for n in range(20)
]


def jsonl(rows):
    return "".join(json.dumps(one) + "\n" for one in rows).encode()


@pytest.fixture(scope="module")
def clients(house):
    return {
        name: openai.OpenAI(base_url="http://127.0.0.1:1/v1", api_key=key, http_client=house.client, max_retries=0)
        for name, key in house.keys.items()
    }


@pytest.fixture(scope="module")
def ann(clients):
    return clients["ann"]


@pytest.fixture(scope="module")
def chats(ann):
    return ann.files.create(file=("chats.jsonl", jsonl(CHATS)), purpose="fine-tune")


def test_a_training_file_is_a_dataset_of_the_home(house, ann, chats):
    assert (chats.filename, chats.bytes, chats.purpose) == ("chats.jsonl", len(jsonl(CHATS)), "fine-tune")
    with house.platform.db.read() as tx:
        found = datasets.get_dataset(tx, chats.id)
    kept = house.platform.home / "datasets" / found.digest.removeprefix("sha256:") / "data.jsonl"
    assert kept.read_bytes() == jsonl(CHATS) == ann.files.content(chats.id).content
    assert (found.rows, found.body["form"], found.owner) == (20, "messages", house.ids["ann"])
    assert list((house.platform.home / "uploads").iterdir()) == []


def test_files_are_listed_page_by_page_and_deleted(ann):
    made = [ann.files.create(file=(f"{n}.jsonl", jsonl(CHATS[: n + 1])), purpose="fine-tune").id for n in range(3)]
    listed = [one.id for one in ann.files.list(limit=1)]
    assert listed[:3] == made[::-1]
    assert ann.files.delete(made[0]).deleted
    assert made[0] not in [one.id for one in ann.files.list()]
    with pytest.raises(openai.NotFoundError):
        ann.files.retrieve(made[0])


def test_the_files_of_others_do_not_exist(clients, chats):
    for name in ("bob", "eve"):
        assert chats.id not in [one.id for one in clients[name].files.list()]
        for ask in (clients[name].files.retrieve, clients[name].files.content):
            with pytest.raises(openai.NotFoundError, match="There is no file"):
                ask(chats.id)
    with pytest.raises(openai.NotFoundError):
        clients["bob"].fine_tuning.jobs.create(model="made:causal", training_file=chats.id)
    with pytest.raises(openai.PermissionDeniedError):
        clients["eve"].files.create(file=("a.jsonl", jsonl(CHATS)), purpose="fine-tune")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no rows"),
        (b"{not json\n", r"bad\.jsonl:1: this is no JSON"),
        (jsonl([*CHATS[:2], {"text": "a"}]), r"bad\.jsonl:3: a row has"),
        (jsonl([CHATS[0], {"prompt": "a", "completion": "b"}]), "another form|of the form prompt_completion"),
        (jsonl([{"messages": [{"role": "user", "content": "a"}]}]), "must be the assistant's"),
        (jsonl([{"messages": [{"role": "root", "content": "a"}]}]), "each message has a role"),
        (jsonl([{"prompt": "a", "completion": 7}]), "are texts"),
        (b"[" * 100_000 + b"\n", "this is no JSON"),
        (b'{"prompt": "' + b"a" * 2**20 + b'"}\n', "more than 1048576 bytes"),
    ],
)
def test_a_file_that_can_not_be_learned_from_names_its_line_and_leaves_nothing(house, ann, content, said):
    before = [one.id for one in ann.files.list()]
    with pytest.raises(openai.BadRequestError, match=said):
        ann.files.create(file=("bad.jsonl", content), purpose="fine-tune")
    assert [one.id for one in ann.files.list()] == before
    assert list((house.platform.home / "uploads").iterdir()) == []


def test_a_purpose_a_field_and_a_form_that_are_not_known_are_refused(house, ann):
    with pytest.raises(openai.BadRequestError, match="fine-tune"):
        ann.files.create(file=("a.jsonl", jsonl(CHATS)), purpose="assistants")
    with pytest.raises(openai.BadRequestError, match="expires_after"):
        ann.files.create(
            file=("a.jsonl", jsonl(CHATS)), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
        )
    key = {"Authorization": f"Bearer {house.keys['ann']}"}
    for more in (
        {"json": {"purpose": "fine-tune"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
    ):
        told = house.client.post("/v1/files", **{**more, "headers": {**key, **more.get("headers", {})}})
        assert told.status_code == 400
        assert "multipart" in told.json()["error"]["message"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\x00b", "", "é" * 400])
def test_a_files_name_is_a_label_and_never_a_place(house, ann, name):
    made = ann.files.create(file=(name or "x", io.BytesIO(jsonl(CHATS))), purpose="fine-tune")
    assert "/" not in made.filename
    assert "\\" not in made.filename
    assert ann.files.content(made.id).content == jsonl(CHATS)


def test_a_file_beyond_the_quota_is_refused(house, ann, chats):
    with house.platform.db.write() as tx:
        settings.put_setting(tx, "quota.user_bytes", 100, actor="test")
    try:
        with pytest.raises(openai.APIStatusError, match="0 of them free") as told:
            ann.files.create(file=("a.jsonl", jsonl(CHATS)), purpose="fine-tune")
        assert (told.value.status_code, told.value.body["code"]) == (413, "insufficient_quota")
    finally:
        with house.platform.db.write() as tx:
            settings.put_setting(tx, "quota.user_bytes", 2**40, actor="test")


@pytest.fixture
def tuning(ann, chats):
    return ann.fine_tuning.jobs.create(
        model="made:causal",
        training_file=chats.id,
        suffix="Kettles",
        seed=7,
        hyperparameters={"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5},
    )


def test_a_fine_tuning_is_a_queued_run_of_a_recipe_with_those_rows(house, ann, chats, tuning):
    assert (tuning.status, tuning.fine_tuned_model, tuning.model) == ("queued", None, "made:causal")
    with house.platform.db.read() as tx:
        body = runs.get_run(tx, tuning.id).body
    (source,) = body["data"]["sources"]
    with house.platform.db.read() as tx:
        assert source["dataset"] == datasets.get_dataset(tx, chats.id).digest
    train = body["train"]
    assert (train["num_train_epochs"], train["per_device_train_batch_size"], train["seed"]) == (2, 4, 7)
    assert train["learning_rate"] == pytest.approx(0.5 * 2e-3)
    assert body["data"]["format"] == "messages"
    assert ann.fine_tuning.jobs.retrieve(tuning.id).hyperparameters.n_epochs == 2
    assert tuning.id in [one.id for one in ann.fine_tuning.jobs.list(limit=1)]


def test_validation_rows_of_ones_own_are_the_part_valid(house, ann, chats):
    more = ann.files.create(file=("v.jsonl", jsonl(CHATS[:5])), purpose="fine-tune")
    made = ann.fine_tuning.jobs.create(
        model="custom_generate",
        training_file=chats.id,
        validation_file=more.id,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    )
    with house.platform.db.read() as tx:
        data = runs.get_run(tx, made.id).body["data"]
    assert [one["part"] for one in data["sources"]] == [None, "valid"]
    assert data["split"]["valid"] == 0
    pairs = ann.files.create(file=("p.jsonl", jsonl([{"prompt": "a", "completion": "b"}])), purpose="fine-tune")
    with pytest.raises(openai.BadRequestError, match="another form"):
        ann.fine_tuning.jobs.create(model="made:causal", training_file=chats.id, validation_file=pairs.id)


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"model": "gpt-4o-mini"}, openai.BadRequestError, "Unknown base model"),
        ({"model": "quickstart"}, openai.BadRequestError, "models that write text"),
        ({"model": "../../etc"}, openai.BadRequestError, "Unknown base model"),
        ({"model": "/etc"}, openai.BadRequestError, "Unknown base model"),
        ({"training_file": "d_nothing"}, openai.NotFoundError, "There is no file"),
        ({"suffix": "a/b"}, openai.BadRequestError, "suffix"),
        ({"hyperparameters": {"n_epochs": 0}}, openai.BadRequestError, "n_epochs"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, openai.BadRequestError, "integrations"),
        ({"method": {"type": "dpo"}}, openai.BadRequestError, "method"),
    ],
)
def test_what_can_not_be_taught_is_refused_in_words(ann, chats, more, error, said):
    with pytest.raises(error, match=said):
        ann.fine_tuning.jobs.create(**{"model": "made:causal", "training_file": chats.id, **more})


def test_a_fine_tuning_that_waits_is_cancelled_at_once(ann, clients, tuning):
    with pytest.raises(openai.NotFoundError):
        clients["bob"].fine_tuning.jobs.cancel(tuning.id)
    assert ann.fine_tuning.jobs.cancel(tuning.id).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        ann.fine_tuning.jobs.cancel(tuning.id)


def begun(house, run):
    with house.platform.db.write() as tx:
        attempt = attempts.start_attempt(tx, run, runner="local", seconds=60)
        runs.step_run(tx, run, "running")
    return attempt


def test_what_a_run_says_are_events_and_checkpoints_newest_first(house, ann, clients, tuning):
    attempt = begun(house, tuning.id)
    bodies = [
        ("data", "started", {}),
        ("train", "progress", {"what": "rows", "done": 1, "total": 2}),
        ("train", "metric", {"step": 5, "total": 10, "loss": 1.25, "tokens_per_second": 9}),
        ("train", "checkpoint", {"step": 5, "folder": "checkpoint-5"}),
        ("train", "checkpoint", {"step": 10, "folder": "checkpoint-10"}),
        ("train", "verdict", {"decision": "advance", "failed": []}),
    ]
    said = [
        Event(tuning.id, attempt.attempt, attempt.epoch, n, "2026-01-01T00:00:00.000000Z", stage, kind, body)
        for n, (stage, kind, body) in enumerate(bodies)
    ]
    with house.platform.db.write() as tx:
        append(tx, attempts.get_attempt(tx, tuning.id, attempt.attempt), said)
    told = list(ann.fine_tuning.jobs.list_events(tuning.id, limit=2))
    assert (told[0].message, told[-1].message) == ("Gate of train: advance", "Started: data")
    assert len(told) == 5
    assert "Step 5/10: loss 1.25" in [one.message for one in told]
    steps = [one.step_number for one in ann.fine_tuning.jobs.checkpoints.list(tuning.id, limit=1)]
    assert steps == [10, 5]
    with pytest.raises(openai.NotFoundError):
        clients["bob"].fine_tuning.jobs.list_events(tuning.id)


@pytest.mark.parametrize(
    ("state", "stage", "status"),
    [
        ("running", "data", "validating_files"),
        ("running", "train", "running"),
        ("awaiting_review", "train", "running"),
        ("lost_contact", "train", "running"),
        ("cancelled", "train", "cancelled"),
        ("failed_user", "data", "failed"),
        ("refused", "evaluate", "failed"),
    ],
)
def test_the_states_of_a_run_are_the_six_of_a_fine_tuning(house, ann, tuning, state, stage, status):
    begun(house, tuning.id)
    with house.platform.db.write() as tx:
        if state == "running":
            runs.change_run(tx, tuning.id, stage=stage)
        else:
            runs.step_run(tx, tuning.id, state, stage=stage, reason="loss: 4.1 is not below 3.9")
    found = ann.fine_tuning.jobs.retrieve(tuning.id)
    assert found.status == status
    if status == "failed":
        assert found.error.code == state
        assert found.error.message == f"Stage {stage}: loss: 4.1 is not below 3.9"


def published(house, run):
    """Publish something for a run, as an attempt does."""
    digest = house.deploy(f"made-{run[-6:].lower()}")
    begun(house, run)
    with house.platform.db.write() as tx:
        runs.change_run(tx, run, artifact=digest)
        runs.step_run(tx, run, "published")
    return digest


def test_what_is_published_is_deployed_once_under_its_name_and_in_the_ledger(house, ann, tuning):
    digest = published(house, tuning.id)
    assert ann.fine_tuning.jobs.retrieve(tuning.id).status == "running"
    before = house.platform.ledger.size
    for _ in range(2):
        deploy_published(house.platform)
    done = ann.fine_tuning.jobs.retrieve(tuning.id)
    assert (done.status, done.fine_tuned_model) == ("succeeded", f"ft-made-causal-kettles-{tuning.id[-8:].lower()}")
    assert house.platform.ledger.size == before + 1
    assert house.platform.ledger.entry(before).body["artifact"] == digest
    asked = [{"role": "user", "content": "hi"}]
    assert ann.chat.completions.create(model=done.fine_tuned_model, messages=asked).choices[0].message.content


def test_what_can_not_be_deployed_fails_with_the_reason(house, ann, tuning):
    published(house, tuning.id)
    with house.platform.db.read() as tx:
        name = fine_tunings.maybe_fine_tuning(tx, tuning.id).name
    house.deploy(name, owner="bob")
    deploy_published(house.platform)
    found = ann.fine_tuning.jobs.retrieve(tuning.id)
    assert (found.status, found.error.code) == ("failed", "deployment_failed")
