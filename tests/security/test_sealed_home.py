"""A home that seals its artifacts: what lies on the disk, who can open it, and what happens when anything is wrong."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
import time

import grpc
import pytest
from certified import ZERO, safetensors, write_files
from fastapi.testclient import TestClient

from engram.artifacts import opened as opening
from engram.artifacts import sealing
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import ENVELOPE, opened, sweep
from engram.artifacts.store import folder_of, publish, recover
from engram.cli.main import run
from engram.core.guard import shared_secret
from engram.core.models import Models
from engram.core.service import serve
from engram.errors import PlatformError, UsageError, VerificationFailed
from engram.ledger.certificate import certify
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger
from engram.rpc import core_pb2, core_pb2_grpc
from engram.security.api_keys import make_api_key
from engram.security.at_rest import rotate_home_kek, seal_home
from engram.security.refresh import begin_family
from engram.security.tokens import make_access_token
from engram.server.app import create_app
from engram.server.main import open_platform
from engram.settings import load_settings
from engram.store.records import artifacts as stored
from engram.store.records import runs, users

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="private memory is offered on Linux")
RUN = "r_" + "0" * 26
CANARY = b"canary-7f3a91-" * 20_000  # several chunks
FILES = {
    "README.md": b"# canary-7f3a91-\n",
    "recipe.json": b'{"export":[],"name":"canary"}',
    "labels.json": b'["a","b"]',
    "merged/words.txt": CANARY,
    "merged/more.txt": CANARY[::-1],
    "model.safetensors": safetensors(w=(64,)),
}


def put(home, name, files=FILES):
    """Publish an artifact of a home as a run would, and return its folder."""
    staging = write_files(home / "work" / name, {**files, "name.txt": name.encode()})
    signer = load_or_create_signer(home / "keys")
    ledger = Ledger.open(home / "ledger", signer)

    def certificate(manifest, content):
        return certify(manifest=manifest, manifest_bytes=content, predicate={"recipe": ZERO}, run=name, ledger=ledger)

    return publish(staging, home / "artifacts", {"run": name}, certificate, HomeKeys(home))[0]


@pytest.fixture
def home(tmp_path):
    """A home that seals, with two artifacts."""
    seal_home(tmp_path)
    put(tmp_path, "r_1")
    put(tmp_path, "r_2")
    return tmp_path


def folders(home):
    return sorted(path for path in (home / "artifacts").iterdir() if not path.name.startswith("."))


def plain_files(home, folder):
    with opened(folder, HomeKeys(home)) as plain:
        return {str(path.relative_to(plain)): path.read_bytes() for path in plain.rglob("*") if path.is_file()}


def holds(folder, *words):
    return [path for path in folder.rglob("*") if path.is_file() and any(word in path.read_bytes() for word in words)]


# What lies on the disk


def test_no_plaintext_of_a_payload_lies_in_the_store(home):
    assert len(folders(home)) == 2
    assert holds(home / "artifacts", b"canary-7f3a91", CANARY[::-1][:40]) == []
    assert holds(home / "work", b"canary-7f3a91"), "the search would have found it"
    for folder in folders(home):
        assert json.loads((folder / ENVELOPE).read_bytes())["artifact"] == f"sha256:{folder.name}"
    assert stat.S_IMODE((home / "keys" / "kek.json").stat().st_mode) == 0o600


def test_digests_are_of_the_plaintext_and_the_certificate_verifies(home, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("open")
    assert put(elsewhere, "r_1").name in [folder.name for folder in folders(home)]
    found = plain_files(home, folder_of(home / "artifacts", put(elsewhere, "r_1").name))
    assert {name: found[name] for name in FILES} == FILES
    monkeypatch.setenv("ENGRAM_HOME", str(home))
    assert [run(["verify", str(folder)]) for folder in folders(home)] == [0, 0]
    monkeypatch.setenv("ENGRAM_HOME", str(elsewhere))
    assert run(["verify", str(folders(home)[0]), "--key", str(home / "keys" / "ledger.pub")]) == 1
    assert not HomeKeys(elsewhere).sealing, "looking at a sealed artifact made keys"


def test_publishing_the_same_again_returns_what_is_there(home):
    before = {path: path.read_bytes() for path in (home / "artifacts").rglob("*") if path.is_file()}
    put(home, "r_1")
    assert {path: path.read_bytes() for path in (home / "artifacts").rglob("*") if path.is_file()} == before


# What is wrong is named


def refused(home, folder, match):
    with pytest.raises(VerificationFailed, match=match), opened(folder, HomeKeys(home)):
        pass
    assert in_memory() == []


def in_memory():
    return list(opening.MEMORY.glob(f"engram-{os.getuid()}-{os.getpid()}-*"))


def test_another_home_s_key_does_not_open_it(home, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    seal_home(other)
    refused(other, folders(home)[0], "which this home doesn't have")
    with pytest.raises(VerificationFailed, match="keys are not here"), opened(folders(home)[0], None):
        pass


def test_a_file_moved_between_artifacts_is_found(home):
    one, two = folders(home)
    shutil.copyfile(two / "merged/words.txt", one / "merged/words.txt")
    refused(home, one, "it was moved there")
    shutil.copyfile(one / "merged/more.txt", one / "merged/words.txt")
    refused(home, one, "it was moved there")


def test_an_envelope_moved_between_artifacts_is_found(home):
    one, two = folders(home)
    shutil.copyfile(two / ENVELOPE, one / ENVELOPE)
    refused(home, one, "it was moved there")


def test_swapped_chunks_and_a_truncated_end_are_found(home):
    path = folders(home)[0] / "merged/words.txt"
    sealed = path.read_bytes()
    start = 12 + int.from_bytes(sealed[8:12], "big")
    size = 2**16 + 16
    one, two = sealed[start : start + size], sealed[start + size : start + 2 * size]
    path.write_bytes(sealed[:start] + two + one + sealed[start + 2 * size :])
    refused(home, path.parent.parent, "Chunk 0")
    path.write_bytes(sealed[: start + size])
    refused(home, path.parent.parent, "ends early")
    path.write_bytes(sealed)
    assert plain_files(home, path.parent.parent)["merged/words.txt"] == CANARY


def test_a_missing_file_a_link_and_a_file_in_clear_are_found(home):
    path = folders(home)[0] / "README.md"
    path.write_bytes(FILES["README.md"])
    refused(home, path.parent, "does not begin as a sealed file does")
    path.unlink()
    refused(home, path.parent, "is missing")
    path.symlink_to(path.parent / "labels.json")
    refused(home, path.parent, "is missing, or no plain file")


def test_a_lost_key_says_what_is_lost_and_nothing_is_published_in_clear(home):
    (home / "keys" / "kek.json").unlink()
    refused(home, folders(home)[0], "kek.json are lost.*can't be opened")
    with pytest.raises(VerificationFailed, match="are lost"):
        put(home, "r_3")
    assert len(folders(home)) == 2
    assert holds(home / "artifacts", b"canary-7f3a91") == []


def test_where_memory_is_a_disk_nothing_is_opened(home, tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\n/dev/sda1 /dev/shm ext4 rw 0 0\n")
    monkeypatch.setattr(opening, "MOUNTS", mounts)
    with pytest.raises(PlatformError, match="no private memory"), opened(folders(home)[0], HomeKeys(home)):
        pass


def test_memory_that_is_full_is_told_and_left_clean(home, monkeypatch):
    def full(reading, key, place):
        raise OSError(28, "No space left on device")
        yield b""

    monkeypatch.setattr(opening, "unseal", full)
    with pytest.raises(PlatformError, match="no room"), opened(folders(home)[0], HomeKeys(home)):
        pass
    assert in_memory() == []


def test_plaintext_of_killed_processes_is_swept_and_of_living_ones_is_not(home):
    code = (
        "import sys\nfrom pathlib import Path\nfrom engram.artifacts.opened import opened\n"
        "from engram.artifacts.home_keys import HomeKeys\nhome = Path(sys.argv[1])\n"
        "with opened(next((home / 'artifacts').iterdir()), HomeKeys(home)) as plain:\n"
        "    print(plain, flush=True)\n    sys.stdin.read()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    left = opening.MEMORY / child.stdout.readline().decode().strip().rpartition("/")[2]
    with opened(folders(home)[0], HomeKeys(home)) as mine:
        sweep()
        assert left.is_dir() and mine.is_dir(), "both owners live"
        assert stat.S_IMODE(left.stat().st_mode) == 0o700
        child.kill()
        child.communicate()
        assert sweep() >= 1
        assert not left.exists() and mine.is_dir()


# Core


def test_core_answers_with_a_sealed_artifact_from_memory_only(home):
    seen = []

    def open_model(folder):
        seen.append(folder)
        assert (folder / "merged/words.txt").read_bytes() == CANARY
        return lambda inputs, options: [{"label": one} for one in inputs]

    models = Models(home / "artifacts", open_model, keys=HomeKeys(home))
    server, port = serve(home, models)
    digest = f"sha256:{folders(home)[0].name}"
    call = {"metadata": (("authorization", f"Bearer {shared_secret(home)}"),), "timeout": 30}
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = core_pb2_grpc.CoreStub(channel)
            asked = core_pb2.PredictRequest(artifact=digest, inputs=['"a"'])
            assert [json.loads(one.answer) for one in stub.Predict(asked, **call)] == [{"label": "a"}]
            (folder,) = seen
            assert folder.parent == opening.MEMORY and stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert holds(home / "artifacts", b"canary-7f3a91") == []
            (folders(home)[1] / "README.md").write_bytes(b"x")
            bad = core_pb2.PredictRequest(artifact=f"sha256:{folders(home)[1].name}", inputs=['"a"'])
            with pytest.raises(grpc.RpcError) as caught:
                list(stub.Predict(bad, **call))
            assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    finally:
        server.stop(None)
        models.close()
    assert not folder.exists()


# Sealing later, and rotating


def test_a_home_that_was_open_is_sealed_whole_and_stays_what_it_was(tmp_path):
    put(tmp_path, "r_1")
    put(tmp_path, "r_2")
    names = [folder.name for folder in folders(tmp_path)]
    assert holds(tmp_path / "artifacts", b"canary-7f3a91")
    assert seal_home(tmp_path) == 2
    assert seal_home(tmp_path) == 0
    assert [folder.name for folder in folders(tmp_path)] == names
    assert holds(tmp_path / "artifacts", b"canary-7f3a91") == []
    assert plain_files(tmp_path, folders(tmp_path)[0])["merged/words.txt"] == CANARY


@pytest.mark.parametrize("where", ["put_in_place", "seal_payload", "fsync_tree"])
def test_sealing_that_is_broken_off_loses_nothing_and_is_finished(tmp_path, monkeypatch, where):
    put(tmp_path, "r_1")
    (name,) = [folder.name for folder in folders(tmp_path)]

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sealing, where, die)
        seal_home(tmp_path)
    recover(tmp_path / "artifacts", HomeKeys(tmp_path))
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == [name]
    seal_home(tmp_path)
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == [name]
    assert plain_files(tmp_path, folders(tmp_path)[0])["merged/words.txt"] == CANARY
    assert holds(tmp_path / "artifacts", b"canary-7f3a91") == []


def test_a_damaged_artifact_is_not_sealed_over(tmp_path):
    (put(tmp_path, "r_1") / "README.md").write_bytes(b"changed")
    with pytest.raises(VerificationFailed, match="not as it was published"):
        seal_home(tmp_path)


def test_rotation_wraps_again_touches_no_sealed_file_and_forgets_the_old_key(home):
    def sealed():
        return {p: p.read_bytes() for p in (home / "artifacts").rglob("*") if p.is_file() and p.name != ENVELOPE}

    before, old = sealed(), json.loads((home / "keys" / "kek.json").read_bytes())["current"]
    kid, count = rotate_home_kek(home)
    assert (count, sealed() == before) == (2, True)
    assert list(json.loads((home / "keys" / "kek.json").read_bytes())["keys"]) == [kid] != [old]
    assert [plain_files(home, folder)["merged/words.txt"] == CANARY for folder in folders(home)] == [True, True]
    with pytest.raises(UsageError, match="seals nothing"):
        rotate_home_kek(home / "elsewhere")


def test_the_commands_seal_and_rotate_a_stopped_home(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    put(tmp_path, "r_1")
    assert run(["seal"]) == 0
    assert "kek.json" in capsys.readouterr().out
    assert run(["keys", "rotate", "--kek", "--tokens", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["kek"].startswith("kek-") and said["tokens"]
    assert run(["keys", "rotate"]) == 2
    with open_platform(load_settings({"ENGRAM_HOME": str(tmp_path)}), "http://127.0.0.1:1"):
        assert run(["keys", "rotate", "--tokens"]) == 1
        assert "in use by" in capsys.readouterr().err


def test_a_running_server_rotates_its_keys_for_an_admin_in_person(home):
    settings = load_settings({"ENGRAM_HOME": str(home)})
    with open_platform(settings, "http://127.0.0.1:1") as (here, _):
        client = TestClient(create_app(here), raise_server_exceptions=False)
        with here.db.write() as tx:
            root = users.create_user(tx, name="root", role="admin").id
            ann = users.create_user(tx, name="ann", role="developer").id
            digest = f"sha256:{folders(home)[0].name}"
            what = {"owner": root, "kind": "language", "task": "classify", "recipe": "toy", "body": {}}
            runs.create_run(tx, id=RUN, recipe_digest=ZERO, priority=0, **what)
            runs.change_run(tx, RUN, artifact=digest)
            stored.put_artifact(
                tx, digest=digest, name="one", owner=root, run="r_1", bytes=1, kind="language", task="classify"
            )

        def token(user, role):
            family = begin_family(here.entrance.families, user, time.time).record.family
            return make_access_token(here.entrance.tokens, user, role, family)[0]

        def ask(credential, what="", method="POST", path="/home/keys/rotate"):
            given = {"Authorization": f"Bearer {credential}"}
            return client.request(method, f"/api/v1{path}", json={"what": what} if what else None, headers=given)

        key = make_api_key(here.keys, root, "root", ["*"], time.time).text
        before, anns = token(root, "admin"), token(ann, "developer")
        assert [ask(one, "kek").status_code for one in (key, anns, "")] == [403, 403, 401]
        assert ask(before, "kek").json()["rewrapped"] == 2
        said = ask(before, "tokens").json()
        after = token(root, "admin")
        assert here.entrance.tokens.keys.kid == said["key"] and said["key"] in _header(after)
        assert [ask(one, "doors").status_code for one in (before, after)] == [422, 422], "both are still good"
        assert ask(after, "ledger").json()["key"] == here.ledger.signer.key.id
        assert here.ledger.append("deployment.changed", "d_1").index == here.ledger.size - 1
        found = ask(key, method="GET", path=f"/artifacts/{digest}/check").json()
        assert found["ok"] and {one["name"] for one in found["checks"]} >= set(FILES)
        place = f"/artifacts/{digest}/files/merged/words.txt"
        assert ask(key, method="GET", path=place).content == CANARY
        listed = ask(key, method="GET", path=f"/models/{RUN}/download?what=artifact").json()["files"]
        assert {one["path"]: one["bytes"] for one in listed}["merged/words.txt"] == len(CANARY)
        place = f"/models/{RUN}/download?what=artifact&file=merged/words.txt"
        assert ask(key, method="GET", path=place).content == CANARY
        sealed = folders(home)[0] / "merged/words.txt"
        shutil.copyfile(sealed.with_name("more.txt"), sealed)
        moved = ask(key, method="GET", path=place)
        assert moved.status_code == 400 and "it was moved there" in moved.text


def _header(token):
    return base64.urlsafe_b64decode(token.split(".")[0] + "==").decode()
