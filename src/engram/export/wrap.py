"""A model as one graph: token ids in, logits out, no cache, nothing of training left. Made ready for every exporter."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engram.errors import UserError
from engram.export.format import BaseRef
from engram.export.graph import Graph, Run
from engram.export.tasks import Task, as_task
from engram.export.weights import write_config

INPUTS = ("input_ids", "attention_mask")
SEQ2SEQ_INPUTS = (*INPUTS, "decoder_input_ids")
TRAINING_HOOK = "make_inputs_require_grads"  # set for gradient checkpointing; no exporter can follow it
TOLERANCE = 1e-4
FIRST_SHAPE, OTHER_SHAPE = (2, 8, 5), (3, 11, 4)  # rows, tokens, tokens of the decoder
SHAPES = (FIRST_SHAPE, OTHER_SHAPE, (1, 4, 1))  # the first is traced, the others prove it


class Logits(nn.Module):
    """Encoders and causal models: (rows, tokens) ids and mask → logits.

    A causal model that generates counts its positions from the first token that is no padding, as transformers' own
    `generate` does, so that padding on the left moves nothing.
    """

    def __init__(self, model: nn.Module, fixed: Mapping[str, Any], count_positions: bool) -> None:
        super().__init__()
        self.model, self.fixed, self.count_positions = model, dict(fixed), count_positions

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the logits, (rows, labels), (rows, tokens, labels) or (rows, tokens, words)."""
        more = dict(self.fixed)
        if self.count_positions:
            first = attention_mask.argmax(dim=-1, keepdim=True)
            places = torch.arange(input_ids.shape[1], device=input_ids.device)
            more["position_ids"] = (places[None, :] - first).clamp(min=0)
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, **more).logits
        return logits


class Seq2SeqLogits(nn.Module):
    """Encoder and decoder: ids and mask (rows, tokens), decoder ids (rows, written) → logits (rows, written, words)."""

    def __init__(self, model: nn.Module, fixed: Mapping[str, Any]) -> None:
        super().__init__()
        self.model, self.fixed = model, dict(fixed)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, decoder_input_ids: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits of the decoder."""
        given = {"input_ids": input_ids, "attention_mask": attention_mask, "decoder_input_ids": decoder_input_ids}
        logits: torch.Tensor = self.model(**given, **self.fixed).logits
        return logits


def inputs_of(config: Any, task: str | Task) -> tuple[str, ...]:
    """Return the names of the graph's inputs, in order."""
    return SEQ2SEQ_INPUTS if as_task(task).seq2seq and getattr(config, "is_encoder_decoder", False) else INPUTS


def free(config: Any, task: str | Task) -> dict[str, dict[int, str]]:
    """Return which sizes of each input are left free, by names."""
    second = {"decoder_input_ids": "written"}
    return {name: {0: "batch", 1: second.get(name, "tokens")} for name in inputs_of(config, task)}


def opened(run: Run, config: Any) -> Graph:
    """Return a graph that was opened, as a model that is called by its inputs."""
    return Graph(run, config)


def wrap(model: nn.Module, task: str | Task) -> nn.Module:
    """Return the module that takes `inputs_of` the model and gives its logits."""
    known = inspect.signature(model.forward).parameters
    fixed = {"use_cache": False} if "use_cache" in known else {}
    if inputs_of(model.config, task) == SEQ2SEQ_INPUTS:
        return Seq2SeqLogits(model, fixed).eval()
    return Logits(model, fixed, as_task(task).name == "generate" and "position_ids" in known).eval()


def whole_copy(model: Any) -> Any:
    """Return a copy on the CPU, in fp32, with any adapter folded in and the hooks of training removed."""
    whole = copy.deepcopy(model)
    if hasattr(whole, "merge_and_unload"):
        whole = whole.merge_and_unload(safe_merge=True)
    for part in whole.modules():  # transformers can't remove its own hook when it was set twice
        for key in [key for key, hook in part._forward_hooks.items() if getattr(hook, "__name__", "") == TRAINING_HOOK]:
            del part._forward_hooks[key]
    return whole.to(device="cpu", dtype=torch.float32).eval().requires_grad_(False)


def example(config: Any, task: str | Task, shape: tuple[int, int, int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs of a shape (rows, tokens, written): plain tokens, an end where the model has one, a row padded."""
    rows, tokens, written = shape
    chance = torch.Generator().manual_seed(seed)
    text = config.get_text_config()
    tokens = min(tokens, getattr(text, "max_position_embeddings", None) or tokens)
    special = {getattr(text, f"{name}_token_id", None) for name in ("pad", "eos", "bos", "decoder_start")}
    plain = torch.tensor([token for token in range(text.vocab_size) if token not in special] or [0])
    ids = plain[torch.randint(len(plain), (rows, tokens), generator=chance)]
    mask = torch.ones_like(ids)
    ends = [tokens - 1] * (rows - 1) + [tokens - 3]
    for row, end in enumerate(ends):
        if isinstance(text.eos_token_id, int):
            ids[row, end] = text.eos_token_id
        ids[row, end + 1 :], mask[row, end + 1 :] = text.pad_token_id or 0, 0
    given = {"input_ids": ids, "attention_mask": mask}
    if inputs_of(config, task) == SEQ2SEQ_INPUTS:
        given["decoder_input_ids"] = plain[torch.randint(len(plain), (rows, written), generator=chance)]
    return given


def prove(
    wrapped: nn.Module,
    run: Callable[[Mapping[str, torch.Tensor]], torch.Tensor],
    config: Any,
    task: str | Task,
    title: str,
) -> None:
    """Make sure that a graph answers as the model does, for a number of rows and a length that it never saw.

    Raises UserError when it does not: the graph has the sizes of its example built in.
    """
    graph = as_task(task).graphing()
    for seed, shape in enumerate(graph.SHAPES):
        given = graph.example(config, task, shape, seed)
        with torch.inference_mode():
            wanted = wrapped(**given)
        try:
            off = float((run(given) - wanted).abs().max()) / max(1.0, float(wanted.abs().max()))
        except Exception as error:  # each runtime has errors of its own
            raise _unfit(config, title, (str(error).strip() or "?").splitlines()[-1][:200]) from error
        if not off <= TOLERANCE:
            raise _unfit(config, title, f"for {shape[0]} rows of {shape[1]} tokens its logits lie {off:.1e} off")


def refuse_architecture(config: Any, title: str, error: Exception) -> UserError:
    """Return the error for an exporter that gave up on a model."""
    return _unfit(config, title, f"{type(error).__name__}: {(str(error).strip() or '?').splitlines()[0][:200]}")


def save_beside(whole: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task) -> None:
    """Save what a graph needs besides itself: configuration, tokenizer and, to generate, how an answer ends."""
    if isinstance(whole.config, Mapping):
        write_config(whole, base, folder)
        return
    whole.config._name_or_path = base.name
    whole.config.save_pretrained(folder)
    if as_task(task).name == "generate" and getattr(whole, "generation_config", None) is not None:
        whole.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _unfit(config: Any, title: str, why: str) -> UserError:
    named = config["model_type"] if isinstance(config, Mapping) else config.model_type
    return UserError(
        f"This {named} model can't be exported as {title}: {why}.",
        remedy="Leave this format out of 'export'; merged and adapter take every model.",
    )
