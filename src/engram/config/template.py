"""The recipe that `engram recipes new` writes: whole, commented, and good to run once its data is in place."""

from __future__ import annotations

from engram.schema.recipe import FORMAT

TEMPLATE = """\
# yaml-language-server: $schema=recipe.schema.json
# Editors complete and check this file after: engram recipes schema > recipe.schema.json
# Check it yourself with: engram recipes validate {name}.yaml

format: {format}
name: {name}
title: {title}
kind: language
task: classify
use: commercial                      # or research; the licences of the data must allow it

model:
  source: embedded:minilm            # a hub id, a local folder, or the encoder that needs no network

data:
  sources:
    - {{path: data/{name}.csv, license: unstated}}   # CSV or JSON lines; the path starts from this file's folder
  columns: {{text: text, label: label}}              # role: column of the file
  # labels: {{"0": negative, "1": positive}}         # value in the file: name shown to people
  split: {{train: 0.8, valid: 0.1, test: 0.1, stratify: label, seed: 42}}
  # group: a column whose equal values stay in one part, as {{…, group: author}} in the split

prep: [normalise]

adapter: {{type: lora, r: 16, alpha: 32}}

train:
  learning_rate: 1.0e-3
  num_train_epochs: 3
  per_device_train_batch_size: 16
  max_seq_length: 128                # longer texts are cut, and counted

evaluate: {{metrics: [accuracy, macro_f1, confusion_matrix, ece]}}

# What the kind asks for is always judged (engram kinds show language); what stands here is asked on top.
# gates:
#   evaluate:
#     - {{metric: accuracy, at_least: 0.88, severity: major}}

export: [adapter, merged]

profiles:
  offline:                           # engram train {name}.yaml --profile offline, and --local-test
    model: {{source: embedded:minilm}}
"""


def recipe_template(name: str) -> str:
    """Return the text of a new recipe.

    >>> recipe_template("my_reviews").splitlines()[6]
    'title: My reviews'
    """
    title = name.replace("_", " ").replace("-", " ").capitalize()
    return TEMPLATE.format(name=name, title=title, format=FORMAT)
