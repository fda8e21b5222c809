"""A core over real gRPC on the loopback: who may call it, what it starts, and what its models answer."""

from __future__ import annotations

import json
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from support.artifacts import make_artifact
from support.served import rest

from engram.core.guard import OPERATIONS, shared_secret
from engram.core.models import Models
from engram.core.service import serve
from engram.errors import UserError
from engram.kinds.language.limits import check_lengths
from engram.rpc import core_pb2, core_pb2_grpc
from engram.runners import local
from engram.schema.options import Options

RUN = "r_" + "0" * 26


def upper(folder):
    """A model that answers in capitals letter by letter, and refuses numbers and texts of too many letters."""

    def answer(inputs, options=None):
        if any(not isinstance(one, str) for one in inputs):
            raise UserError("A number is no text.")
        for one, wanted in zip(inputs, options or (), strict=False):
            check_lengths([len(one)], [wanted])
            if wanted.on_text:
                all(wanted.on_text(letter) for letter in one.upper())
        return [{"label": one.upper(), "probabilities": {one.upper(): 1.0}} for one in inputs]

    return answer


@pytest.fixture
def core(tmp_path):
    models = Models(tmp_path / "artifacts", upper)
    server, port = serve(tmp_path, models)
    yield tmp_path, f"127.0.0.1:{port}"
    server.stop(None)
    models.close()


@pytest.fixture
def stub(core):
    home, address = core
    with grpc.insecure_channel(address) as channel:
        yield core_pb2_grpc.CoreStub(channel), (("authorization", f"Bearer {shared_secret(home)}"),)


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        answer = call()
        list(answer) if hasattr(answer, "__iter__") else answer
    return caught.value.code()


def test_the_secret_is_the_owners_alone_and_stays(tmp_path):
    assert shared_secret(tmp_path) == shared_secret(tmp_path)
    assert stat.S_IMODE((tmp_path / "keys" / "core.secret").stat().st_mode) == 0o600
    assert len(shared_secret(tmp_path)) >= 43


CALLS = [
    ("Launch", core_pb2.LaunchRequest(run=RUN, attempt=1, epoch=1, key="k")),
    ("Status", core_pb2.StatusRequest()),
    ("Kill", core_pb2.KillRequest(run=RUN, attempt=1)),
    ("Predict", core_pb2.PredictRequest(artifact="sha256:" + "0" * 64, inputs=['"a"'])),
    ("Classify", core_pb2.ClassifyRequest(artifact="sha256:" + "0" * 64, texts=["a"])),
    ("Health", core_pb2.HealthRequest()),
]


def test_the_calls_of_these_tests_are_all_there_are():
    assert {f"/engram.core.v1.Core/{name}" for name, _ in CALLS} == set(OPERATIONS)


@pytest.mark.parametrize(("name", "request_"), CALLS, ids=[name for name, _ in CALLS])
@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer wrong"),)])
def test_without_the_secret_nothing_is_answered(stub, name, request_, metadata):
    method = getattr(stub[0], name)
    assert refusal(lambda: method(request_, metadata=metadata, timeout=10)) == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(("name", "request_"), CALLS, ids=[name for name, _ in CALLS])
@pytest.mark.parametrize("timeout", [None, 3600])
def test_a_call_that_might_wait_for_ever_is_refused(stub, name, request_, timeout):
    method, metadata = getattr(stub[0], name), stub[1]
    assert refusal(lambda: method(request_, metadata=metadata, timeout=timeout)) == grpc.StatusCode.INVALID_ARGUMENT


def test_a_huge_message_is_refused(stub):
    request = core_pb2.ClassifyRequest(artifact="x", texts=["a" * (9 * 2**20)])
    assert (
        refusal(lambda: stub[0].Classify(request, metadata=stub[1], timeout=10)) == grpc.StatusCode.RESOURCE_EXHAUSTED
    )


@pytest.mark.parametrize(
    "request_",
    [
        core_pb2.LaunchRequest(run="../../etc", attempt=1, epoch=1, key="k"),
        core_pb2.LaunchRequest(run=RUN, attempt=0, epoch=1, key="k"),
        core_pb2.LaunchRequest(run=RUN, attempt=1, epoch=1),
    ],
    ids=["a path for a run", "no attempt", "no key"],
)
def test_an_order_that_names_no_attempt_is_refused(stub, request_):
    call = lambda: stub[0].Launch(request_, metadata=stub[1], timeout=10)  # noqa: E731
    assert refusal(call) == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.skipif(sys.platform == "win32", reason="processes are told apart by their birth on POSIX")
def test_an_attempt_is_started_once_found_by_another_core_and_ended(core, stub, monkeypatch):
    home, _ = core
    monkeypatch.setattr(local, "COMMAND", (sys.executable, "-c", "import threading; threading.Event().wait()"))
    call, metadata = stub
    order = core_pb2.LaunchRequest(run=RUN, attempt=1, epoch=1, key="k", base_url="http://127.0.0.1:1")
    first = call.Launch(order, metadata=metadata, timeout=30)
    assert call.Launch(order, metadata=metadata, timeout=30).pid == first.pid
    other = core_pb2.LaunchRequest(run="r_" + "1" * 26, attempt=1, epoch=1, key="k")
    assert refusal(lambda: call.Launch(other, metadata=metadata, timeout=30)) == grpc.StatusCode.RESOURCE_EXHAUSTED
    second, port = serve(home, Models(home / "artifacts", upper))
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            adopted = core_pb2_grpc.CoreStub(channel).Status(core_pb2.StatusRequest(), metadata=metadata, timeout=30)
    finally:
        second.stop(None)
    assert [one.pid for one in adopted.living] == [first.pid]
    kill = core_pb2.KillRequest(run=RUN, attempt=1)
    assert call.Kill(kill, metadata=metadata, timeout=30).killed
    assert not call.Kill(kill, metadata=metadata, timeout=30).killed
    assert not call.Status(core_pb2.StatusRequest(), metadata=metadata, timeout=30).living


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the table of processes is read from /proc")
def test_an_attempt_that_has_ended_stays_in_no_table_of_processes(core, stub, monkeypatch):
    monkeypatch.setattr(local, "COMMAND", (sys.executable, "-c", ""))
    order = core_pb2.LaunchRequest(run=RUN, attempt=1, epoch=1, key="k", base_url="http://127.0.0.1:1")
    place = Path("/proc") / str(stub[0].Launch(order, metadata=stub[1], timeout=30).pid)
    assert any(not place.exists() or rest() for _ in range(600))


def predict(stub, digest, *inputs):
    request = core_pb2.PredictRequest(artifact=digest, inputs=[json.dumps(one) for one in inputs])
    return [json.loads(one.answer)["label"] for one in stub[0].Predict(request, metadata=stub[1], timeout=30)]


def test_answers_come_in_the_order_of_the_inputs(core, stub):
    digest = make_artifact(core[0] / "artifacts", "one")
    assert predict(stub, digest, *"abcdefgh") == list("ABCDEFGH")
    assert list(stub[0].Health(core_pb2.HealthRequest(), metadata=stub[1], timeout=30).open) == [digest]


def test_probabilities_of_texts(core, stub):
    digest = make_artifact(core[0] / "artifacts", "one")
    said = stub[0].Classify(core_pb2.ClassifyRequest(artifact=digest, texts=["a"]), metadata=stub[1], timeout=30)
    assert [dict(one.probabilities) for one in said.scores] == [{"A": 1.0}]


def test_one_bad_input_fails_its_own_request_only(core, stub):
    digest = make_artifact(core[0] / "artifacts", "one")
    ended = []

    def ask(*inputs):
        try:
            ended.append(predict(stub, digest, *inputs))
        except grpc.RpcError as error:
            ended.append(error.code())

    threads = [threading.Thread(target=ask, args=(one,)) for one in ("a", 1, "b", 2, "c")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(map(str, ended)) == sorted(map(str, [["A"], ["B"], ["C"], *[grpc.StatusCode.INVALID_ARGUMENT] * 2]))


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "../../etc/passwd", ""])
def test_what_is_no_artifact_is_not_found(stub, digest):
    assert refusal(lambda: predict(stub, digest, "a")) in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)


def test_an_artifact_with_a_changed_file_is_never_opened(core, stub):
    digest = make_artifact(core[0] / "artifacts", "one")
    (core[0] / "artifacts" / digest.removeprefix("sha256:") / "labels.json").write_text("[]")
    assert refusal(lambda: predict(stub, digest, "a")) == grpc.StatusCode.FAILED_PRECONDITION


def test_the_artifact_that_was_asked_longest_ago_makes_room(tmp_path):
    models = Models(tmp_path, upper, most=2)
    one, two, three = (make_artifact(tmp_path, name) for name in ("one", "two", "three"))
    for digest in (one, two, one, three):
        assert list(models.answer(digest, ['"a"']))
    assert models.open() == [one, three]
    models.close()
    assert models.open() == []


@pytest.mark.parametrize("batch", [1, 3])
def test_no_more_requests_than_were_allowed_share_a_pass(tmp_path, batch):
    passes, together = [], threading.Barrier(2)

    def open_counting(folder):
        answer = upper(folder)

        def counted(inputs, options=None):
            passes.append(len(inputs))
            if len(passes) == 1:
                together.wait()  # the others gather meanwhile
            return answer(inputs, options)

        return counted

    digest, models = make_artifact(tmp_path, "one"), Models(tmp_path, open_counting, batch=batch)
    with ThreadPoolExecutor(1) as first:
        asked = first.submit(lambda: list(models.answer(digest, ['"a"'])))
        while not passes:
            pass
        with ThreadPoolExecutor(1) as others:
            later = others.submit(lambda: list(models.answer(digest, ['"a"'] * 6)))
            while models._opened[digest].batcher._waiting.qsize() < 6:
                pass
            together.wait()
            assert (len(asked.result()), len(later.result())) == (1, 6)
    assert passes == [1, *[batch] * (6 // batch)]
    models.close()


def test_what_is_written_comes_piece_by_piece_before_its_answer(core, stub):
    digest = make_artifact(core[0] / "artifacts", "one")
    asked = core_pb2.PredictRequest(artifact=digest, inputs=['"ab"', '"c"'], pieces=True)
    said = [(one.input, one.piece, one.answer[:13]) for one in stub[0].Predict(asked, metadata=stub[1], timeout=30)]
    assert said == [(0, "A", ""), (0, "B", ""), (0, "", '{"label": "AB'), (1, "C", ""), (1, "", '{"label": "C"')]


def test_a_listener_that_goes_away_ends_the_writing(tmp_path):
    digest, models = make_artifact(tmp_path, "one"), Models(tmp_path, upper)
    heard = [piece for piece, _ in models.write(digest, '"abcdef"', Options(), lambda: False)]
    assert heard == ["A", ""]
    models.close()


def test_an_input_that_is_too_long_is_refused_in_words(core, stub):
    digest = make_artifact(core[0] / "artifacts", "one")
    asked = core_pb2.PredictRequest(artifact=digest, inputs=['"abc"'], max_input_tokens=2)
    with pytest.raises(grpc.RpcError) as told:
        list(stub[0].Predict(asked, metadata=stub[1], timeout=30))
    assert told.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "has 3 tokens; at most 2" in told.value.details()


@pytest.mark.parametrize("bad", [{"max_input_tokens": 0}, {"max_new_tokens": 0}, {"stop": ["", "x"]}])
def test_options_that_mean_nothing_are_refused(core, stub, bad):
    digest = make_artifact(core[0] / "artifacts", "one")
    asked = core_pb2.PredictRequest(artifact=digest, inputs=['"a"'], **bad)
    assert refusal(lambda: stub[0].Predict(asked, metadata=stub[1], timeout=30)) == grpc.StatusCode.INVALID_ARGUMENT
