"""The head of the report: what ran, how it ended, and the result in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engram.pipeline.page.forest import verdict_class
from engram.pipeline.page.icons import icon
from engram.pipeline.page.scales import in_order, unit_of
from engram.pipeline.page.stages import STATES, TITLES
from engram.pipeline.page.tables import kpi
from engram.pipeline.page.text import arrow, esc, interval, is_lower, is_number, metric_title, moment, number, plural
from engram.schema.recipe import Recipe
from engram.schema.report import Measure, Report
from engram.schema.run import RunRecord


def head(run: RunRecord, recipe: Recipe, report: Report | None, baseline: str, better: Mapping[str, str]) -> str:
    """Return the title, the badge, the headline and the headline numbers.

    baseline: the reference baseline's name, escaped. better: metric → ``max`` or ``min``, the primary one first.
    """
    tone, badge = STATES[run.state]
    facts = [f"{esc(recipe.kind)} · {esc(recipe.task)}", esc(recipe.model.source), f"started {moment(run.created)}"]
    if run.attempt > 1:
        facts.append(f"attempt {run.attempt}")
    meta = "".join(f"<span>{fact}</span>" for fact in facts)
    reason = f"<p>{esc(run.reason)}</p>" if run.reason else ""
    return (
        f'<section class="hero" aria-labelledby="title"><h1 id="title">{esc(recipe.title or recipe.name)}</h1>'
        f'<div class="meta"><span class="pill {tone}">{icon(tone, 16)}{badge}</span>{meta}</div>'
        f'<p class="lead">{headline(run, recipe, report, baseline, better)}</p>{reason}'
        f"{_numbers(recipe, report, baseline, better)}</section>"
    )


def primary(report: Report | None, wanted: Iterable[str]) -> tuple[str, Measure] | None:
    """Return the measure of the headline: the first wanted one that has a number, else the first of all."""
    if report is None:
        return None
    found = [(name, one) for name, one in in_order(report.metrics, wanted) if is_number(one.value)]
    compared = [(name, one) for name, one in found if is_number(one.baseline)]
    return next(iter(compared or found), None)


def headline(run: RunRecord, recipe: Recipe, report: Report | None, baseline: str, better: Mapping[str, str]) -> str:
    """Return the result in one sentence; without a measurement, where the run stands."""
    chosen = primary(report, (*recipe.evaluate.metrics, *better))
    if chosen is None:
        where = f" in the {TITLES.get(run.stage, esc(run.stage)).lower()} stage" if run.stage else ""
        words = {"refused": "was refused", "queued": "is queued", "published": "is published"}
        state = words.get(run.state) or f"is {STATES[run.state][1].lower()}".replace("is failed", "failed")
        return f"The run {state}{where}, and the tuned model has not been measured."
    metric, measure = chosen
    title, places = esc(metric_title(metric)), unit_of(metric).decimals
    value, ends = number(measure.value, decimals=places), interval(measure.interval, decimals=places)
    lower = " Lower is better." if is_lower(metric, better) else ""
    if measure.baseline is None or measure.value is None:
        return f"{title} is {value}, 95 % interval {ends}; no baseline was measured.{lower}"
    before = number(measure.baseline, decimals=places)
    gain = measure.difference if measure.difference is not None else measure.value - measure.baseline
    if value == before or gain == 0:
        said = f"{title} stayed at {value} ({baseline}: {before})"
    else:
        moved = "rose" if gain > 0 else "fell"
        said = f"{title} {moved} from {before} ({baseline}) to {value}"
    said += f": {number(gain, signed=True, decimals=places)}"
    if not measure.difference_interval:
        return f"{said}, without an interval.{lower}"
    tail = {
        "unsure": " The interval includes zero, so the difference may be chance.",
        "harm": " The tuned model is worse than its baseline.",
    }
    ends = interval(measure.difference_interval, signed=True, decimals=places)
    kind = verdict_class(metric, measure.difference_interval, better)
    return f"{said}, 95 % interval {ends}.{lower}{tail.get(kind, '')}"


def scored(times: int) -> str:
    """Return how often a test part was scored, and what more than once means."""
    if times <= 0:
        return "of the test part"
    if times == 1:
        return "test part scored once"
    return f"test part scored {number(times)} times; each look flatters"


def _numbers(recipe: Recipe, report: Report | None, baseline: str, better: Mapping[str, str]) -> str:
    chosen = primary(report, (*recipe.evaluate.metrics, *better))
    if chosen is None or report is None:
        return ""
    metric, measure = chosen
    places = unit_of(metric).decimals
    mark = arrow(metric, better)
    title = esc(metric_title(metric)) + (f'{mark}<span class="sr"> (lower is better)</span>' if mark else "")
    ends = f"95 % {interval(measure.interval, decimals=places)}" if measure.interval else ""
    tiles = [kpi(f"{title}, tuned", number(measure.value, decimals=places), ends)]
    if measure.baseline is not None:
        tiles.append(kpi(f"{title}, baseline", number(measure.baseline, decimals=places), baseline))
    if measure.difference is not None:
        found = measure.difference_interval
        ends = f"95 % {interval(found, signed=True, decimals=places)}" if found else ""
        tiles.append(kpi("Difference", number(measure.difference, signed=True, decimals=places), ends))
    tiles.append(kpi("Test rows", number(report.n), scored(report.times_scored)))
    return f'<dl class="kpis">{"".join(tiles)}</dl>'


def description(recipe: Recipe, report: Report | None) -> str:
    """Return the page's description for the head of the document."""
    rows = f", {plural(report.n, 'test row')}" if report else ""
    return f"Training report of {esc(recipe.title or recipe.name)}{rows}"
