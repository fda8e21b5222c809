"""ONNX in int8: the weights of matrix products in eight bits, per channel; smaller and faster, and not quite the model.

The eight bits have no sign. Products of unsigned and signed bytes are saturated by processors without VNNI, where the
answers of a model lost up to four fifths of their range; those of unsigned bytes are the same on every processor.

Embeddings, norms and everything else stay in fp32. Activations are quantised while it runs, so no calibration data is
needed (dynamic quantisation; onnxruntime, "Quantize ONNX models").
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from engram.errors import UserError
from engram.export.format import EXTRA, BaseRef, Export
from engram.export.onnx import FILE, PACKAGES, build, encode, open_onnx, quiet, strip
from engram.export.tasks import Task
from engram.lazy import need

PREPARED = "onnx.quant.pre_process"


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task = "classify") -> None:
    """Write the quantised `model.onnx` beside configuration and tokenizer.

    Raises UserError for a model that has no ONNX graph, or no matrix product with weights of its own.
    """
    from engram.export.wrap import save_beside, whole_copy

    whole = whole_copy(model)
    (folder / FILE).write_bytes(encode(quantise(build(whole, task))))
    save_beside(whole, tokenizer, base, folder, task)


def quantise(proto: Any) -> Any:
    """Return the model with its weights in int8.

    Raises UserError when nothing in it could be quantised.
    """
    onnx = need("onnx", extra=EXTRA, why="to quantise an ONNX model")
    quantization = need("onnxruntime.quantization", extra=EXTRA, why="to quantise an ONNX model")
    # Shapes are inferred while it quantises; without this mark it asks for that on the root logger, and configures it.
    proto.metadata_props.add(key=PREPARED, value="onnxruntime.quant")
    with tempfile.TemporaryDirectory() as scratch, quiet():
        file = Path(scratch) / FILE
        quantization.quantize_dynamic(
            proto, file, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=quantization.QuantType.QUInt8
        )
        small = onnx.load(file)
    if not any(node.op_type == "MatMulInteger" for node in small.graph.node):
        raise UserError(
            "The model has no matrix product that could be quantised.", remedy="Leave onnx_int8 out of 'export'."
        )
    return strip(small)


EXPORT = Export(name="onnx_int8", title="ONNX in int8", write=write, open=open_onnx, lossy=True, packages=PACKAGES)
