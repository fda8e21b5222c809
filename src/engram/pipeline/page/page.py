"""The report of a run as one HTML file: it needs no network, no script and no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence

from engram.pipeline.page import forest, gates, header, middle, origin, rows
from engram.pipeline.page.baselines import baselines
from engram.pipeline.page.icons import icon
from engram.pipeline.page.middle import Card
from engram.pipeline.page.script import SCRIPT
from engram.pipeline.page.stages import ended, ordered
from engram.pipeline.page.style import sheet
from engram.pipeline.page.text import esc
from engram.schema.recipe import Recipe
from engram.schema.report import Report
from engram.schema.run import RunRecord
from engram.schema.split import DataReport
from engram.schema.takes import Noun
from engram.schema.verdict import Verdict

THEMES = (("system", "System"), ("light", "Light"), ("dark", "Dark"))
THEME_ICONS = {"system": "system", "light": "sun", "dark": "moon"}


def render(
    run: RunRecord,
    recipe: Recipe,
    data: DataReport | None,
    reports: Mapping[str, Report],
    verdicts: Mapping[str, Verdict],
    curve: Sequence[Mapping[str, float]],
    provenance: Mapping[str, str],
    *,
    better: Mapping[str, str],
    gives: Noun | None,
) -> str:
    """Return the whole report as HTML.

    data: None before the data stage has ended. reports, verdicts: by stage; any may be missing.
    reports["data"].details: ``rows`` (part → rows).
    reports["evaluate"].details: ``reference`` (the reference baseline's name), ``baselines`` (name → metric → value),
    and of classes ``labels``, ``confusion_matrix`` (rows truth, columns guess), ``per_class_f1`` and ``reliability``,
    of spans ``labels``, ``tag_confusion`` and ``per_type_f1``, of texts ``examples``, of speech ``samples``.
    curve: ``{step, loss, lr, grad_norm}`` for each training step and ``{step, valid_loss}`` for each validation.
    provenance: names and what they name, as ``{"split": "sha256:…"}``.
    better: metric → ``max`` or ``min``, the task's primary one first. gives: what the task's answers are.

    The page asks nothing of the network: its policy allows its own style and script alone, by their digests.
    """
    evaluated = reports.get("evaluate")
    against = baselines(reports, provenance, gives)
    note = ended(run)
    every = rows.measurements(reports, ordered(reports))
    cards = [
        Card("stages", "Gates", gates.timeline(run, verdicts)),
        Card("compare", "Baseline and tuned", forest.section(evaluated, against, better, note)),
        *middle.cards(evaluated, gives, better, curve, note),
        Card("criteria", "Gate criteria", gates.criteria(recipe, verdicts, every)),
        Card("data", "Data", rows.section(data, reports.get("data"), note)),
        Card("recipe", "Recipe", origin.recipe_card(recipe)),
        Card("provenance", "Provenance", origin.provenance_card(provenance)),
    ]
    top = header.head(run, recipe, evaluated, against.reference, better)
    return _document(esc(recipe.title or recipe.name), esc(run.id), header.description(recipe, evaluated), top, cards)


def policy(style: str, script: str) -> str:
    """Return the content security policy that allows this style and this script, by digest, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "media-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _document(title: str, run_id: str, about: str, top: str, cards: Sequence[Card]) -> str:
    style = sheet()
    brand = f'<div class="brand"><i aria-hidden="true">{icon("brand", 20)}</i>Engram</div>'
    links = "".join(f'<li><a href="#{card.anchor}">{card.title}</a></li>' for card in cards)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(style, SCRIPT)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f'<meta name="description" content="{about}"><link rel="icon" href="data:,"><title>{title} · Engram</title>'
        f'<style>{style}</style></head><body><a class="skip" href="#main">Skip to the report</a><div class="shell">'
        f'<aside class="side">{brand}<nav aria-labelledby="contents"><p class="cap" id="contents">On this page</p>'
        f"<ul>{links}</ul></nav></aside>"
        f'<div class="main"><header class="top">{brand}<p class="crumb">Runs / <b>{run_id}</b></p>{_themes()}</header>'
        f'<main id="main">{top}<div class="grid">{"".join(card.html for card in cards)}</div></main>'
        f'<footer class="foot">Report of run {run_id}. This file holds everything it shows and asks nothing of the '
        f"network.</footer></div></div><script>{SCRIPT}</script></body></html>\n"
    )


def _themes() -> str:
    choices = "".join(
        f'<input type="radio" name="theme" id="theme-{key}" autocomplete="off"{" checked" if key == "system" else ""}>'
        f'<label for="theme-{key}">{icon(THEME_ICONS[key], 16)}<span>{words}</span></label>'
        for key, words in THEMES
    )
    return f'<div class="themes" role="radiogroup" aria-label="Colours">{choices}</div>'
