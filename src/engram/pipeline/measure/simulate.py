"""Stage simulate: the exported model answers a load of requests, as it would once deployed.

Embedded runs simulate in this process, without a network; the certificate says so, and the verdict is advisory.
"""

from __future__ import annotations

from engram import files
from engram.data.cache import load_split
from engram.data.rows import read_part, sample_inputs
from engram.errors import UserError
from engram.pipeline.context import Context
from engram.schema.report import Measure, Report
from engram.serve.batch import Batcher
from engram.serve.load import open_exports
from engram.serve.load_test import run_load


def _written(context: Context) -> dict[str, str]:
    """Return the digests of the exported files as they were when the judge wrote them."""
    return {
        f"{name}/{path}": digest
        for name in context.recipe.export
        for path, digest in files.read_json(context.folder.path / f"written-{name}.json").items()
    }


def simulate(context: Context) -> Report:
    """Send the test rows, again and again, from `concurrency` clients for the recipe's seconds."""
    folder = context.folder.split_folder(context.home)
    split, _ = load_split(folder)
    inputs = sample_inputs(read_part(folder, split.parts["test"]), split.parts["test"].rows)
    if not inputs:
        raise UserError("No test row is small enough to be asked about.", remedy="Cut the files into shorter ones.")
    context.code()
    predictor = open_exports(context.folder.exports, context.recipe, split.labels, _written(context))
    plan = context.recipe.simulate
    with Batcher(predictor) as batcher:
        found = run_load(batcher.ask, inputs, plan.concurrency, plan.seconds, context.progress("milliseconds"))
    return Report(
        run=context.spec.run,
        stage="simulate",
        n=found.requests,
        split_digest=split.digest,
        metrics={
            "p50_latency_ms": Measure(found.percentile(50)),
            "p95_latency_ms": Measure(found.percentile(95)),
            "error_rate": Measure(found.errors / max(1, found.requests)),
            "requests_per_second": Measure(found.requests / found.seconds),
        },
        details={"concurrency": plan.concurrency, "seconds": found.seconds, "where": "in-process, advisory"},
    )
