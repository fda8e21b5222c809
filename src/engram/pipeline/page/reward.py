"""The reward curve: what the policy earned at each validation, in the middle of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engram.pipeline.page.loss import KEYS, points
from engram.pipeline.page.plot import frame, nice, path, stretched
from engram.pipeline.page.tables import card, empty, fold, table
from engram.pipeline.page.text import number, plural


def section(curve: Sequence[Mapping[str, float]], span: int, note: str = "") -> str:
    """Return the card of the reward curve; a sentence, and `note`, where nothing was validated yet."""
    found = points(curve, "valid_reward")
    if not found:
        return card("reward", "Reward", empty("The reward of each validation is drawn here." + note), span=span)
    x = nice(found[0][0], found[-1][0], tight=True, whole=True)
    y = nice(min(value for _, value in found), max(value for _, value in found))
    step, best = max(found, key=lambda point: point[1])
    says = (
        f"Mean return over the validation seeds: {number(found[0][1])} at first, at best {number(best)} "
        f"after {plural(int(step), 'step')}."
    )
    kinds = {at: "mark best" if at == step else "mark" for at, _ in found}
    marks = "".join(
        f'<circle class="{kinds[at]}" cx="{x.at(at)}%" cy="{100 - y.at(value):.6g}%" r="4"/>' for at, value in found
    )
    drawn = stretched(f'<path class="valid" d="{path(x, y, found)}"/>') + marks
    cursor = '<line class="cursor" x1="0" x2="0" y1="0" y2="100%"/>'
    key = f'<svg class="key" aria-hidden="true">{KEYS["valid"]}</svg>'
    lines = [[number(at), number(value)] for at, value in found]
    places = [f"{x.at(at):g}" for at, _ in found]
    shown = table("Reward by step", ("Step", "Mean return"), lines, right=frozenset({1}), tall=True, places=places)
    body = (
        f'<figure data-cursor><figcaption class="say">{says}</figcaption>'
        f'<ul class="legend"><li>{key}validation (filled: best)</li></ul>'
        + frame(x, y, "step in the environment", drawn + cursor, says)
        + f'<p class="reading"></p>{fold("Show as table", shown)}</figure>'
    )
    return card("reward", "Reward", body, span=span)
