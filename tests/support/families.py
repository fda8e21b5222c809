"""Tiny models of four families for every task of the language kind, saved by path and tuned on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from support import tiny

from engram.export.format import BaseRef
from engram.export.heads import head_modules
from engram.export.tasks import TASKS, open_model
from engram.export.tokens import fit_embeddings, token_rows

ADDED = ("<context>", "<response>")
PEFT_TASKS = {"classify": "SEQ_CLS", "tag": "TOKEN_CLS", "generate": "CAUSAL_LM", "seq2seq": "SEQ_2_SEQ_LM"}
TOKENIZERS = {
    "bert": transformers.BertTokenizerFast,
    "qwen2": transformers.Qwen2Tokenizer,
    "gpt2": transformers.GPT2Tokenizer,
    "t5": transformers.T5Tokenizer,
}


def save_base(family: str, folder: Path, seed: int = 0, tied: bool = True) -> Path:
    """Save an untrained base and its tokenizer; an untied t5 keeps an output embedding of its own, as flan-t5 does."""
    tokenizer = TOKENIZERS[family]().train_new_from_iterator(tiny.corpus(), vocab_size=300)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    torch.manual_seed(seed)
    model = _model(family, tokenizer, tied)
    model.save_pretrained(folder)
    if family == "t5" and not tied:
        file = folder / "model.safetensors"
        save_file({**load_file(file), "lm_head.weight": torch.randn(len(tokenizer), 32)}, file, {"format": "pt"})
    tokenizer.save_pretrained(folder)
    return folder


def tuned(folder: Path, task: str, added: tuple[str, ...] = (), adapter: bool = True) -> tuple[Any, Any, BaseRef]:
    """Return (model, tokenizer, base) as a training would leave them: nothing that was trained is where it began."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    head = {"num_labels": len(tiny.LABELS), "pad_token_id": tokenizer.pad_token_id} if TASKS[task].labelled else {}
    torch.manual_seed(1)
    model = open_model(folder, task, dtype=torch.float32, **head)
    if TASKS[task].labelled:
        model.config.id2label = dict(enumerate(tiny.LABELS))
    tokenizer.add_tokens(list(added), special_tokens=True)
    fit_embeddings(model, tokenizer, mean_resizing=True)
    if adapter:
        rows = token_rows(model, tokenizer.convert_tokens_to_ids(list(added)))
        kind = "seq2seq" if task == "generate" and model.config.is_encoder_decoder else task
        config = LoraConfig(
            r=4,
            target_modules="all-linear",
            modules_to_save=head_modules(model) if TASKS[task].labelled else None,
            exclude_modules=head_modules(model) if TASKS[task].labelled else None,
            task_type=PEFT_TASKS[kind],
            trainable_token_indices=rows or None,
        )
        model = get_peft_model(model, config)
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval(), tokenizer, BaseRef(folder, "org/tiny", "f" * 40, "sha256:ba5e")


def batches(tokenizer: Any, seq2seq: bool, added: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return four batches of other sizes than any example's, with padding, as plain lists."""
    found = []
    for rows, longest in ((1, 2), (4, 14), (7, 8), (3, 30)):
        texts = [" ".join((*added, row.text)) for row in tiny.sentences(rows, seed=rows, longest=longest)]
        batch = tokenizer(texts, padding=True, padding_side="right", truncation=True, max_length=40)
        given = {name: batch[name] for name in ("input_ids", "attention_mask")}
        if seq2seq:
            text = tokenizer([row.text for row in tiny.sentences(rows, seed=5)], padding=True)["input_ids"]
            given["decoder_input_ids"] = [[tokenizer.pad_token_id, *ids[:rows]] for ids in text]
        found.append(given)
    return found


def tensors(batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return a batch as tensors."""
    return {name: torch.tensor(values) for name, values in batch.items()}


def _model(family: str, tokenizer: Any, tied: bool) -> Any:
    special = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "eos", "bos")}
    size = {"vocab_size": len(tokenizer), "initializer_range": 0.3, **special}
    if family == "gpt2":
        config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=64, **size)
        return transformers.GPT2LMHeadModel(config)
    if family == "t5":
        shape = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4}
        start = {"decoder_start_token_id": tokenizer.pad_token_id, "tie_word_embeddings": tied}
        return transformers.T5ForConditionalGeneration(transformers.T5Config(**shape, **start, **size))
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    if family == "bert":
        return transformers.BertModel(transformers.BertConfig(**shape, max_position_embeddings=64, **size))
    tie = {"tie_word_embeddings": tied, "num_key_value_heads": 2, "max_position_embeddings": 64}
    return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**shape, **tie, **size))
