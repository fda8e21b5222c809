"""How each format is opened without Engram, as Python that runs in the artifact's folder; the model card shows it."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from engram.export.format import BaseRef
from engram.export.tasks import as_task, auto_class, is_seq2seq

# $auto: transformers' class for the task. $text: the example as a Python text, $words: as a list of them. $base and
# $revision: the base model, as arguments. $imports, $labels, $head: what a model with labels needs besides.
OPEN = {
    "merged": """import torch
from transformers import $auto, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("./merged")
model = $auto.from_pretrained("./merged").eval()

""",
    "adapter": """${imports}import torch
from peft import PeftModel
from transformers import $auto, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("./adapter")
${labels}base = $auto.from_pretrained($base$revision, dtype=torch.float32$head)
if len(tokenizer) > base.get_input_embeddings().num_embeddings:  # tokens were added
    base.resize_token_embeddings(len(tokenizer), mean_resizing=False)
model = PeftModel.from_pretrained(base, "./adapter").eval()

""",
    "onnx": """${numpy}import onnxruntime
from transformers import AutoConfig, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("./$name")
config = AutoConfig.from_pretrained("./$name")
session = onnxruntime.InferenceSession("./$name/model.onnx")


def logits_of(**inputs):
    return session.run(["logits"], inputs)[0]


""",
    "torchscript": """${numpy}import torch
from transformers import AutoConfig, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("./torchscript")
config = AutoConfig.from_pretrained("./torchscript")
model = torch.jit.load("./torchscript/model.pt")  # a program: open it only when `engram verify` has passed


def logits_of(**inputs):
    with torch.inference_mode():
        return model(**{name: torch.from_numpy(value) for name, value in inputs.items()}).numpy()


""",
}
OPEN["onnx_int8"] = OPEN["onnx"]
ASK_MODEL = {
    "classify": """batch = tokenizer([$text], padding=True, return_tensors="pt")
with torch.inference_mode():
    logits = model(**batch).logits
print(model.config.id2label[int(logits[0].argmax())])
""",
    "tag": """batch = tokenizer([$words], is_split_into_words=True, padding=True, return_tensors="pt")
with torch.inference_mode():
    logits = model(**batch).logits
print([model.config.id2label[label] for label in logits[0].argmax(-1).tolist()])  # one for each piece of a word
""",
    "generate": """batch = tokenizer([$text], return_tensors="pt")
written = model.generate(**batch, max_new_tokens=32, do_sample=False)
print(tokenizer.decode(written[0], skip_special_tokens=True))
""",
}
ASK_GRAPH = {
    "classify": """batch = tokenizer([$text], padding=True, return_tensors="np")
logits = logits_of(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
print(config.id2label[int(logits[0].argmax())])
""",
    "tag": """batch = tokenizer([$words], is_split_into_words=True, padding=True, return_tensors="np")
logits = logits_of(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
print([config.id2label[label] for label in logits[0].argmax(-1).tolist()])  # one for each piece of a word
""",
    "generate": """batch = tokenizer([$text], return_tensors="np")
ids, mask = batch["input_ids"], batch["attention_mask"]
for _ in range(32):  # the likeliest token, again and again
    token = logits_of(input_ids=ids, attention_mask=mask)[:, -1].argmax(-1)[:, None]
    ids, mask = numpy.concatenate([ids, token], 1), numpy.concatenate([mask, numpy.ones_like(token)], 1)
    if token[0, 0] == tokenizer.eos_token_id:
        break
print(tokenizer.decode(ids[0], skip_special_tokens=True))
""",
    "seq2seq": """batch = tokenizer([$text], return_tensors="np")
written = numpy.array([[config.decoder_start_token_id]])
for _ in range(32):  # the likeliest token, again and again
    given = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    token = logits_of(**given, decoder_input_ids=written)[:, -1].argmax(-1)[:, None]
    written = numpy.concatenate([written, token], 1)
    if token[0, 0] == tokenizer.eos_token_id:
        break
print(tokenizer.decode(written[0], skip_special_tokens=True))
""",
}
EXAMPLE_LENGTH = 80
IMPORTS = "import json\nfrom pathlib import Path\n\n"
LABELS = 'labels = json.loads(Path("labels.json").read_text(encoding="utf-8"))\n'
HEAD = ", id2label=dict(enumerate(labels)), pad_token_id=tokenizer.pad_token_id"


def how_to_use(name: str, task: str, kept: Mapping[str, str], base: BaseRef) -> str:
    """Return the Python that opens a format and asks it about a row as it was kept; empty for a plugin's format."""
    said = kept.get("text") or kept.get("prompt") or " ".join(kept.get("tokens", ())) or "…"
    example = " ".join(said.split())[:EXAMPLE_LENGTH]
    return how_to_open(name, task, example, base.name, base.revision, is_seq2seq(base.folder))


def how_to_open(name: str, task: str, example: str, base: str, revision: str = "", seq2seq: bool = False) -> str:
    """Return the Python that opens a format and answers the example, or an empty text for a format of a plugin.

    Raises UnknownName for an unknown task.
    """
    auto = auto_class(task, seq2seq)
    if name not in OPEN:
        return ""
    labelled, writes = as_task(task).labelled, "seq2seq" if seq2seq and task == "generate" else task
    ask = ASK_MODEL[task] if name in ("merged", "adapter") else ASK_GRAPH[writes]
    return Template(OPEN[name] + ask).substitute(
        name=name,
        auto=auto,
        text=quoted(example),
        words=f"[{', '.join(quoted(word) for word in example.split())}]",
        base=quoted(base),
        revision=f", revision={quoted(revision)}" if revision else "",
        imports=IMPORTS if labelled else "",
        numpy="" if labelled else "import numpy\n",
        labels=LABELS if labelled else "",
        head=HEAD if labelled else "",
    )


def quoted(text: str) -> str:
    """Return a text as Python writes it, harmless inside a fenced block of Markdown.

    >>> print(quoted("it's `a`"))
    "it's 'a'"
    """
    return repr(text.replace("`", "'"))
