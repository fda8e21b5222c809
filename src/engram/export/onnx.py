"""ONNX: one graph in one file for any runtime, in fp32, with the number of rows and tokens left free."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engram.errors import UserError
from engram.export.format import EXTRA, BaseRef, Export
from engram.export.inspect import refuse_code
from engram.export.tasks import Task, as_task, open_reader
from engram.export.weights import CONFIG
from engram.files import read_json
from engram.lazy import need

FILE = "model.onnx"
OPSET = 20
MAX_BYTES = 2_000_000_000  # one protobuf file holds 2 GiB at most, the graph included
TRACES = frozenset({"metadata_props", "doc_string", "value_info"})
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task = "classify") -> None:
    """Write `model.onnx` beside configuration and tokenizer; the same model gives the same bytes.

    Inputs of models of texts: input_ids and attention_mask (batch, tokens), and decoder_input_ids (batch, written) of a
    seq2seq model, all int64; of others what their `Task` says. Output: logits. The graph has no cache: to generate, it
    reads the whole text again for each token.

    Raises UserError for a model of more than 2 GB and for one that has no such graph.
    """
    from engram.export.wrap import save_beside, whole_copy

    whole = whole_copy(model)
    (folder / FILE).write_bytes(encode(build(whole, task)))
    save_beside(whole, tokenizer, base, folder, task)


def build(whole: Any, task: str | Task) -> Any:
    """Return the ONNX model of a model that stands alone, proven against it for other numbers of rows and tokens."""
    import torch

    from engram.export.wrap import prove, refuse_architecture

    graph = as_task(task).graphing()
    for name in PACKAGES:
        need(name, extra=EXTRA, why="to export ONNX")
    size = sum(one.numel() * 4 for one in whole.parameters())
    if size > MAX_BYTES:
        raise UserError(
            f"The model has {size / 1e9:.1f} GB of weights in fp32, and one ONNX file holds 2 GB.",
            remedy="Leave onnx out of 'export'; merged takes every size.",
        )
    wrapped, given = graph.wrap(whole, task), graph.example(whole.config, task, graph.SHAPES[0])
    free = graph.free(whole.config, task)

    def made(simplified: bool) -> Any:
        with quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                wrapped,
                tuple(given.values()),
                dynamo=True,
                opset_version=OPSET,
                external_data=False,
                input_names=list(given),
                output_names=["logits"],
                dynamic_shapes=free,
                verbose=False,
                optimize=simplified,
            )
        return strip(program.model_proto)

    try:
        proto = made(simplified=True)
        # onnxscript 0.7 loses a constant where two bounds follow each other, as in Deformable DETR.
        if not opens(proto, tuple(given)):
            proto = made(simplified=False)
    except Exception as error:
        raise refuse_architecture(whole.config, "ONNX", error) from error
    prove(wrapped, runner(encode(proto), tuple(given)), whole.config, task, "ONNX")
    return proto


def opens(proto: Any, inputs: Sequence[str]) -> bool:
    """Tell whether onnxruntime takes a graph at all."""
    try:
        runner(encode(proto), inputs)
    except Exception:  # onnxruntime's errors have no common class
        return False
    return True


def strip(proto: Any) -> Any:
    """Remove what tells of the machine that wrote it: each node carries a stack trace, which names files of it.

    Inferred shapes go too: every runtime infers them again, and the exporter's own trip up the quantiser.
    """
    for field, value in proto.ListFields():
        if field.name in TRACES:
            proto.ClearField(field.name)
        elif field.message_type is not None:
            for one in value if field.is_repeated else [value]:
                strip(one)
    return proto


def encode(proto: Any) -> bytes:
    """Return a model's bytes, always the same for the same model."""
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def runner(model: bytes | str, inputs: Sequence[str]) -> Any:
    """Return the function that runs an ONNX model, given by its bytes or its path: inputs by name → logits (torch)."""
    import torch

    onnxruntime = need("onnxruntime", extra=EXTRA, why="to run an ONNX model")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(given: Mapping[str, torch.Tensor]) -> torch.Tensor:
        fed = {name: given[name].numpy() for name in inputs}
        return torch.from_numpy(session.run(["logits"], fed)[0])

    return run


def open_onnx(
    folder: Path,
    base: BaseRef,
    labels: Sequence[str],
    task: str | Task = "classify",
    digests: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """Open the graph with onnxruntime on the CPU; base and labels are not needed."""
    refuse_code(folder)
    graph = as_task(task).graphing()
    if hasattr(graph, "build"):  # a module that a plain configuration says; transformers has no part in it
        plain = read_json(folder / CONFIG)
        return graph.opened(runner(str(folder / FILE), graph.inputs_of(plain, task)), plain), None
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    run = runner(str(folder / FILE), graph.inputs_of(config, task))
    return graph.opened(run, config), open_reader(folder, task)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter from telling of every operator that it does not know."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


EXPORT = Export(name="onnx", title="ONNX", write=write, open=open_onnx, packages=PACKAGES)
