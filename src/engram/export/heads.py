"""The head of a model with labels: what stands on the body, is drawn anew for each task, and must be in the adapter."""

from __future__ import annotations

from typing import Any

ENCODER = "encoder"  # the body of a model whose class has no prefix for it, as Whisper's classifier


def head_modules(model: Any) -> list[str]:
    """Return the names of the parts of a model that are not its body and have weights, as `classifier` or `score`.

    peft saves `classifier` and `score` by itself and no others: a T5 has `classification_head`, a DistilBERT
    `pre_classifier` too. Give these names to peft as `modules_to_save`, and as `exclude_modules` where every linear
    layer is a target, since a part can't be adapted and saved whole at once.
    """
    body = model.base_model_prefix if hasattr(model, model.base_model_prefix) else ENCODER
    return [name for name, part in model.named_children() if name != body and next(part.parameters(), None) is not None]


def lost_heads(model: Any) -> list[str]:
    """Return the parts of a peft model's head that a file of its adapter would not hold."""
    from peft.utils.other import ModulesToSaveWrapper

    inner = model.get_base_model()
    return [name for name in head_modules(inner) if not isinstance(getattr(inner, name), ModulesToSaveWrapper)]
