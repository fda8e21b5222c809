"""The set loss of detectors, row by row: each true box is given to one found box, and the others find nothing.

Source: Carion et al., End-to-End Object Detection with Transformers, 2020 (softmax, with a class for nothing), and Zhu
et al., Deformable DETR, 2021 (sigmoid, focal). transformers' own loss divides by the boxes of a whole batch, so that a
row's share depends on the rows beside it; this one is what transformers' gives a row alone, summed over the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch.nn import functional

NOTHING = -1  # the class of a place that only fills the batch up
SOFTMAX = ("detr", "table-transformer", "yolos")
FOCAL = ("conditional_detr", "dab-detr", "deformable_detr")
ALPHA, GAMMA = 0.25, 2.0  # of the matching cost; that of the loss is the configuration's

Given = dict[str, torch.Tensor]


def row_loss(config: Any) -> Callable[..., tuple[torch.Tensor, dict[str, Any], None]]:
    """Return what a model takes in place of its own `loss_function`.

    It is called as that is, with ``{"classes": (rows, most), "boxes": (rows, most, 4)}`` in place of the list of
    targets: boxes as middle, width and height, in shares of the picture, NOTHING as class where a row has fewer. It
    gives the sum over rows and layers.
    """

    def summed(
        logits: torch.Tensor,
        labels: Given,
        device: Any,
        pred_boxes: torch.Tensor,
        config: Any = config,
        outputs_class: torch.Tensor | None = None,
        outputs_coord: torch.Tensor | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, dict[str, Any], None]:
        total = _layer(logits.float(), pred_boxes.float(), labels, config)
        if config.auxiliary_loss and outputs_class is not None and outputs_coord is not None:
            for one, boxes in zip(outputs_class[:-1], outputs_coord[:-1], strict=True):
                total = total + _layer(one.float(), boxes.float(), labels, config)
        return total, {}, None

    return summed


def _layer(logits: torch.Tensor, boxes: torch.Tensor, given: Given, config: Any) -> torch.Tensor:
    """Return the loss of one layer's answers, logits (rows, places, classes) and boxes (rows, places, 4)."""
    focal = config.model_type in FOCAL
    row, place, truth = _assign(logits, boxes, given, config, focal)
    found, wanted, classes = boxes[row, place], given["boxes"][row, truth], given["classes"][row, truth]
    count = (given["classes"] != NOTHING).sum(1).clamp(min=1).to(logits.dtype)
    apart = (found - wanted).abs().sum(1) / count[row]
    cover = (1 - overlap(corners(found), corners(wanted))) / count[row]
    drawn: torch.Tensor = config.bbox_loss_coefficient * apart.sum() + config.giou_loss_coefficient * cover.sum()
    if focal:
        target = torch.zeros_like(logits)
        target[row, place, classes] = 1.0
        return (_focal(logits, target, config.focal_alpha).sum((1, 2)) / count).sum() + drawn
    nothing = logits.shape[2] - 1
    target = torch.full(logits.shape[:2], nothing, dtype=torch.int64, device=logits.device)
    target[row, place] = classes
    weights = torch.where(target == nothing, config.eos_coefficient, 1.0)
    surprise = functional.cross_entropy(logits.transpose(1, 2), target, reduction="none")
    return ((surprise * weights).sum(1) / weights.sum(1)).sum() + drawn


@torch.no_grad()
def _assign(
    logits: torch.Tensor, boxes: torch.Tensor, given: Given, config: Any, focal: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return row, place and true box of each pair (the Hungarian method, row by row)."""
    classes, wanted = given["classes"], given["boxes"]
    index = classes.clamp(min=0)[:, None, :].expand(-1, logits.shape[1], -1)
    if focal:
        chance = logits.sigmoid().gather(2, index)
        off = (1 - ALPHA) * chance**GAMMA * -(1 - chance + 1e-8).log()
        cost = ALPHA * (1 - chance) ** GAMMA * -(chance + 1e-8).log() - off
    else:
        cost = -logits.softmax(-1).gather(2, index)
    apart = (boxes[:, :, None, :] - wanted[:, None, :, :]).abs().sum(-1)
    cover = overlap(corners(boxes)[:, :, None, :], corners(wanted)[:, None, :, :])
    whole = config.class_cost * cost + config.bbox_cost * apart - config.giou_cost * cover
    table = torch.nan_to_num(whole, nan=1e9, posinf=1e9, neginf=-1e9).cpu().numpy()
    rows: list[int] = []
    places: list[int] = []
    truths: list[int] = []
    for row, count in enumerate((classes != NOTHING).sum(1).tolist()):
        if count:
            place, truth = linear_sum_assignment(table[row, :, :count])
            rows += [row] * len(place)
            places += place.tolist()
            truths += truth.tolist()
    made = [torch.tensor(found, dtype=torch.int64, device=logits.device) for found in (rows, places, truths)]
    return made[0], made[1], made[2]


def _focal(logits: torch.Tensor, target: torch.Tensor, alpha: float) -> torch.Tensor:
    """Return the focal loss of each class of each place (Lin et al., Focal Loss for Dense Object Detection, 2017)."""
    chance = logits.sigmoid()
    surprise = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    right = chance * target + (1 - chance) * (1 - target)
    found = surprise * (1 - right) ** GAMMA
    return (alpha * target + (1 - alpha) * (1 - target)) * found if alpha >= 0 else found


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Return boxes given as middle, width and height as left, top, right and bottom.

    >>> corners(torch.tensor([0.5, 0.5, 0.2, 0.4])).tolist()
    [0.4000000059604645, 0.30000001192092896, 0.6000000238418579, 0.699999988079071]
    """
    middle, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([middle - size / 2, middle + size / 2], dim=-1)


def overlap(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the generalised intersection over union of boxes given by their corners, -1 to 1.

    Source: Rezatofighi et al., Generalized Intersection over Union, 2019.

    >>> overlap(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 1.0, 2.0])).item()
    0.5
    """
    inner = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    outer = (torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])).clamp(min=0)
    areas = [(box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (one, other)]
    common, hull = inner[..., 0] * inner[..., 1], outer[..., 0] * outer[..., 1]
    union = areas[0] + areas[1] - common
    return common / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)
