"""How each format is opened without Engram, as Python that runs in the artifact's folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from engram.export.format import BaseRef
from engram.export.use import quoted

OPEN = {
    "merged": """processor = SpeechT5Processor.from_pretrained("./merged")
model = SpeechT5ForTextToSpeech.from_pretrained("./merged").eval()
""",
    "adapter": """from peft import PeftModel

processor = SpeechT5Processor.from_pretrained("./adapter")
base = SpeechT5ForTextToSpeech.from_pretrained($base$revision, dtype=torch.float32)
model = PeftModel.from_pretrained(base, "./adapter").eval().get_base_model()
""",
}
BEGIN = """from pathlib import Path

import torch
from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Processor

"""
ASK = """torch.manual_seed(7)  # SpeechT5 keeps some dropout on when it speaks
voice = torch.zeros(1, model.config.speaker_embedding_dim)
voice[0, 0] = 1.0  # the first line of labels.json, where it names voices
pieces = processor(text="good morning.", return_tensors="pt")["input_ids"]  # lower case, numbers as words
frames = model.generate_speech(pieces, voice)  # log10 mel spectrogram, 62.5 frames a second
print(tuple(frames.shape))
if Path("./$name/vocoder").is_dir():
    import soundfile

    sound = SpeechT5HifiGan.from_pretrained("./$name/vocoder").eval()(frames)
    soundfile.write("speech.wav", sound.detach().numpy(), processor.feature_extractor.sampling_rate)
else:
    print("This model has no vocoder: any way from mel spectrograms to sound will do, as Griffin-Lim.")
"""


def how_to_use(name: str, task: str, kept: Mapping[str, str], base: BaseRef) -> str:
    """Return the Python that opens a format and lets it speak; empty for a plugin's format."""
    if name not in OPEN:
        return ""
    return Template(BEGIN + OPEN[name] + "\n" + ASK).substitute(
        name=name, base=quoted(base.name), revision=f", revision={quoted(base.revision)}" if base.revision else ""
    )
