"""The gates: a timeline of the stages, and every criterion that was asked."""

from __future__ import annotations

from collections.abc import Mapping

from engram.pipeline.page.icons import icon
from engram.pipeline.page.stages import TITLES, Standing, ordered, standings
from engram.pipeline.page.tables import card, empty, name, table, word
from engram.pipeline.page.text import DASH, esc, interval, metric_title, number, plural
from engram.schema.recipe import Recipe
from engram.schema.run import RunRecord
from engram.schema.verdict import Finding, Verdict

SIGNS = {">=": "≥", "<=": "≤", "==": "=", "gain >=": "gain ≥"}
MOST_SHOWN = 3


def timeline(run: RunRecord, verdicts: Mapping[str, Verdict]) -> str:
    """Return the card with a dot for each stage, its decision and its most telling criteria."""
    stages = standings(run, verdicts)
    reached = [standing.tone != "idle" for standing in stages[1:]] + [False]
    items = "".join(map(_stage, stages, reached))
    aside = "A missed critical criterion rolls back; a missed major one waits for a person."
    return card("stages", "Gates", f'<ol class="gates">{items}</ol>', aside=aside)


def criteria(recipe: Recipe, verdicts: Mapping[str, Verdict], more: str = "") -> str:
    """Return the card with every criterion of every stage, judged or still waiting; `more` is HTML put beneath."""
    judged = [(stage, finding) for stage in ordered(verdicts) for finding in verdicts[stage].criteria]
    waiting = {stage: asked for stage, asked in recipe.gates.items() if stage not in verdicts}
    lines = [_judged(stage, finding) for stage, finding in judged]
    for stage in ordered(waiting):
        for criterion in waiting[stage]:
            lines.append(_line(stage, criterion.metric, *criterion.demand(), result=word("idle", "Not judged")))
            lines[-1][7] = criterion.severity.capitalize()
    title = "Gate criteria"
    if not lines:
        none = "No gate has been judged yet, and the recipe adds no criteria of its own."
        return card("criteria", title, empty(none) + more)
    heads = ("Stage", "Metric", "Asked", "Observed", "95 % interval", "n", "Result", "Severity", "Reason")
    says = f'<p class="say">{summary([finding for _, finding in judged])}</p>'
    shown = table("Every criterion of every stage", heads, lines, right=frozenset({3, 5}), stack=True)
    return card("criteria", title, says + shown + more)


def summary(findings: list[Finding]) -> str:
    """Return how many criteria passed, and which kind was missed."""
    missed = [finding for finding in findings if not finding.passed]
    if not findings:
        return "The recipe's own criteria wait to be judged."
    if not missed:
        return (
            "The one criterion passed."
            if len(findings) == 1
            else f"All {plural(len(findings), 'criterion', 'criteria')} passed."
        )
    kinds = [(kind, sum(finding.severity == kind for finding in missed)) for kind in ("critical", "major")]
    said = " and ".join(f"{number(count)} {kind}" for kind, count in kinds if count)
    total = plural(len(findings), "criterion", "criteria")
    return f"{number(len(findings) - len(missed))} of {total} passed; {said} missed."


def _asked(op: str, threshold: float) -> str:
    return (
        f"{SIGNS.get(op) or esc(op)} {number(threshold).rstrip('0') if '.' in number(threshold) else number(threshold)}"
    )


def _stage(standing: Standing, past: bool) -> str:
    first = sorted(standing.findings, key=lambda finding: finding.passed)
    items = "".join(
        f"<li>{_mark(finding.passed)}<span>{esc(metric_title(finding.metric))} <b>{number(finding.observed)}</b> "
        f'<span class="nowrap">({_asked(finding.op, finding.threshold)})</span></span></li>'
        for finding in first[:MOST_SHOWN]
    )
    more = len(first) - MOST_SHOWN
    items += f'<li><span></span><a href="#criteria">and {more} more</a></li>' if more > 0 else ""
    return (
        f'<li class="{standing.tone}{" past" if past else ""}"><span class="bar"></span>'
        f'<span class="node">{icon(standing.tone)}</span><div><h3>{TITLES[standing.stage]}</h3>'
        f'<p class="state {standing.tone}">{standing.word}</p>'
        f"{f'<ul>{items}</ul>' if items else ''}</div></li>"
    )


def _mark(passed: bool) -> str:
    kind, text = ("ok", "passed") if passed else ("bad", "missed")
    return f'<span class="{kind}">{icon(kind, 14)}<span class="sr">{text}</span></span>'


def _line(stage: str, metric: str, op: str, threshold: float, result: str) -> list[str]:
    where, asked = TITLES.get(stage) or esc(stage), f'<span class="nowrap">{_asked(op, threshold)}</span>'
    return [where, name(metric_title(metric)), asked, DASH, DASH, DASH, result, "", ""]


def _judged(stage: str, finding: Finding) -> list[str]:
    result = word("ok", "Passed") if finding.passed else word("bad", "Missed")
    line = _line(stage, finding.metric, finding.op, finding.threshold, result)
    observed = "absent" if finding.observed is None else number(finding.observed)
    ends = f'<span class="nowrap">{interval(finding.interval)}</span>' if finding.interval else DASH
    seen = [observed, ends, number(finding.n) if finding.n else DASH]
    reason = esc(finding.reason) or ("" if finding.passed else "the observed value does not reach what is asked")
    return [*line[:3], *seen, result, finding.severity.capitalize(), reason]
