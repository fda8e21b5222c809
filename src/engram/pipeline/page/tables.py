"""Cards, tables and folded parts: the HTML that every section shares. Arguments are HTML, escaped by the caller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engram.pipeline.page.icons import icon
from engram.pipeline.page.text import DASH, esc

METER = '<svg class="meter"'


def card(name: str, title: str, body: str, *, span: int = 12, aside: str = "") -> str:
    """Return a section with its heading; `name` is its anchor, `span` its width in twelfths."""
    hint = f'<p class="hint">{aside}</p>' if aside else ""
    return (
        f'<section class="card c{span}" id="{name}" aria-labelledby="{name}-title">'
        f'<header><h2 id="{name}-title">{title}</h2>{hint}</header>{body}</section>'
    )


def empty(sentence: str) -> str:
    """Return the sentence that stands where nothing can be shown."""
    return f'<p class="empty">{sentence}</p>'


def word(tone: str, text: str) -> str:
    """Return a decision as an icon and a word; `tone` is one of ok, warn, bad, run, idle and done."""
    return f'<span class="word {tone}">{icon(tone, 16)}{text}</span>'


def kpi(title: str, value: str, note: str = "") -> str:
    """Return one headline number with its name and a note beneath."""
    small = f"<small>{note}</small>" if note else ""
    return f'<div class="kpi well"><dt>{title}</dt><dd>{value}{small}</dd></div>'


def name(value: object) -> str:
    """Return a name from data: cut by the style where it is long, whole in its title and for screen readers.

    >>> name("<b>")
    '<span class="name" title="&lt;b&gt;">&lt;b&gt;</span>'
    """
    return f'<span class="name" title="{esc(value)}">{esc(value)}</span>'


def fold(title: str, body: str, opened: bool = False) -> str:
    """Return a part that is folded away until asked for."""
    return f"<details{' open' if opened else ''}><summary>{title}</summary>{body}</details>"


def table(
    caption: str,
    heads: Sequence[str],
    lines: Iterable[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    tall: bool = False,
    stack: bool = False,
    places: Sequence[str] = (),
) -> str:
    """Return a table in a box that scrolls by itself and can be focused.

    caption: the table's name for screen readers. heads: plain text where `stack` is set. right: columns of numbers.
    tall: at most 460 px high, and its head stays. stack: on narrow screens each line becomes a small card. places: the
    horizontal place of each line on its chart, in percent, for the chart's cursor.
    """
    body = []
    for at, line in enumerate(lines):
        cells = [_cell(heads[i] if stack else "", i, cell, i in right) for i, cell in enumerate(line)]
        place = f' data-x="{places[at]}"' if places else ""
        body.append(f"<tr{place}>{''.join(cells)}</tr>")
    columns = "".join(f'<th scope="col"{_head(head, i in right)}>{head}</th>' for i, head in enumerate(heads))
    kind = ' class="stack"' if stack else ""
    return (
        f'<div class="scroll{" tall" if tall else ""}" role="region" tabindex="0" aria-label="{caption}">'
        f'<table{kind}><caption class="sr">{caption}</caption><thead><tr>{columns}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def meter(share: float) -> str:
    """Return a bar of a share, 0 to 1; the number stands beside it."""
    width = round(max(0.0, min(1.0, share)) * 100, 1)
    return (
        f'{METER} aria-hidden="true"><rect class="track" width="100%" height="8" rx="4"/>'
        f'<rect class="fill" width="{width}%" height="8" rx="4"/></svg>'
    )


def _head(head: str, right: bool) -> str:
    return ' class="bars"' if head.startswith("<span") else ' class="r"' if right else ""


def _cell(head: str, column: int, cell: str, right: bool) -> str:
    if column == 0:
        return f'<th scope="row">{cell}</th>'
    classes = " ".join(["r"] * right + ["bars"] * cell.startswith(METER) + ["none"] * (cell in ("", DASH)))
    label = f' data-label="{head}"' if head else ""
    return f"<td{label}{f' class={chr(34)}{classes}{chr(34)}' if classes else ''}>{cell}</td>"
