"""Configuration files of LLaMA-Factory, Axolotl, TRL and AutoTrain → a recipe of ours, and what became of each key.

`importing.py` tells the story: read, recognise, convert, write. A peer has a table of its keys; each key's rule puts it
into exactly one of three lists: carried over, ignored with a reason, not supported yet. Names and meanings of keys are
those of the tools' public documentation: https://github.com/hiyouga/LLaMA-Factory,
https://docs.axolotl.ai, https://huggingface.co/docs/trl, https://huggingface.co/docs/autotrain.
"""
