"""Samples: a few test rows to listen to, the recording beside its copy and what the model spoke."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engram.pipeline.page.tables import card, empty
from engram.pipeline.page.text import esc, is_number, number, rows
from engram.schema.report import Report

WHAT = {"reference": "Recording", "copy": "Recording through the vocoder", "answer": "Model"}
# What may stand in a page as a sound: base64 of a FLAC and nothing else.
SOUND = re.compile(r"data:audio/flac;base64,[A-Za-z0-9+/]+={0,2}")


def section(report: Report | None, note: str = "") -> str:
    """Return the card of the samples; a sentence, and `note`, where there are none."""
    title = "Samples"
    lines = [line for line in rows(report.details.get("samples")) if _fits(line)] if report else []
    if not lines:
        waiting = "A few test rows can be listened to here when the evaluate stage has ended."
        return card("samples", title, empty((waiting if report is None else "The report holds no samples.") + note))
    says = "A few test rows: the recording, the same through the vocoder alone, and what the model spoke; at most two "
    says += "seconds of each. The model's speech is synthetic."
    cases = "".join(map(_case, lines))
    return card("samples", title, f'<p class="say">{says}</p><ol class="cases">{cases}</ol>')


def _fits(line: Any) -> bool:
    whole = isinstance(line, Mapping) and isinstance(line.get("text"), str) and is_number(line.get("row"))
    return whole and isinstance(line.get("sounds"), Mapping)


def _case(line: Mapping[str, Any]) -> str:
    far = f"{number(line.get('distance'), decimals=2)} dB from the recording"
    head = f'<p class="case"><b>{esc(line["text"])}</b><span>row {number(line["row"])}, {far}</span></p>'
    heard = line.get("heard")
    said = f"<div><dt>Heard by the judge</dt><dd>{esc(heard) or 'nothing'}</dd></div>" if isinstance(heard, str) else ""
    players = "".join(
        f'<div><dt>{words}</dt><dd><audio controls preload="none" aria-label="{words}: {esc(line["text"])}" '
        f'src="{line["sounds"][what]}"></audio></dd></div>'
        for what, words in WHAT.items()
        if isinstance(line["sounds"].get(what), str) and SOUND.fullmatch(line["sounds"][what])
    )
    return f'<li class="well">{head}<dl class="facts tight">{players}{said}</dl></li>'
