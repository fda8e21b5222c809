"""Models that the platform makes itself, with random weights: one that says what a picture is, one that finds things.

They need no network, and what they know they learn from the recipe's rows alone. The same versions of Engram and of its
libraries make the same files, byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import (
    ConvNextConfig,
    ConvNextForImageClassification,
    DeformableDetrConfig,
    DeformableDetrForObjectDetection,
)
from transformers.models.deformable_detr.image_processing_pil_deformable_detr import DeformableDetrImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from engram import files
from engram.export.base import quiet
from engram.settings import load_settings

FORMAT = "engram.made/1"
SEED = 20_261_126
COLOURS = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
# Convolutions as in ConvNeXt. Each layer counts fully from the beginning, where deep networks begin at next to nothing.
CONVOLUTIONS: dict[str, Any] = {"patch_size": 4, "num_stages": 2, "layer_scale_init_value": 1.0, "drop_path_rate": 0.0}
PLANS: dict[str, dict[str, Any]] = {
    "glance": {"size": 32, "body": {**CONVOLUTIONS, "hidden_sizes": [64, 128], "depths": [2, 2]}},
    # Places look at few points around them, on two scales: it learns in a thousand steps where attention to the whole
    # picture (Conditional DETR) still took every class for every other one.
    "spotter": {
        "size": 64,
        "body": {**CONVOLUTIONS, "hidden_sizes": [32, 64], "depths": [1, 2], "out_features": ["stage1", "stage2"]},
        "head": {
            "num_feature_levels": 2,
            "with_box_refine": True,
            "focal_alpha": 0.5,
            "d_model": 64,
            "encoder_layers": 1,
            "decoder_layers": 2,
            **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 128),
            **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
            "num_queries": 12,
            "dropout": 0.0,
            "auxiliary_loss": True,
        },
    },
}


def make(name: str) -> Path:
    """Return the folder of a made model (``glance``, ``spotter``); it is made once and then found again."""
    plan = {
        "format": FORMAT,
        "name": name,
        "plan": PLANS[name],
        "seed": SEED,
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
    folder = load_settings().home / "models" / files.json_digest(plan).removeprefix("sha256:")
    if not folder.is_dir():
        with files.new_folder(folder) as making, quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            for part in _MAKERS[name](PLANS[name]):
                part.save_pretrained(making)
    return folder


def _glance(plan: dict[str, Any]) -> tuple[Any, Any]:
    of: Any = ViTImageProcessorPil
    return ConvNextForImageClassification(ConvNextConfig(**plan["body"])), of(size=_square(plan), **COLOURS)


def _spotter(plan: dict[str, Any]) -> tuple[Any, Any]:
    own: dict[str, Any] = dict.fromkeys(("use_timm_backbone", "use_pretrained_backbone"), False)
    told: dict[str, Any] = {"backbone_config": ConvNextConfig(**plan["body"]), "backbone": None, **own, **plan["head"]}
    of: Any = DeformableDetrImageProcessorPil
    reader = of(size=_square(plan), do_pad=False, **COLOURS)
    return DeformableDetrForObjectDetection(DeformableDetrConfig(**told)), reader


def _square(plan: dict[str, Any]) -> dict[str, int]:
    return {"height": plan["size"], "width": plan["size"]}


_MAKERS: dict[str, Callable[[dict[str, Any]], tuple[Any, Any]]] = {"glance": _glance, "spotter": _spotter}
