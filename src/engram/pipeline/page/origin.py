"""Where the result comes from: the recipe as it ran, and the provenance."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engram.pipeline.page.tables import card, empty, fold
from engram.pipeline.page.text import esc, plural
from engram.schema.codec import to_dict
from engram.schema.recipe import Recipe

KEY = re.compile(r"^(\s*(?:- )*)([\w.-]+)(:)(?= |$)(.*)$")
HEX = re.compile(r"[0-9a-f]{12,}")


def recipe_card(recipe: Recipe) -> str:
    """Return the whole recipe, defaults included, folded."""
    import yaml

    lines = yaml.safe_dump(to_dict(recipe), sort_keys=False, allow_unicode=True, width=100).splitlines()
    code = f'<pre class="code well" tabindex="0"><code>{chr(10).join(map(_coloured, lines))}</code></pre>'
    body = '<p class="say">Everything the run was asked to do, defaults included.</p>'
    return card("recipe", "Recipe", body + fold(f"Show {plural(len(lines), 'line')}", code), span=6)


def provenance_card(provenance: Mapping[str, str]) -> str:
    """Return the list of digests and versions; long ones wrap anywhere."""
    if not provenance:
        return card(
            "provenance", "Provenance", empty("Digests and versions are listed when the run has begun."), span=6
        )
    facts = "".join(
        f"<div><dt>{esc(key.replace('_', ' '))}</dt><dd{_mono(value)}>{esc(value)}</dd></div>"
        for key, value in provenance.items()
    )
    return card("provenance", "Provenance", f'<dl class="facts">{facts}</dl>', span=6)


def _mono(value: str) -> str:
    return ' class="mono"' if HEX.search(str(value)) else ""


def _coloured(line: str) -> str:
    found = KEY.match(line)
    if not found:
        return esc(line)
    indent, key, colon, rest = found.groups()
    value = f'<span class="v">{esc(rest)}</span>' if rest else ""
    return f'{esc(indent)}<span class="k">{esc(key)}</span>{colon}{value}'
