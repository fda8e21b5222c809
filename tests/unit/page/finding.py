"""A run of a task that finds things on pictures, as records."""

from __future__ import annotations

from dataclasses import replace

from unit.page.conftest import DIGEST, Sample, _dealt, _uncounted, _verdict, a_sample
from unit.page.measured import boxes

from engram.schema.report import Measure, Report
from engram.schema.verdict import Finding


def finding() -> Sample:
    """Return a published run of a task that finds things on pictures."""
    sample = a_sample()
    method = "paired bootstrap, 2000 resamples, seed 0, 95 % percentile; COCO"
    measures = {
        "map": Measure(0.6114, (0.58, 0.641), 0.0312, 0.5802, (0.549, 0.61), method),
        "map50": Measure(0.8802, (0.851, 0.907), 0.0901, 0.7901, (0.758, 0.82), method),
    }
    details = {
        **boxes(),
        "reference": "strongest",
        "baselines": {"strongest": {name: one.baseline for name, one in measures.items()}},
    }
    gain = Finding("map", "gain >=", 0, 0.549, True, "critical", 48, (0.549, 0.61))
    sample.run = replace(sample.run, recipe="strewn_shapes", kind="vision", task="detect")
    sample.recipe = replace(sample.recipe, name="strewn_shapes", title="Shapes", kind="vision", task="detect", gates={})
    sample.data = _uncounted(sample, "strewn_shapes.jsonl is JSON lines, UTF-8.", {"boxes": "[[4, 6, 20, 20]]"})
    sample.reports = {
        "data": _dealt(sample.run.id, 384, 48, 48),
        "evaluate": Report(sample.run.id, "evaluate", 48, measures, DIGEST, 1, details),
    }
    sample.verdicts["evaluate"] = _verdict(sample.run.id, "evaluate", gain)
    sample.better, sample.gives = dict.fromkeys(measures, "max"), "boxes"
    return sample
