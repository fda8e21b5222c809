"""The head of the report: what ran, how it ended, and the result in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engram.pipeline.page.forest import verdict_class
from engram.pipeline.page.icons import icon
from engram.pipeline.page.stages import STATES, TITLES
from engram.pipeline.page.tables import kpi
from engram.pipeline.page.text import esc, interval, is_number, metric_title, moment, number, plural
from engram.schema.recipe import Recipe
from engram.schema.report import Measure, Report
from engram.schema.run import RunRecord

FIRST_CHOICES = ("accuracy", "macro_f1")


def head(run: RunRecord, recipe: Recipe, report: Report | None, baseline: str) -> str:
    """Return the title, the badge, the headline and the headline numbers; `baseline` is escaped."""
    tone, badge = STATES[run.state]
    facts = [f"{esc(recipe.kind)} · {esc(recipe.task)}", esc(recipe.model.source), f"started {moment(run.created)}"]
    if run.attempt > 1:
        facts.append(f"attempt {run.attempt}")
    meta = "".join(f"<span>{fact}</span>" for fact in facts)
    reason = f"<p>{esc(run.reason)}</p>" if run.reason else ""
    return (
        f'<section class="hero" aria-labelledby="title"><h1 id="title">{esc(recipe.title or recipe.name)}</h1>'
        f'<div class="meta"><span class="pill {tone}">{icon(tone, 16)}{badge}</span>{meta}</div>'
        f'<p class="lead">{headline(run, recipe, report, baseline)}</p>{reason}'
        f"{_numbers(recipe, report, baseline)}</section>"
    )


def primary(report: Report | None, wanted: Iterable[str]) -> tuple[str, Measure] | None:
    """Return the measure of the headline: the first wanted one that has a number, else the first of all."""
    if report is None:
        return None
    names = [*wanted, *FIRST_CHOICES, *report.metrics]
    found = [name for name in names if name in report.metrics and is_number(report.metrics[name].value)]
    compared = [name for name in found if is_number(report.metrics[name].baseline)]
    chosen = next(iter(compared or found), None)
    return (chosen, report.metrics[chosen]) if chosen is not None else None


def headline(run: RunRecord, recipe: Recipe, report: Report | None, baseline: str) -> str:
    """Return the result in one sentence; without a measurement, where the run stands."""
    chosen = primary(report, recipe.evaluate.metrics)
    if chosen is None:
        where = f" in the {TITLES.get(run.stage, esc(run.stage)).lower()} stage" if run.stage else ""
        words = {"refused": "was refused", "queued": "is queued", "published": "is published"}
        state = words.get(run.state) or f"is {STATES[run.state][1].lower()}".replace("is failed", "failed")
        return f"The run {state}{where}, and the tuned model has not been measured."
    metric, measure = chosen
    title = esc(metric_title(metric))
    if measure.baseline is None or measure.value is None:
        return (
            f"{title} is {number(measure.value)}, 95 % interval {interval(measure.interval)}; no baseline was measured."
        )
    gain = measure.difference if measure.difference is not None else measure.value - measure.baseline
    if number(measure.value) == number(measure.baseline) or gain == 0:
        said = f"{title} stayed at {number(measure.value)} ({baseline}: {number(measure.baseline)})"
    else:
        moved = "rose" if gain > 0 else "fell"
        said = f"{title} {moved} from {number(measure.baseline)} ({baseline}) to {number(measure.value)}"
    said += f": {number(gain, signed=True)}"
    if not measure.difference_interval:
        return said + ", without an interval."
    tail = {
        "unsure": " The interval includes zero, so the difference may be chance.",
        "harm": " The tuned model is worse than its baseline.",
    }
    ends = interval(measure.difference_interval, signed=True)
    return f"{said}, 95 % interval {ends}." + tail.get(verdict_class(metric, measure.difference_interval), "")


def scored(times: int) -> str:
    """Return how often a test part was scored, and what more than once means."""
    if times <= 0:
        return "of the test part"
    if times == 1:
        return "test part scored once"
    return f"test part scored {number(times)} times; each look flatters"


def _numbers(recipe: Recipe, report: Report | None, baseline: str) -> str:
    chosen = primary(report, recipe.evaluate.metrics)
    if chosen is None or report is None:
        return ""
    metric, measure = chosen
    title = esc(metric_title(metric))
    tiles = [
        kpi(f"{title}, tuned", number(measure.value), f"95 % {interval(measure.interval)}" if measure.interval else "")
    ]
    if measure.baseline is not None:
        tiles.append(kpi(f"{title}, baseline", number(measure.baseline), baseline))
    if measure.difference is not None:
        ends = interval(measure.difference_interval, signed=True) if measure.difference_interval else ""
        tiles.append(kpi("Difference", number(measure.difference, signed=True), f"95 % {ends}" if ends else ""))
    tiles.append(kpi("Test rows", number(report.n), scored(report.times_scored)))
    return f'<dl class="kpis">{"".join(tiles)}</dl>'


def reference(reports: Mapping[str, Report], provenance: Mapping[str, str]) -> str:
    """Return the reference baseline's name in words, escaped: from the reports' details, else from the provenance."""
    places = [reports[stage].details for stage in ("evaluate", "baseline") if stage in reports]
    for place in (*places, provenance):
        found = place.get("reference") or place.get("reference_baseline")
        if isinstance(found, str) and found:
            return esc(found.replace("_", " "))
    return "reference baseline"


def description(recipe: Recipe, report: Report | None) -> str:
    """Return the page's description for the head of the document."""
    rows = f", {plural(report.n, 'test row')}" if report else ""
    return f"Training report of {esc(recipe.title or recipe.name)}{rows}"
