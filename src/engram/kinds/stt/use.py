"""How each format is opened without Engram, as Python that runs in the artifact's folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from engram.export.format import BaseRef
from engram.export.use import quoted

READ = """import soundfile

samples, rate = soundfile.read("speech.wav", dtype="float32")  # one channel, at the model's own rate
"""
CLASSES = """import torch
from transformers import AutoConfig, AutoModelForCTC, AutoModelForSpeechSeq2Seq, AutoProcessor
"""
OPEN = {
    "merged": CLASSES
    + """
processor = AutoProcessor.from_pretrained("./merged")
writes = AutoConfig.from_pretrained("./merged").is_encoder_decoder
model = (AutoModelForSpeechSeq2Seq if writes else AutoModelForCTC).from_pretrained("./merged").eval()
""",
    "adapter": CLASSES
    + """from peft import PeftModel

processor = AutoProcessor.from_pretrained("./adapter")
writes = AutoConfig.from_pretrained($base$revision).is_encoder_decoder
opener = AutoModelForSpeechSeq2Seq if writes else AutoModelForCTC
base = opener.from_pretrained($base$revision, dtype=torch.float32)
model = PeftModel.from_pretrained(base, "./adapter").eval()
""",
    "onnx": """import numpy
import onnxruntime
from transformers import AutoProcessor

processor = AutoProcessor.from_pretrained("./onnx")
session = onnxruntime.InferenceSession("./onnx/model.onnx")
""",
}
ASK_MODEL = """batch = processor(samples, sampling_rate=processor.feature_extractor.sampling_rate, return_tensors="pt")
with torch.inference_mode():
    if writes:
        tokens = model.generate(batch["input_features"], do_sample=False, num_beams=1)
        print(processor.batch_decode(tokens, skip_special_tokens=True)[0].strip())
    else:
        tokens = model(**batch).logits.argmax(-1)
        # Blanks part equal characters, so none is skipped before.
        print(" ".join(processor.tokenizer.decode(tokens[0]).split()))
"""
ASK_GRAPH = """batch = processor(samples, sampling_rate=processor.feature_extractor.sampling_rate, return_tensors="np")
name = session.get_inputs()[0].name
given = {name: batch[name]}
if len(session.get_inputs()) > 1:
    given["attention_mask"] = batch.get("attention_mask", numpy.ones(batch[name].shape[:2])).astype("int64")
tokens = session.run(["logits"], given)[0].argmax(-1)
# Blanks part equal characters, so none is skipped before.
print(" ".join(processor.tokenizer.decode(tokens[0]).split()))
"""


def how_to_use(name: str, task: str, kept: Mapping[str, str], base: BaseRef) -> str:
    """Return the Python that opens a format and asks it about a recording; empty for a plugin's format."""
    if name not in OPEN:
        return ""
    ask = ASK_GRAPH if name == "onnx" else ASK_MODEL
    return Template(OPEN[name] + "\n" + READ + ask).substitute(
        base=quoted(base.name), revision=f", revision={quoted(base.revision)}" if base.revision else ""
    )
