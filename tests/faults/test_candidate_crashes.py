"""A server that is killed while a candidate arrives: what was acknowledged is there, and no half one is judged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from support.platforms import record, weights

from engram.files import canonical_json, sha256_bytes
from engram.pipeline.folder import RunFolder
from engram.server.candidates import Piece, hand_in, receive

WORK = """
import sys
from pathlib import Path
from engram.pipeline.folder import RunFolder
from engram.server.candidates import Piece, hand_in, receive
folder = RunFolder(Path(sys.argv[1]))
if sys.argv[2] == "receive":
    content = Path(sys.argv[3]).read_bytes()
    receive(folder, 2, Piece("weights.safetensors", len(content), sys.argv[4], 0, content[: int(sys.argv[5])]))
else:
    hand_in(folder, 2)
"""


def killed_at(point, *arguments):
    """Do something in a process that is killed at a crash point."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, *map(str, arguments)], env={**os.environ, "ENGRAM_CRASHPOINT": point}, check=False
    )
    assert done.returncode == -signal.SIGKILL


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / ("r_" + "A" * 26))
    made.path.mkdir()
    return made


def whole(content):
    return Piece("weights.safetensors", len(content), sha256_bytes(content), 0, content)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_after_a_kill_in_the_middle_of_a_piece_the_upload_goes_on(folder, tmp_path, share):
    content = weights()
    (tmp_path / "content").write_bytes(content)
    cut = int(len(content) * share)
    killed_at("candidate.after-piece", folder.path, "receive", tmp_path / "content", sha256_bytes(content), cut)
    piece = whole(content)
    at = receive(folder, 2, Piece(piece.file, piece.size, piece.digest, 0, b""))
    assert at == cut
    assert receive(folder, 2, Piece(piece.file, piece.size, piece.digest, at, content[at:])) == piece.size
    assert (folder.path / "incoming-2" / "weights.safetensors").read_bytes() == content


def test_a_kill_before_the_record_leaves_no_candidate_and_it_is_handed_in_again(folder):
    content = weights()
    said = canonical_json(record(folder.id, content))
    receive(folder, 2, whole(content))
    receive(folder, 2, Piece("candidate.json", len(said), sha256_bytes(said), 0, said))
    killed_at("candidate.before-record", folder.path, "hand in")
    assert not folder.candidate.exists()
    hand_in(folder, 2)
    assert folder.candidate.read_bytes() == said
    assert (folder.checkpoints / "checkpoint-10" / "weights.safetensors").read_bytes() == content
    assert not list(folder.path.glob("incoming-*"))
