"""A process that has never heard of Engram runs the code of model cards and says what the opened models answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CODE = """
import contextlib, io, json, os, sys
class Never:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "engram":
            raise ImportError("a stranger has no engram")
sys.meta_path.insert(0, Never())
import numpy, torch
def ask(code, batches):
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    def logits(batch):
        given = {name: numpy.array(values, dtype="int64") for name, values in batch.items()}
        if "logits_of" in names:
            return names["logits_of"](**given).tolist()
        with torch.inference_mode():
            return names["model"](**{name: torch.from_numpy(value) for name, value in given.items()}).logits.tolist()
    return {"printed": printed.getvalue(), "logits": [logits(batch) for batch in batches]}
said = []
for one in json.load(sys.stdin):
    os.chdir(one["folder"])
    said.append(ask(one["code"], one["batches"]))
assert "engram" not in sys.modules
print(json.dumps(said))
"""


def ask_stranger(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run each question's `code` in its `folder`, then ask for the logits of its `batches`; one process for all.

    The code must leave `model` or `logits_of` behind, as the card's does. Returns what it printed and the logits.
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    given = json.dumps(questions, default=str)
    done = subprocess.run(
        [sys.executable, "-c", CODE], input=given, env=environment, capture_output=True, text=True, check=False,
        cwd=Path.cwd(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return said
