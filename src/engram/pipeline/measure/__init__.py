"""What each stage measures: one file a stage, each a function from the context to a report."""

from engram.pipeline.measure.baseline import baseline
from engram.pipeline.measure.data import data
from engram.pipeline.measure.evaluate import evaluate
from engram.pipeline.measure.export import export
from engram.pipeline.measure.simulate import simulate
from engram.pipeline.measure.train import train

__all__ = ["baseline", "data", "evaluate", "export", "simulate", "train"]
