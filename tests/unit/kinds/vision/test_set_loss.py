"""The set loss is what transformers' own gives a row alone, for each architecture, and rows only add up."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    ConditionalDetrConfig,
    ConditionalDetrForObjectDetection,
    ConvNextConfig,
    DeformableDetrConfig,
    DeformableDetrForObjectDetection,
    DetrConfig,
    DetrForObjectDetection,
    YolosConfig,
    YolosForObjectDetection,
)

from engram.kinds.vision.detect.set_loss import NOTHING, row_loss

COUNTS = (2, 0, 3, 1)


def body() -> ConvNextConfig:
    return ConvNextConfig(
        patch_size=4, hidden_sizes=[8, 8], depths=[1, 1], num_stages=2, out_features=["stage2"], num_labels=4
    )


def settings(**more: Any) -> dict[str, Any]:
    own = dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 16)
    own |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    own |= dict.fromkeys(("use_timm_backbone", "use_pretrained_backbone"), False)
    layers = {"encoder_layers": 1, "decoder_layers": 2, "num_queries": 6, "dropout": 0.0, "auxiliary_loss": True}
    return {"backbone_config": body(), "backbone": None, "d_model": 32, "num_labels": 4, **own, **layers, **more}


def yolos() -> Any:
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    sizes = {"image_size": [32, 32], "patch_size": 16, "num_detection_tokens": 6, "use_mid_position_embeddings": False}
    return YolosForObjectDetection(YolosConfig(**small, **sizes, num_labels=4))


MODELS = {
    "yolos": yolos,
    "detr": lambda: DetrForObjectDetection(DetrConfig(**settings())),
    "conditional_detr": lambda: ConditionalDetrForObjectDetection(ConditionalDetrConfig(**settings())),
    "deformable_detr": lambda: DeformableDetrForObjectDetection(
        DeformableDetrConfig(**settings(num_feature_levels=1, with_box_refine=True))
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_is_what_a_row_gets_alone_summed_over_rows(name):
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    pixels = torch.randn(len(COUNTS), 3, 32, 32)
    classes = torch.full((len(COUNTS), max(COUNTS)), NOTHING)
    boxes = torch.zeros(len(COUNTS), max(COUNTS), 4)
    alone = []
    for row, count in enumerate(COUNTS):
        classes[row, :count] = torch.randint(0, 4, (count,))
        boxes[row, :count] = torch.rand(count, 4) * 0.5 + 0.2
        own = [{"class_labels": classes[row, :count], "boxes": boxes[row, :count]}]
        with torch.no_grad():
            alone.append(float(model(pixel_values=pixels[row : row + 1], labels=own).loss))
    model.loss_function = row_loss(model.config)
    whole = model(pixel_values=pixels, labels={"classes": classes, "boxes": boxes}).loss
    assert float(whole.detach()) == pytest.approx(sum(alone), rel=1e-5)
    whole.backward()
    assert all(torch.isfinite(one.grad).all() for one in model.parameters() if one.grad is not None)
