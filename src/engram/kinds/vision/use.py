"""How each format is opened without Engram, as Python that runs in the artifact's folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from engram.export.format import BaseRef
from engram.export.use import quoted

AUTO = {"classify": "AutoModelForImageClassification", "detect": "AutoModelForObjectDetection"}
READ = """from PIL import Image

image = Image.open("picture.png").convert("RGB")
"""
OPEN = {
    "merged": """import torch
from transformers import AutoImageProcessor, $auto

reader = AutoImageProcessor.from_pretrained("./merged", backend="pil")
model = $auto.from_pretrained("./merged").eval()
""",
    "adapter": """import json
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoImageProcessor, $auto

reader = AutoImageProcessor.from_pretrained("./adapter", backend="pil")
labels = json.loads(Path("labels.json").read_text(encoding="utf-8"))
base = $auto.from_pretrained(
    $base$revision, dtype=torch.float32, id2label=dict(enumerate(labels)), ignore_mismatched_sizes=True
)
model = PeftModel.from_pretrained(base, "./adapter").eval()
""",
    "onnx": """import onnxruntime
from transformers import AutoConfig, AutoImageProcessor

reader = AutoImageProcessor.from_pretrained("./onnx", backend="pil")
config = AutoConfig.from_pretrained("./onnx")
session = onnxruntime.InferenceSession("./onnx/model.onnx")
""",
}
ASK_MODEL = """with torch.inference_mode():
    out = model(pixel_values=reader(images=image, return_tensors="pt")["pixel_values"])
"""
SAY_MODEL = {
    "classify": "print(model.config.id2label[int(out.logits[0].argmax())])\n",
    "detect": """size = [(image.height, image.width)]
found = reader.post_process_object_detection(out, threshold=0.3, target_sizes=size)[0]
for label, score, box in zip(found["labels"], found["scores"], found["boxes"]):
    print(model.config.id2label[int(label)], float(score), box.tolist())  # left, top, right, bottom
""",
}
ASK_GRAPH = """pixels = reader(images=image, return_tensors="np")["pixel_values"]
logits = session.run(["logits"], {"pixel_values": pixels})[0]
"""
SAY_GRAPH = {
    "classify": "print(config.id2label[int(logits[0].argmax())])\n",
    "detect": """classes, boxes = logits[0, :, :-4], logits[0, :, -4:]  # middle, width, height in shares of the picture
for place in classes[:, : config.num_labels].max(axis=1).argsort()[::-1][:5]:
    print(config.id2label[int(classes[place, : config.num_labels].argmax())], boxes[place].tolist())
""",
}


def how_to_use(name: str, task: str, kept: Mapping[str, str], base: BaseRef) -> str:
    """Return the Python that opens a format and asks it about a picture; empty for a plugin's format."""
    if name not in OPEN or task not in AUTO:
        return ""
    graph = name == "onnx"
    ask = ASK_GRAPH + SAY_GRAPH[task] if graph else ASK_MODEL + SAY_MODEL[task]
    return Template(OPEN[name] + "\n" + READ + ask).substitute(
        auto=AUTO[task],
        base=quoted(base.name),
        revision=f", revision={quoted(base.revision)}" if base.revision else "",
    )
