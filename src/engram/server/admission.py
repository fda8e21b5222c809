"""What may be deployed: only what its gates admitted and this home certified; and the load test before it answers.

The load goes the way of every request, over gRPC into the models of the core, from as many clients and for as long as
the artifact's recipe says. The gate is the one that the run declared for its stage `simulate`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from engram import registry
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import read_payload
from engram.artifacts.store import folder_of
from engram.data.cache import load_split
from engram.data.rows import read_part, sample_inputs
from engram.errors import EngramError, Forbidden, NotFound, Refused, ServerAway
from engram.gate.criteria import judge
from engram.gate.defaults import declare
from engram.gate.digest import report_digest, verdict_digest
from engram.ledger.certificate import read_certificate
from engram.ledger.dsse import unseal
from engram.ledger.encoding import from_canonical_json
from engram.ledger.verify import verify_certificate
from engram.schema.codec import from_dict
from engram.schema.criterion import Criterion
from engram.schema.recipe import Recipe
from engram.schema.report import Measure, Report
from engram.schema.verdict import Finding, Verdict
from engram.security.principal import ADMIN
from engram.serve.load_test import Load, run_load
from engram.server.access import Caller
from engram.server.platform import Platform
from engram.server.routes.artifacts import find as find_artifact
from engram.store.records import evidence, runs
from engram.store.records.artifacts import Artifact

Mode = Literal["enforced", "advisory"]
STAGE = "deploy"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MOST_SECONDS, MOST_CLIENTS, MOST_SAMPLES = 10.0, 32, 256


@dataclass(frozen=True)
class Admitted:
    """An artifact that may answer. evidence: digests of the load test's report and verdict, for the ledger."""

    artifact: Artifact
    evidence: Mapping[str, str]


def admit(here: Platform, who: Caller, digest: str, mode: Mode = "enforced") -> Admitted:
    """Let an artifact through to be deployed, after all that is asked of it.

    mode: `advisory` reports what the load test finds and refuses nothing; it is for Admins.

    Raises NotFound; Refused for what was not admitted by its gates and certified here, and with the figures when it
    does not bear the load; Forbidden; ServerAway.
    """
    if mode == "advisory" and who.principal.role != ADMIN:
        raise Forbidden("Only an Admin may deploy what has not borne its load.", remedy="Leave out ?simulate=advisory.")
    if not DIGEST.fullmatch(digest):
        said = "A candidate can never be deployed" if digest.startswith("candidate:") else f"{digest!r} is no artifact"
        raise Refused(f"{said}.", remedy="Deploy what a run published, by its digest: sha256:…")
    return let_through(here, find_artifact(here, who.to("artifacts.read"), digest), mode)


def let_through(here: Platform, artifact: Artifact, mode: Mode = "enforced") -> Admitted:
    """Do what `admit` does for an artifact whose owner has been let in already."""
    check_certified(here, artifact)
    list(here.core.predict(artifact.digest, []))  # it is opened before anybody is sent to it
    with here.simulating:
        found = simulate(here, artifact)
    if found is None:
        return Admitted(artifact, {})
    report, verdict = found
    with here.db.write() as tx:
        _keep(tx, report, verdict)
    missed = "; ".join(_say(one) for one in verdict.criteria if not one.passed)
    if missed and mode == "enforced":
        raise Refused(
            f"The artifact does not bear the load of a deployment: {missed}.",
            remedy=f"The report of stage {STAGE} of run {artifact.run} has the figures.",
        )
    return Admitted(artifact, {"report": report_digest(report), "verdict": verdict_digest(verdict)})


def check_certified(here: Platform, artifact: Artifact) -> None:
    """Refuse what is deleted, what this home did not certify, and what a gate refused.

    Raises Refused, NotFound.
    """
    folder = folder_of(here.home / "artifacts", artifact.digest)
    if artifact.deleted is not None or not (folder / "manifest.json").is_file():
        raise NotFound(f"There is no artifact {artifact.digest} any more.")
    if not (folder / "certificate.json").is_file():
        raise Refused(f"Artifact {artifact.digest} has no certificate; it can't be deployed.")
    content, key = (folder / "certificate.json").read_bytes(), here.ledger.key
    bad = [one for one in verify_certificate(content, key, (folder / "manifest.json").read_bytes()) if not one.ok]
    if bad:
        raise Refused(f"The certificate of artifact {artifact.digest} does not hold: {bad[0].name}: {bad[0].detail}")
    statement = from_canonical_json(unseal(read_certificate(content).dsse, key))
    if statement["subject"][0]["digest"]["sha256"] != artifact.digest.removeprefix("sha256:"):
        raise Refused(f"The certificate beside artifact {artifact.digest} is another artifact's.")
    said = statement["predicate"]
    approved = {one["stage"] for one in said.get("reviews", []) if one["decision"] == "approve"}
    for stage, verdict in said.get("verdicts", {}).items():
        cleared = verdict["decision"] == "advance" or (verdict["decision"] == "review" and stage in approved)
        if not cleared and stage != "simulate":  # what was found in-process there is advice
            raise Refused(f"The gate of stage {stage} did not admit artifact {artifact.digest}.")


def simulate(here: Platform, artifact: Artifact) -> tuple[Report, Verdict] | None:
    """Let the core answer a load of the artifact's own test rows; None when its gates ask nothing of it.

    Raises Refused when there are no rows to ask, or the artifact doesn't answer them; ServerAway.
    """
    place = folder_of(here.home / "artifacts", artifact.digest)
    recipe = from_dict(Recipe, json.loads(read_payload(place, "recipe.json", HomeKeys(here.home))))
    criteria = gates_of(recipe)
    if not criteria:
        return None
    samples, split = samples_of(here, artifact)
    plan = recipe.simulate
    clients, seconds = min(plan.concurrency, MOST_CLIENTS), min(plan.seconds, MOST_SECONDS)

    def ask(one: str) -> None:
        for _ in here.core.predict(artifact.digest, [one]):
            pass

    try:
        load = run_load(ask, samples, clients, seconds)
    except ServerAway:
        raise
    except EngramError as error:
        raise Refused(f"The artifact does not answer its own test rows: {error}") from error
    report = report_of(artifact, load, clients, split)
    return report, judge(report, criteria)


def gates_of(recipe: Recipe) -> tuple[Criterion, ...]:
    """Return what a recipe's run declared for the stage simulate."""
    task = registry.get("kind", recipe.kind).tasks[recipe.task]
    return declare(task.gates, recipe.gates).get("simulate", ())


def report_of(artifact: Artifact, load: Load, clients: int, split: str) -> Report:
    """Return what a load showed, as the report of the stage `deploy` of the artifact's run."""
    metrics = {
        "p50_latency_ms": Measure(load.percentile(50)),
        "p95_latency_ms": Measure(load.percentile(95)),
        "error_rate": Measure(load.errors / max(1, load.requests)),
        "requests_per_second": Measure(load.requests / load.seconds),
    }
    where = {"where": "through the core, enforced", "artifact": artifact.digest}
    details: dict[str, Any] = {"concurrency": clients, "seconds": load.seconds, **where}
    return Report(artifact.run, STAGE, load.requests, metrics, split, details=details)


def samples_of(here: Platform, artifact: Artifact) -> tuple[list[str], str]:
    """Return test rows of the artifact's run as JSON documents, and the digest of their split.

    Raises Refused when they are gone.
    """
    run = here.folder(artifact.run)
    try:
        folder = run.split_folder(here.home)
        split, _ = load_split(folder)
        rows = sample_inputs(read_part(folder, split.parts["test"]), MOST_SAMPLES)
    except (FileNotFoundError, NotFound):
        rows = []
    if not rows:
        raise Refused(
            f"The test rows of run {artifact.run} are gone, so its artifact can't be asked before it is deployed.",
            remedy="Train it again, or keep the runs of what you deploy (pin them).",
        )
    return [json.dumps(one) for one in rows], split.digest


def _keep(tx: Connection, report: Report, verdict: Verdict) -> None:
    if runs.maybe_run(tx, report.run) is not None:
        evidence.put_report(tx, report)
        evidence.put_verdict(tx, verdict)


def _say(one: Finding) -> str:
    seen = "nothing" if one.observed is None else format(one.observed, ".4g")
    return f"{one.metric} {one.op} {one.threshold:g}, observed {seen}"
