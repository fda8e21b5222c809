"""The loss of models that answer tokens: chunked where the output layer is known, from all logits elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn import functional

from engram.train.cross_entropy import MASKED, linear_cross_entropy

# Logits made here may differ from the model's own by this share of the largest: rounding only.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Head:
    """A linear output layer, and the bound that the model puts on its logits."""

    layer: nn.Linear
    softcap: float | None


_found: WeakKeyDictionary[nn.Module, Head | None] = WeakKeyDictionary()


def token_loss(model: Any, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy over the tokens that have a target, and their number.

    batch: what the model takes, and ``targets`` of the shape of its tokens, MASKED where there is none; position t
    holds what the model is to answer there, so for a causal model the next token (as `packing.pack` makes them).
    Packed and padded batches are the same to it.
    """
    inputs: dict[str, Any] = {name: tensor for name, tensor in batch.items() if name != "targets"}
    if getattr(model.config, "use_cache", False):
        inputs["use_cache"] = False  # nothing is generated, so nothing is to be remembered
    targets = batch["targets"]
    head = find_head(model)
    if head is None:
        logits = model(**inputs).logits.flatten(0, -2)
        wanted = targets.flatten()
        exact = logits if logits.dtype == torch.float64 else logits.float()
        total = functional.cross_entropy(exact, wanted, ignore_index=MASKED, reduction="sum")
        return total, int((wanted != MASKED).sum())
    hidden = _hidden(model, head, inputs)
    return linear_cross_entropy(hidden, head.layer.weight, targets, bias=head.layer.bias, softcap=head.softcap)


def find_head(model: Any) -> Head | None:
    """Return the output layer whose logits can be made in chunks, or None; what is found is remembered.

    It must be a plain linear layer (no adapter on it), and what it makes of hidden states must be the model's own
    logits: that is tried on four tokens, so a model that scales its logits in a way unknown here is left alone.
    """
    if model not in _found:
        _found[model] = _look(model)
    return _found[model]


def _look(model: Any) -> Head | None:
    layer: Any = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    if hasattr(layer, "modules_to_save"):  # peft's wrapper around a layer that is trained beside the adapter
        layer = layer.modules_to_save[layer.active_adapter]
    if type(layer) is not nn.Linear:
        return None
    config = model.config.get_text_config()
    head = Head(layer, getattr(config, "final_logit_softcapping", None))
    ids = torch.arange(1, 5, device=layer.weight.device)[None] % config.vocab_size
    inputs = {"input_ids": ids, **({"decoder_input_ids": ids} if config.is_encoder_decoder else {})}
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(ids.device.type, enabled=False):
            wanted = model(**inputs).logits
            logits = layer(_hidden(model, head, inputs))
    finally:
        model.train(training)
    if head.softcap is not None:
        logits = torch.tanh(logits / head.softcap) * head.softcap
    close = wanted.shape == logits.shape and (wanted - logits).abs().max() <= TOLERANCE * wanted.abs().max()
    return head if close else None


def _hidden(model: Any, head: Head, inputs: Mapping[str, Any]) -> torch.Tensor:
    """Run a model up to its output layer and return what that layer is given."""
    with _caught(head.layer) as given:
        model(**inputs)
    return given[0]


@contextmanager
def _caught(layer: nn.Linear) -> Iterator[list[torch.Tensor]]:
    """Keep what a layer is given, and let it answer a single column instead of its logits."""
    given: list[torch.Tensor] = []

    def catch(hidden: torch.Tensor) -> torch.Tensor:
        given.append(hidden)
        return hidden[..., :1]

    layer.forward = catch  # type: ignore[method-assign, assignment]
    try:
        yield given
    finally:
        del layer.forward
