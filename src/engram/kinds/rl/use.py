"""How each format is opened without Engram, as Python that runs in the artifact's folder. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from engram.export.format import BaseRef

OPEN = {
    "weights": """import json

import torch
from safetensors.torch import load_file

with open("./weights/config.json", encoding="utf-8") as file:
    config = json.load(file)
weights = load_file("./weights/model.safetensors")
names = sorted({name.rsplit(".", 1)[0] for name in weights}, key=lambda name: int(name.split(".")[1]))
activation = {"tanh": torch.tanh, "relu": torch.relu}[config["activation"]]


def policy(observation):
    shown = config["observation"]
    if shown["kind"] == "discrete":
        found = torch.nn.functional.one_hot(observation - shown["start"], shown["n"]).float()
    else:
        found = observation.float().flatten(1)
    for name in names:
        found = torch.nn.functional.linear(found, weights[f"{name}.weight"], weights[f"{name}.bias"])
        found = activation(found) if name != names[-1] else found
    if config["output"] == "scores":
        return config["action"]["start"] + found.argmax(1)
    low, high = torch.tensor(config["action"]["low"]), torch.tensor(config["action"]["high"])
    if config["output"] == "squashed":
        return low + 0.5 * (torch.tanh(found) + 1) * (high - low)
    return torch.minimum(torch.maximum(found, low), high)


print(policy(torch.zeros(1, *config["observation"].get("shape", []), dtype=torch.int64)))  # one observation
""",
    "onnx": """import json

import numpy
import onnxruntime

with open("./onnx/config.json", encoding="utf-8") as file:
    config = json.load(file)
graph = onnxruntime.InferenceSession("./onnx/model.onnx")
shown = config["observation"]
kind = "int64" if shown["kind"] == "discrete" else "float32"
observation = numpy.zeros((1, *shown.get("shape", [])), dtype=kind)
found = graph.run(["logits"], {"observation": observation})[0]
print(config["action"]["start"] + found.argmax(1) if config["output"] == "scores" else found)
""",
}


def how_to_use(name: str, task: str, kept: Mapping[str, str], base: BaseRef) -> str:
    """Return the Python that opens a format and asks it what to do; empty for a plugin's format."""
    return OPEN.get(name, "")
