"""How each format is opened without Engram, as Python that runs in the artifact's folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from engram.export.format import BaseRef
from engram.export.use import quoted

ASK = """one, other = model.encode([$text, "A text to set beside it."])
print(one.shape, float(model.similarity(one, other)))
"""
OPEN = {
    "merged": """from sentence_transformers import SentenceTransformer

model = SentenceTransformer("./merged")
"""
    + ASK,
    "adapter": """from sentence_transformers import SentenceTransformer

model = SentenceTransformer($base$revision)
model.load_adapter("./adapter")
"""
    + ASK,
    "onnx": """import numpy
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("./onnx")
session = onnxruntime.InferenceSession("./onnx/model.onnx")
batch = tokenizer([$text, "A text to set beside it."], padding=True, return_tensors="np")
given = {name: batch[name].astype("int64") for name in ("input_ids", "attention_mask")}
one, other = session.run(["logits"], given)[0]  # its only output, by the name that all graphs here have
print(one.shape, float(numpy.dot(one, other) / numpy.linalg.norm(one) / numpy.linalg.norm(other)))
""",
}
EXAMPLE_LENGTH = 80


def how_to_use(name: str, task: str, kept: Mapping[str, str], base: BaseRef) -> str:
    """Return the Python that opens a format and embeds a row as it was kept; empty for a plugin's format."""
    if name not in OPEN:
        return ""
    said = kept.get("text") or kept.get("anchor") or "…"
    return Template(OPEN[name]).substitute(
        text=quoted(" ".join(said.split())[:EXAMPLE_LENGTH]),
        base=quoted(base.name),
        revision=f", revision={quoted(base.revision)}" if base.revision else "",
    )
