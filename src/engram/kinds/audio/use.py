"""How each format is opened without Engram, as Python that runs in the artifact's folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from engram.export.format import BaseRef
from engram.export.use import quoted

READ = """import soundfile

samples, rate = soundfile.read("sound.wav", dtype="float32")  # one channel, $at
"""
OPEN = {
    "merged": """import torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

reader = AutoFeatureExtractor.from_pretrained("./merged")
model = AutoModelForAudioClassification.from_pretrained("./merged").eval()
""",
    "adapter": """import json
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

reader = AutoFeatureExtractor.from_pretrained("./adapter")
labels = json.loads(Path("labels.json").read_text(encoding="utf-8"))
base = AutoModelForAudioClassification.from_pretrained(
    $base$revision, dtype=torch.float32, id2label=dict(enumerate(labels)), ignore_mismatched_sizes=True
)
model = PeftModel.from_pretrained(base, "./adapter").eval()
""",
    "onnx": """import onnxruntime
from transformers import AutoConfig, AutoFeatureExtractor

reader = AutoFeatureExtractor.from_pretrained("./onnx")
config = AutoConfig.from_pretrained("./onnx")
session = onnxruntime.InferenceSession("./onnx/model.onnx")
""",
}
ASK_MODEL = """batch = reader(samples, sampling_rate=reader.sampling_rate, return_tensors="pt")
with torch.inference_mode():
    logits = model(**{name: batch[name] for name in reader.model_input_names if name in batch}).logits
print(model.config.id2label[int(logits[0].argmax())])
"""
ASK_GRAPH = """batch = reader(samples, sampling_rate=reader.sampling_rate, return_tensors="np")
name = reader.model_input_names[0]
given = {name: batch[name]}
if len(session.get_inputs()) > 1:
    given["attention_mask"] = numpy.ones(batch[name].shape[:2], dtype="int64")  # one sound, nothing padded
logits = session.run(["logits"], given)[0]
print(config.id2label[int(logits[0].argmax())])
"""


def how_to_use(name: str, task: str, kept: Mapping[str, str], base: BaseRef) -> str:
    """Return the Python that opens a format and asks it about a sound; empty for a plugin's format."""
    if name not in OPEN:
        return ""
    ask = ASK_GRAPH if name == "onnx" else ASK_MODEL
    imports = "import numpy\n" if name == "onnx" else ""
    return Template(imports + OPEN[name] + "\n" + READ + ask).substitute(
        base=quoted(base.name),
        revision=f", revision={quoted(base.revision)}" if base.revision else "",
        at="at reader.sampling_rate samples a second",
    )
