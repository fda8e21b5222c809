"""TorchScript: the traced graph in one file that `torch.jit.load` opens, for programs that embed torch, in C++ too.

It is the one format that holds code. It may be written when a recipe asks for it by name, and Engram opens it only when
the caller knows its digest: what is in a folder proves nothing about the folder.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram.artifacts.formats import ON_REQUEST
from engram.errors import Refused
from engram.export.format import BaseRef, Export
from engram.export.inspect import refuse_code
from engram.export.tasks import Task, as_task, open_reader

NAME = "torchscript"
FILE = Path(ON_REQUEST[NAME]).name
ROOT = "model"  # of every path inside the archive
BORN = (1980, 1, 1, 0, 0, 0)


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task = "classify") -> None:
    """Write `model.pt` beside configuration and tokenizer, traced in fp32 on the CPU, sizes free.

    Inputs in order: input_ids and attention_mask (rows, tokens), and decoder_input_ids (rows, written) of a seq2seq
    model, all int64. It returns the logits.

    Raises UserError when the model can't be traced, or when the trace holds for the sizes of its example only.
    """
    import torch

    from engram.export.wrap import prove, refuse_architecture, save_beside, whole_copy

    jit: Any = torch.jit
    whole, graph = whole_copy(model), as_task(task).graphing()
    wrapped, given = graph.wrap(whole, task), graph.example(whole.config, task, graph.SHAPES[0])
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            traced = jit.trace(wrapped, tuple(given.values()), check_trace=False)
            # One graph, its weights inside; numerics are left alone, so it stays the evaluated model.
            frozen = jit.freeze(traced.eval(), optimize_numerics=False)
        except Exception as error:
            raise refuse_architecture(whole.config, "TorchScript", error) from error
        with tempfile.TemporaryDirectory() as scratch:
            jit.save(frozen, str(Path(scratch) / FILE))
            repack(Path(scratch) / FILE, folder / FILE)
    prove(wrapped, runner((folder / FILE).read_bytes()), whole.config, task, "TorchScript")
    save_beside(whole, tokenizer, base, folder, task)


def repack(source: Path, target: Path) -> None:
    """Copy an archive without its debug files, which name this machine's folders; same parts, same bytes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            inside = name.split("/", 1)[1]
            if not inside.endswith(".debug_pkl") and inside != ".data/serialization_id":
                new.writestr(zipfile.ZipInfo(f"{ROOT}/{inside}", BORN), old.read(name))


def runner(content: bytes) -> Any:
    """Return the function that runs a TorchScript model, given by bytes that are trusted: inputs by name → logits."""
    import torch

    jit: Any = torch.jit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = jit.load(io.BytesIO(content), map_location="cpu")

    def run(given: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with torch.inference_mode():
            logits: torch.Tensor = script(**given)
        return logits

    return run


def open_torchscript(
    folder: Path,
    base: BaseRef,
    labels: Sequence[str],
    task: str | Task = "classify",
    digests: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """Open the graph, but only if its bytes have the digest that the caller knows (``digests["model.pt"]``).

    Raises Refused without a digest, and for any other file.
    """
    from transformers import AutoConfig

    refuse_code(folder, NAME)
    content = (folder / FILE).read_bytes()
    known = (digests or {}).get(FILE, "")
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != known:
        raise Refused(
            f"{folder / FILE} is TorchScript, which can run code, and "
            + ("it is not the file that was written." if known else "nobody says what its digest must be."),
            remedy="Open another format of this artifact, or verify the artifact first: engram verify",
        )
    config = AutoConfig.from_pretrained(folder)
    return as_task(task).graphing().opened(runner(content), config), open_reader(folder, task)


EXPORT = Export(name=NAME, title="TorchScript", write=write, open=open_torchscript, executable=True)
